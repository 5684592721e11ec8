"""The container's termination message: what the operator learns of a run that ended."""

import json
import logging
import os
from pathlib import Path
from typing import Any

from valence_trainer.errors import Failure

log = logging.getLogger(__name__)

PATH_ENV = "TERMINATION_MESSAGE_PATH"
DEFAULT_PATH = "/dev/termination-log"
# The kubelet cuts off what is beyond.
MAX_BYTES = 4096
MAX_MESSAGE_BYTES = 2048


def succeeded(digest: str, metrics: dict[str, Any]) -> dict[str, Any]:
    return {"result": "Succeeded", "manifestSha256": digest, "metrics": metrics}


def failed(failure: Failure) -> dict[str, Any]:
    return {"result": "Failed", "reason": failure.reason, "message": shorten(failure.message, MAX_MESSAGE_BYTES)}


def write_termination_message(message: dict[str, Any]) -> None:
    """Kubernetes makes the file; elsewhere there is none, and that is no error."""
    path = Path(os.environ.get(PATH_ENV, DEFAULT_PATH))
    if not path.exists():
        log.info("no termination message is written: %s does not exist", path)
        return
    text = json.dumps(message)
    if len(text) > MAX_BYTES and "message" in message:
        # Escapes make the JSON longer than the text.
        text = json.dumps({**message, "message": shorten(message["message"], MAX_MESSAGE_BYTES // 6)})
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        log.error("the termination message cannot be written to %s: %s", path, error)


def shorten(text: str, max_bytes: int) -> str:
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= max_bytes:
        return text
    return encoded[: max_bytes - 3].decode("utf-8", "ignore") + "..."
