"""The state of an unfinished training run, kept beside the output: `<out>/.<version>.checkpoint/state.pt`.

One file, replaced atomically: a kill at any moment leaves the old one or the new one.
"""

import hashlib
import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any

import torch

log = logging.getLogger(__name__)

State = dict[str, Any]


class CheckpointStore:
    """`inputs`: everything that the weights depend on. A checkpoint of other inputs is not resumed."""

    def __init__(self, out: Path, version: str, inputs: dict[str, Any]) -> None:
        self.directory = _directory(out, version)
        self._path = self.directory / "state.pt"
        self._inputs = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()

    def load(self) -> State | None:
        if not self._path.exists():
            return None
        try:
            # weights_only: a checkpoint is data; nothing in it is run.
            state: State = torch.load(self._path, map_location="cpu", weights_only=True)
        except (OSError, MemoryError):
            raise
        except Exception as error:  # a damaged file fails in the reader's own many ways; the run then begins anew
            log.warning("the checkpoint %s cannot be read and is ignored: %s", self._path, error)
            return None
        if state.get("inputs") != self._inputs:
            log.warning("the checkpoint %s is of other inputs and is ignored", self._path)
            return None
        return state

    def save(self, state: State) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        with partial.open("wb") as file:
            torch.save({**state, "inputs": self._inputs}, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._path)


def remove_checkpoint(out: Path, version: str) -> None:
    shutil.rmtree(_directory(out, version), ignore_errors=True)


def _directory(out: Path, version: str) -> Path:
    return out / f".{version}.checkpoint"
