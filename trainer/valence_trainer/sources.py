"""Where weights and data come from: `hf://owner/name[/folder]`, `pvc://claim/path`, `file:///path`.

Each becomes a Source: the names of its files, and a way to have some of them on the local disk.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from valence_trainer.errors import Failure
from valence_trainer.hub import HubRepository, RepositoryKind

CLAIMS_ENV = "VALENCE_CLAIMS_DIR"
# contract/names.ts, MOUNTS.claims
CLAIMS_DIR = "/var/lib/valence/claims"


@dataclass(frozen=True)
class Source:
    uri: str
    revision: str | None
    """The commit that was read, for a repository."""
    files: tuple[str, ...]
    """Relative, `/` as separator, sorted."""
    is_file: bool
    """The URI names one file, which is then the only one of `files`."""
    fetch: Callable[[Iterable[str]], Path]
    """Makes files local and returns the directory that their names are relative to."""


def open_source(field: str, uri: str, revision: str | None, kind: RepositoryKind) -> Source:
    """`field` is where the URI stands in the spec, for messages."""
    parts = urlsplit(uri)
    path = unquote(parts.path)
    if parts.query or parts.fragment:
        raise Failure("SpecInvalid", f"{field}.uri: {uri!r} must not have a query or a fragment")
    if ".." in PurePosixPath(path).parts or ".." in parts.netloc or "\0" in path:
        raise Failure("SpecInvalid", f"{field}.uri: {uri!r} must not contain '..'")
    match parts.scheme:
        case "hf":
            return _open_repository(field, uri, parts.netloc, path, revision, kind)
        case "pvc":
            if not parts.netloc:
                raise Failure("SpecInvalid", f"{field}.uri: {uri!r} names no claim; write pvc://<claim>/<path>")
            claim = Path(os.environ.get(CLAIMS_ENV, CLAIMS_DIR)) / parts.netloc
            if not claim.is_dir():
                raise Failure("SourceUnavailable", f"{field}.uri: {uri}: the claim is not mounted at {claim}")
            return _open_local(field, uri, claim / path.lstrip("/"), revision, inside=claim)
        case "file":
            if parts.netloc or not path.startswith("/"):
                raise Failure("SpecInvalid", f"{field}.uri: {uri!r} must be file:///<absolute path>")
            return _open_local(field, uri, Path(path), revision, inside=None)
        case _:
            raise Failure("SpecInvalid", f"{field}.uri: {uri!r} must begin with hf://, pvc:// or file://")


def _open_repository(field: str, uri: str, owner: str, path: str, revision: str | None, kind: RepositoryKind) -> Source:
    name, *folder = [part for part in path.split("/") if part] or [""]
    if not owner or not name:
        raise Failure("SpecInvalid", f"{field}.uri: {uri!r} must be hf://<owner>/<name>, with an optional folder after it")
    repository = HubRepository.open(field, f"{owner}/{name}", revision, kind)
    prefix = "".join(f"{part}/" for part in folder)
    files = tuple(file.removeprefix(prefix) for file in repository.files if file.startswith(prefix))
    if not files:
        raise Failure("SourceUnavailable", f"{field}.uri: {uri}: the repository has no folder {'/'.join(folder)!r}")
    return Source(
        uri=uri,
        revision=repository.commit,
        files=files,
        is_file=False,
        fetch=lambda names: repository.fetch(prefix + name for name in names) / prefix,
    )


def _open_local(field: str, uri: str, path: Path, revision: str | None, inside: Path | None) -> Source:
    if revision is not None:
        raise Failure("SpecInvalid", f"{field}.revision: only an hf:// source has revisions; {uri} has none")
    if inside is not None and not path.resolve().is_relative_to(inside.resolve()):
        raise Failure("SpecInvalid", f"{field}.uri: {uri}: a link leads out of the claim")
    if path.is_file():
        return Source(uri, None, (path.name,), True, lambda _names: path.parent)
    if not path.is_dir():
        raise Failure("SourceUnavailable", f"{field}.uri: {uri}: nothing is at {path}")
    files = []
    for directory, directories, names in os.walk(path):
        directories[:] = sorted(name for name in directories if not name.startswith("."))
        files += [(Path(directory) / name).relative_to(path).as_posix() for name in names]
    return Source(uri, None, tuple(sorted(files)), False, lambda _names: path)
