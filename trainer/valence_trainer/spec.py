"""The trainer's `--spec`: parsed, validated against the contract, defaults filled in."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from valence_trainer.errors import Failure
from valence_trainer.schema import fill_defaults, find_error, load_schema

# A version becomes a directory name beside `.<version>.partial` and `.<version>.checkpoint`.
_VERSION = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", re.ASCII)


@dataclass(frozen=True)
class SourceRef:
    uri: str
    revision: str | None


@dataclass(frozen=True)
class DatasetSpec:
    field: str
    """Where it stands in the spec, for messages."""
    uri: str
    revision: str | None
    digest: str | None
    split: str
    text_column: str
    label_column: str
    samples: int | None
    shuffle_seed: int


@dataclass(frozen=True)
class Hyperparameters:
    epochs: int
    batch_size: int
    learning_rate: float
    head_learning_rate: float
    weight_decay: float
    warmup_ratio: float
    schedule: Literal["linear", "constant"]
    dropout: float | None
    max_grad_norm: float
    max_length: int
    seed: int
    precision: Literal["auto", "fp32", "bf16"]
    freeze_embeddings: bool
    freeze_layers: int
    holdout_ratio: float


@dataclass(frozen=True)
class Train:
    base_model: SourceRef
    dataset: DatasetSpec
    hyperparameters: Hyperparameters


@dataclass(frozen=True)
class Import:
    source: SourceRef
    max_length: int | None


@dataclass(frozen=True)
class Spec:
    version: str
    labels: tuple[str, ...]
    source: Train | Import
    evaluation: DatasetSpec | None
    image: str | None
    given: dict[str, Any]
    """As it was given; recorded in the manifest."""
    identity: dict[str, Any]
    """What was asked for, with defaults and without the image: equal identities give equal artifacts."""


def read_spec(argument: str) -> Spec:
    """`argument`: JSON, or `@<file>` holding it."""
    text = argument
    if argument.startswith("@"):
        try:
            text = Path(argument[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Failure("SpecInvalid", f"--spec: cannot read {argument[1:]}: {error}") from error
    try:
        given = json.loads(text)
    except json.JSONDecodeError as error:
        raise Failure("SpecInvalid", f"--spec: not JSON: {error}") from error
    return parse_spec(given)


def parse_spec(given: Any) -> Spec:
    if not isinstance(given, dict):
        raise Failure("SpecInvalid", f"--spec: must be a JSON object, found {type(given).__name__}")
    schema = load_schema("trainer-spec")
    message = _source_error(given.get("source", {})) or find_error(schema, given)
    if message:
        raise Failure("SpecInvalid", message)
    filled = fill_defaults(schema, given)

    version, labels = filled["version"], filled["labels"]
    if not _VERSION.fullmatch(version):
        raise Failure("SpecInvalid", f"version: {version!r} must be lower-case letters, digits, '-' and '.'")
    repeated = [label for label, count in Counter(labels).items() if count > 1]
    if repeated:
        raise Failure("SpecInvalid", f"labels: {repeated[0]!r} is given more than once")
    if any(not label.strip() for label in labels):
        raise Failure("SpecInvalid", "labels: a label must not be empty")

    source: Train | Import
    if "train" in filled["source"]:
        train = filled["source"]["train"]
        source = Train(
            base_model=_source_ref(train["baseModel"]),
            dataset=_dataset("source.train.dataset", train["dataset"]),
            hyperparameters=_hyperparameters(train["hyperparameters"]),
        )
    else:
        imported = filled["source"]["import"]
        source = Import(source=_source_ref(imported), max_length=imported.get("maxLength"))
    evaluation = filled.get("evaluation")
    return Spec(
        version=version,
        labels=tuple(labels),
        source=source,
        evaluation=_dataset("evaluation", evaluation) if evaluation else None,
        image=filled.get("image"),
        given=given,
        identity=identity_of(filled),
    )


def identity_of(given: dict[str, Any]) -> dict[str, Any]:
    filled = fill_defaults(load_schema("trainer-spec"), given)
    return {key: value for key, value in filled.items() if key != "image"}


def _source_error(source: Any) -> str | None:
    """A union's own message would only say that no branch matches."""
    if not isinstance(source, dict):
        return "source: must be an object with train or import"
    found = sorted(set(source) & {"train", "import"})
    if len(found) == 1:
        return None
    return f"source: exactly one of train and import must be given, found {' and '.join(found) or 'none'}"


def _source_ref(value: dict[str, Any]) -> SourceRef:
    return SourceRef(uri=value["uri"], revision=value.get("revision"))


def _dataset(field: str, value: dict[str, Any]) -> DatasetSpec:
    if value["shuffleSeed"] < 0:
        raise Failure("SpecInvalid", f"{field}.shuffleSeed: {value['shuffleSeed']} must not be negative")
    if not re.fullmatch(r"[\w.-]+", value["split"]):
        raise Failure("SpecInvalid", f"{field}.split: {value['split']!r} must be a plain name such as train or test")
    return DatasetSpec(
        field=field,
        uri=value["uri"],
        revision=value.get("revision"),
        digest=value.get("digest"),
        split=value["split"],
        text_column=value["textColumn"],
        label_column=value["labelColumn"],
        samples=value.get("samples"),
        shuffle_seed=value["shuffleSeed"],
    )


def _hyperparameters(value: dict[str, Any]) -> Hyperparameters:
    learning_rate = _decimal(value, "learningRate", above=0)
    if value["seed"] < 0:
        raise Failure("SpecInvalid", f"{_FIELD}.seed: {value['seed']} must not be negative")
    return Hyperparameters(
        epochs=value["epochs"],
        batch_size=value["batchSize"],
        learning_rate=learning_rate,
        head_learning_rate=_decimal(value, "headLearningRate", above=0) if "headLearningRate" in value else learning_rate,
        weight_decay=_decimal(value, "weightDecay", least=0),
        warmup_ratio=_decimal(value, "warmupRatio", least=0, below=1),
        schedule=value["schedule"],
        dropout=_decimal(value, "dropout", least=0, below=1) if "dropout" in value else None,
        max_grad_norm=_decimal(value, "maxGradNorm", above=0),
        max_length=value["maxLength"],
        seed=value["seed"],
        precision=value["precision"],
        freeze_embeddings=value["freeze"]["embeddings"],
        freeze_layers=value["freeze"]["layers"],
        holdout_ratio=_decimal(value, "holdoutRatio", above=0, below=1),
    )


_FIELD = "source.train.hyperparameters"
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def _decimal(
    value: dict[str, Any], name: str, *, least: float | None = None, above: float | None = None, below: float | None = None
) -> float:
    text = value[name]
    if not _DECIMAL.fullmatch(text):
        raise Failure("SpecInvalid", f'{_FIELD}.{name}: {text!r} is not a decimal number such as "2e-5"')
    number = float(text)
    for bound, is_met, words in (
        (least, least is None or number >= least, "at least"),
        (above, above is None or number > above, "above"),
        (below, below is None or number < below, "below"),
    ):
        if not is_met:
            raise Failure("SpecInvalid", f"{_FIELD}.{name}: {text} must be {words} {bound:g}")
    return number
