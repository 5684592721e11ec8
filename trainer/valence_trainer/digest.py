"""sha256 of files, and of a set of files as one."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_digest(root: Path, names: Iterable[str]) -> str:
    """`sha256:<hex>` over the names and bytes of files. It is what
    `sha256sum $(printf '%s\\n' <names> | LC_ALL=C sort) | sha256sum` prints inside `root`, so that a user can pin it."""
    whole = hashlib.sha256()
    for name in sorted(names, key=lambda name: name.encode()):
        whole.update(f"{file_sha256(root / name)}  {name}\n".encode())
    return f"sha256:{whole.hexdigest()}"
