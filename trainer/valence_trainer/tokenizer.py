"""The fast tokenizer of a checkpoint, with the maximal length stated by us.

A packaged tokenizer.json can carry truncation and padding of its own (all-MiniLM-L6-v2: both 128). Saved unchanged into an
artifact they would silently cut every text of every server, so both are always set here.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tokenizers import Tokenizer

from valence_trainer.errors import Failure

_SPECIAL_TOKENS = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


@dataclass(frozen=True)
class TextTokenizer:
    tokenizer: Tokenizer
    config: dict[str, Any]
    special_tokens: dict[str, Any]
    pad_id: int
    truncation_side: Literal["left", "right"]
    """The end that a text over the maximal length loses."""

    @staticmethod
    def load(directory: Path, pad_id: int | None) -> "TextTokenizer":
        """`pad_id`: as the model's configuration has it."""
        config = _read_json(directory / "tokenizer_config.json")
        path = directory / "tokenizer.json"
        if path.is_file():
            try:
                tokenizer = Tokenizer.from_file(str(path))
            except Exception as error:  # the library raises bare Exceptions
                raise Failure("ModelInvalid", f"tokenizer.json cannot be read: {error}") from error
        else:
            tokenizer = _convert(directory)
        special = _read_json(directory / "special_tokens_map.json") or {
            name: config[name] for name in _SPECIAL_TOKENS if config.get(name) is not None
        }
        if pad_id is None:
            pad = special.get("pad_token", "[PAD]")
            pad_id = tokenizer.token_to_id(pad["content"] if isinstance(pad, dict) else pad) or 0
        # As transformers decides it: the configuration, else what the packaged truncation does.
        side = config.get("truncation_side", (tokenizer.truncation or {}).get("direction", "right"))
        if side not in ("left", "right"):
            raise Failure("ModelInvalid", f"tokenizer_config.json: truncation_side must be left or right, found {side!r}")
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return TextTokenizer(tokenizer, config, special, pad_id, side)

    @property
    def stated_max_length(self) -> int | None:
        """Transformers writes a huge number where there is no limit."""
        stated = self.config.get("model_max_length")
        return stated if isinstance(stated, int) and 8 <= stated < 1_000_000 else None

    def set_max_length(self, max_length: int) -> None:
        self.tokenizer.enable_truncation(max_length, direction=self.truncation_side)
        self.config["model_max_length"] = max_length
        if self.truncation_side != "right":
            # Servers read it here.
            self.config["truncation_side"] = self.truncation_side

    def encode(self, texts: list[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self.tokenizer.encode_batch(texts)]

    def uses_token_types(self, texts: list[str]) -> bool:
        return any(any(encoding.type_ids) for encoding in self.tokenizer.encode_batch(texts))

    def save(self, directory: Path) -> None:
        self.tokenizer.save(str(directory / "tokenizer.json"), pretty=False)
        _write_json(directory / "tokenizer_config.json", self.config)
        _write_json(directory / "special_tokens_map.json", self.special_tokens)


def _convert(directory: Path) -> Tokenizer:
    """Older checkpoints have a vocabulary only; transformers knows how each kind becomes a fast tokenizer."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(directory, use_fast=True, local_files_only=True).backend_tokenizer
    except Exception as error:
        raise Failure("ModelInvalid", f"no tokenizer.json, and none can be made of the other files: {error}") from error


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Failure("ModelInvalid", f"{path.name} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise Failure("ModelInvalid", f"{path.name} must hold a JSON object")
    return value


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
