"""SIGTERM, and Ctrl-C: a preempted or evicted pod has seconds to save what it can."""

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from valence_trainer.errors import Interrupted

log = logging.getLogger(__name__)


class Interruption:
    """Raises Interrupted wherever the program is; inside `deferred` only where `check` is called, so that a
    training step is never torn apart and its state can be saved."""

    def __init__(self) -> None:
        self.is_requested = False
        self._is_deferred = False

    @contextmanager
    def installed(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        self._is_deferred = True
        try:
            yield
        finally:
            self._is_deferred = False

    def check(self) -> None:
        if self.is_requested:
            raise Interrupted("stopped by a signal; the next attempt resumes from the last checkpoint")

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.is_requested:
            return
        self.is_requested = True
        log.warning("%s received", signal.Signals(number).name)
        if not self._is_deferred:
            self.check()
