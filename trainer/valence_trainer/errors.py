"""Failures with the reason that reaches the user as a condition of the resource, and the exit code that decides on a retry."""

import errno
from collections.abc import Iterator
from typing import Literal

Reason = Literal[
    "SpecInvalid",
    "DataInvalid",
    "ModelInvalid",
    "ArtifactInvalid",
    "SourceUnavailable",
    "CredentialsRefused",
    "StorageFull",
    "OutOfMemory",
    "Interrupted",
    "InternalError",
]

EXIT_DONE = 0
# The same input fails again: never retried.
EXIT_INVALID = 3
# Retried with back-off.
EXIT_SOURCE = 4
EXIT_OTHER = 1
# 128 + SIGTERM, as a shell reports it.
EXIT_INTERRUPTED = 143

_EXIT_CODES: dict[Reason, int] = {
    "SpecInvalid": EXIT_INVALID,
    "DataInvalid": EXIT_INVALID,
    "ModelInvalid": EXIT_INVALID,
    "ArtifactInvalid": EXIT_INVALID,
    "SourceUnavailable": EXIT_SOURCE,
    "CredentialsRefused": EXIT_SOURCE,
    "StorageFull": EXIT_OTHER,
    "OutOfMemory": EXIT_OTHER,
    "InternalError": EXIT_OTHER,
    "Interrupted": EXIT_INTERRUPTED,
}


class Failure(Exception):
    """An outcome with a reason. The message names the field or file, what was found, and what to do."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.message = message

    @property
    def exit_code(self) -> int:
        return _EXIT_CODES[self.reason]


class Interrupted(BaseException):
    """Not an Exception: code that takes any Exception for a damaged file must not take a signal for one."""


def as_failure(error: BaseException) -> Failure:
    """The Failure that an exception stands for. Storage and memory are told apart by what the operating system and PyTorch
    report, which libraries wrap in exceptions of their own."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, Interrupted):
        return Failure("Interrupted", str(error))
    for cause in _chain(error):
        text = str(cause)
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
            where = f" ({cause.filename})" if cause.filename else ""
            return Failure("StorageFull", f"no space left to write{where}: enlarge the volume or free space on it")
        if "No space left on device" in text or "Disk quota exceeded" in text:
            return Failure("StorageFull", f"no space left to write: enlarge the volume or free space on it ({text})")
        if isinstance(cause, MemoryError) or type(cause).__name__ == "OutOfMemoryError" or "can't allocate memory" in text:
            return Failure(
                "OutOfMemory",
                f"out of memory: lower hyperparameters.batchSize or maxLength, or give more memory ({_first_line(text)})",
            )
    return Failure("InternalError", f"{type(error).__name__}: {_first_line(str(error)) or 'no message'}")


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def _first_line(text: str) -> str:
    return text.strip().split("\n", 1)[0]
