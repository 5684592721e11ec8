"""Validation against the JSON Schemas that are generated from the contract's zod schemas (dev/generate-schemas.ts)."""

import json
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

Schema = dict[str, Any]


@cache
def load_schema(name: str) -> Schema:
    text = resources.files("valence_trainer").joinpath("schemas", f"{name}.schema.json").read_text(encoding="utf-8")
    schema: Schema = json.loads(text)
    return schema


def find_error(schema: Schema, value: Any) -> str | None:
    """One sentence that names the field, or None where the value is valid."""
    error = best_match(Draft202012Validator(schema).iter_errors(value))
    return None if error is None else _sentence(error)


def fill_defaults(schema: Schema, value: Any) -> Any:
    """The value with the schema's defaults filled in, also those inside objects that are absent themselves."""
    if "anyOf" in schema:
        for branch in schema["anyOf"]:
            if Draft202012Validator(branch).is_valid(value):
                return fill_defaults(branch, value)
        return value
    if isinstance(value, dict) and "properties" in schema:
        filled = dict(value)
        for name, child in schema["properties"].items():
            if name in filled:
                filled[name] = fill_defaults(child, filled[name])
            elif "default" in child:
                filled[name] = fill_defaults(child, child["default"])
        return filled
    return value


def _sentence(error: ValidationError) -> str:
    path = ".".join(str(part) for part in error.absolute_path)
    return f"{path or 'the document'}: {error.message}"
