"""How far a run is: kept in one place, shown on a terminal or as JSON lines, and read by the HTTP server."""

import json
import sys
import threading
import time
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TextIO

from prometheus_client import CollectorRegistry, Gauge
from tqdm import tqdm

Phase = Literal["Preparing", "Training", "Evaluating", "Exporting", "Publishing", "Done", "Failed"]
PHASES: tuple[Phase, ...] = ("Preparing", "Training", "Evaluating", "Exporting", "Publishing", "Done", "Failed")

# Without a terminal a line is written at most this often.
LINE_INTERVAL_SECONDS = 5.0


@dataclass(frozen=True)
class Snapshot:
    phase: Phase = "Preparing"
    progress: float = 0.0
    """Share of the training steps done, 0 to 1."""
    epoch: int = 0
    step: int = 0
    steps: int = 0
    loss: float | None = None
    """Mean of the last steps."""
    samplesPerSecond: float | None = None  # noqa: N815 - the name in the JSON answer
    etaSeconds: float | None = None  # noqa: N815


class Progress:
    def __init__(self, stream: TextIO | None = None) -> None:
        self.registry = CollectorRegistry()
        self._gauges = {
            "progress": Gauge("training_progress_ratio", "Share of the training steps done", registry=self.registry),
            "loss": Gauge("training_loss", "Mean training loss of the last steps", registry=self.registry),
            "samplesPerSecond": Gauge("training_samples_per_second", "Training rows per second", registry=self.registry),
            "epoch": Gauge("training_epoch", "Epoch that is being trained, from 1", registry=self.registry),
            "step": Gauge("training_step", "Training steps done", registry=self.registry),
            "steps": Gauge("training_steps", "Training steps in all", registry=self.registry),
            "etaSeconds": Gauge("training_eta_seconds", "Seconds of training that are left", registry=self.registry),
        }
        self._phase_gauge = Gauge("training_phase", "1 for the current phase", ["phase"], registry=self.registry)
        self._stream = stream or sys.stdout
        self._bar: tqdm[Any] | None = None
        self._last_line = 0.0
        self._lock = threading.Lock()
        self._snapshot = Snapshot()
        self.enter("Preparing")

    @property
    def snapshot(self) -> Snapshot:
        with self._lock:
            return self._snapshot

    def enter(self, phase: Phase) -> None:
        self._set(phase=phase)
        for name in PHASES:
            self._phase_gauge.labels(name).set(1 if name == phase else 0)
        self._close_bar()
        self._write_line()

    def step(self, *, epoch: int, step: int, steps: int, loss: float, samples_per_second: float, eta_seconds: float) -> None:
        self._set(
            progress=step / steps,
            epoch=epoch,
            step=step,
            steps=steps,
            loss=loss,
            samplesPerSecond=round(samples_per_second, 3),
            etaSeconds=round(eta_seconds, 1),
        )
        if self._stream.isatty():
            if self._bar is None:
                self._bar = tqdm(total=steps, initial=step, unit="step", file=self._stream, dynamic_ncols=True)
            self._bar.set_description(f"epoch {epoch}", refresh=False)
            self._bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
            self._bar.update(step - self._bar.n)
        elif step == steps or time.monotonic() - self._last_line >= LINE_INTERVAL_SECONDS:
            self._write_line()

    def write(self, **fields: Any) -> None:
        """A JSON line beside the progress lines; nothing on a terminal."""
        if not self._stream.isatty():
            print(json.dumps(fields, ensure_ascii=False), file=self._stream, flush=True)

    def print(self, text: str) -> None:
        """A line for a person; nothing where the output is JSON lines."""
        if self._stream.isatty():
            self._close_bar()
            print(text, file=self._stream, flush=True)

    def _set(self, **changes: Any) -> None:
        with self._lock:
            self._snapshot = replace(self._snapshot, **changes)
        for name, gauge in self._gauges.items():
            value = changes.get(name)
            if value is not None:
                gauge.set(value)

    def _write_line(self) -> None:
        self._last_line = time.monotonic()
        self.write(**{key: value for key, value in asdict(self.snapshot).items() if value is not None})

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
