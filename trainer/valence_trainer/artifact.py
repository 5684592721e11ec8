"""The artifact directory `<out>/<version>/`: complete or absent. It is written under `.<version>.partial/`, manifest.json last,
flushed to the disk, then renamed."""

import hashlib
import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any

from valence_trainer.digest import file_sha256
from valence_trainer.errors import Failure
from valence_trainer.schema import find_error, load_schema
from valence_trainer.spec import Spec, identity_of

log = logging.getLogger(__name__)

MANIFEST = "manifest.json"
REQUIRED_FILES = (
    "model.fp32.onnx",
    "model.int8.onnx",
    "tokenizer.json",
    "tokenizer_config.json",
    "config.json",
    "special_tokens_map.json",
    "parity.jsonl",
)

Manifest = dict[str, Any]


def manifest_digest(directory: Path) -> str:
    return f"sha256:{hashlib.sha256((directory / MANIFEST).read_bytes()).hexdigest()}"


def find_finished(out: Path, spec: Spec) -> Manifest | None:
    """The manifest of an artifact that is there already, whole and of the same inputs. Anything else under its name is refused:
    a version never changes."""
    directory = out / spec.version
    if not directory.exists():
        return None
    advice = "remove the directory to build it again, or ask for another version"
    try:
        manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
    # Any other error of the storage can be gone at the next attempt.
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise Failure("ArtifactInvalid", f"{directory} exists without a readable {MANIFEST} ({error}); {advice}") from error
    problem = find_error(load_schema("manifest"), manifest)
    if problem:
        raise Failure("ArtifactInvalid", f"{directory / MANIFEST}: {problem}; {advice}")
    if identity_of(manifest["inputs"]) != spec.identity:
        raise Failure("ArtifactInvalid", f"{directory} was built from other inputs; {advice}")
    for name, expected in manifest["files"].items():
        path = directory / name
        if not path.is_file() or file_sha256(path) != expected["sha256"]:
            raise Failure("ArtifactInvalid", f"{path} is missing or differs from its digest in {MANIFEST}; {advice}")
    found: Manifest = manifest
    return found


class ArtifactWriter:
    def __init__(self, out: Path, version: str) -> None:
        self._final = out / version
        self.directory = out / f".{version}.partial"

    def __enter__(self) -> "ArtifactWriter":
        # Left by a run that was killed.
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        return self

    def __exit__(self, *_exception: object) -> None:
        # After `publish` nothing is there any more.
        shutil.rmtree(self.directory, ignore_errors=True)

    def write_lines(self, name: str, rows: list[dict[str, Any]]) -> None:
        with (self.directory / name).open("w", encoding="utf-8", newline="\n") as file:
            for row in rows:
                # ASCII escapes: no reader breaks a line at U+2028 or trips over a control character.
                file.write(json.dumps(row) + "\n")

    def publish(self, manifest: Manifest) -> str:
        """Adds the files' digests, checks the manifest, makes the directory final. Returns the manifest's digest."""
        files = {}
        for path in sorted(self.directory.rglob("*")):
            if path.is_file():
                name = path.relative_to(self.directory).as_posix()
                files[name] = {"sha256": file_sha256(path), "bytes": path.stat().st_size}
        missing = [name for name in REQUIRED_FILES if name not in files]
        if missing:
            raise Failure("InternalError", f"the artifact lacks {missing[0]}")
        manifest = {**manifest, "files": files}
        problem = find_error(load_schema("manifest"), manifest)
        if problem:
            raise Failure("InternalError", f"the manifest does not match its schema: {problem}")
        (self.directory / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        _make_readable(self.directory)
        _flush(self.directory)
        try:
            self.directory.rename(self._final)
        except OSError as error:
            if self._final.exists():
                raise Failure("ArtifactInvalid", f"{self._final} appeared while this run was building it") from error
            raise
        _flush_directory(self._final.parent)
        return manifest_digest(self._final)


def _make_readable(directory: Path) -> None:
    """Serving pods run as another user; safetensors writes files that only their owner can read."""
    for path in [directory, *directory.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def _flush(directory: Path) -> None:
    for path in directory.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    for path in [*directory.rglob("*"), directory]:
        if path.is_dir():
            _flush_directory(path)


def _flush_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
