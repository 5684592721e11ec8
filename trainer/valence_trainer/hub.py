"""A repository of the Hugging Face Hub, at one commit, through the Hub's own client (HF_ENDPOINT and HF_TOKEN are its)."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from valence_trainer.errors import Failure

log = logging.getLogger(__name__)

RepositoryKind = Literal["model", "dataset"]


@dataclass(frozen=True)
class HubRepository:
    field: str
    name: str
    kind: RepositoryKind
    commit: str
    files: tuple[str, ...]

    @staticmethod
    def open(field: str, name: str, revision: str | None, kind: RepositoryKind) -> "HubRepository":
        try:
            info = HfApi().repo_info(name, revision=revision, repo_type=kind)
        except Exception as error:
            raise _failure(field, name, revision, kind, error) from error
        if info.sha is None:
            raise Failure("SourceUnavailable", f"{field}.uri: the Hub names no commit for {kind} {name}")
        if revision is None:
            log.warning("%s.revision: not given; %s is read at its newest commit %s", field, name, info.sha)
        files = tuple(sorted(file.rfilename for file in info.siblings or []))
        return HubRepository(field, name, kind, info.sha, files)

    def fetch(self, files: Iterable[str]) -> Path:
        """Downloads files into the client's cache; returns the snapshot directory that holds them under their names."""
        root: Path | None = None
        for file in files:
            try:
                path = hf_hub_download(self.name, file, revision=self.commit, repo_type=self.kind)
            except Exception as error:
                raise _failure(self.field, self.name, self.commit, self.kind, error) from error
            root = Path(path).parents[file.count("/")]
        if root is None:
            raise ValueError("no file to fetch")
        return root


def _failure(field: str, name: str, revision: str | None, kind: RepositoryKind, error: Exception) -> Exception:
    """What the Hub said, in a sentence. It answers 401 for a repository that is missing as well as for one that is private."""
    status = error.response.status_code if isinstance(error, HfHubHTTPError) and error.response is not None else None
    if isinstance(error, HFValidationError):
        return Failure("SpecInvalid", f"{field}.uri: {error}")
    if isinstance(error, GatedRepoError):
        return Failure("CredentialsRefused", f"{field}.uri: {kind} {name} is gated: set HF_TOKEN to one that was granted access")
    if isinstance(error, RevisionNotFoundError):
        return Failure("SourceUnavailable", f"{field}.revision: {kind} {name} has no revision {revision!r}")
    if status in (401, 403):
        return Failure(
            "CredentialsRefused",
            f"{field}.uri: the Hub answered {status} for {kind} {name}: it does not exist, or HF_TOKEN may not read it",
        )
    if isinstance(error, RepositoryNotFoundError):
        return Failure("SourceUnavailable", f"{field}.uri: the Hub has no {kind} {name}")
    if isinstance(error, (LocalEntryNotFoundError, HfHubHTTPError, ConnectionError)) or _is_transport(error):
        cause = str(error.__cause__ or error).strip().split("\n", 1)[0]
        return Failure("SourceUnavailable", f"{field}.uri: {kind} {name} could not be read from the Hub: {cause}")
    return error


def _is_transport(error: Exception) -> bool:
    """The client's HTTP library changes between its releases; its network errors share this module-independent base name."""
    return any(base.__name__ in ("TransportError", "RequestError", "RequestException") for base in type(error).__mro__)
