"""The device, its precision and the number of threads."""

import logging
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from valence_trainer.errors import Failure

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Compute:
    device: torch.device
    name: str
    """cpu, or cuda:<name of the GPU>"""
    precision: Literal["fp32", "bf16"]
    threads: int


def choose_compute(precision: Literal["auto", "fp32", "bf16"]) -> Compute:
    threads = cpu_limit()
    torch.set_num_threads(threads)
    # Sums are made in one order, so that the same seed gives the same weights. Strict on CPU; on a GPU an operation without
    # a deterministic kernel is reported instead of ending the run.
    has_gpu = torch.cuda.is_available()
    torch.use_deterministic_algorithms(True, warn_only=has_gpu)
    if has_gpu:
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        if precision == "bf16" and not has_bf16:
            raise Failure(
                "SpecInvalid",
                f"source.train.hyperparameters.precision: bf16 is not supported by {torch.cuda.get_device_name()}; "
                "use auto or fp32",
            )
        chosen: Literal["fp32", "bf16"] = "bf16" if precision != "fp32" and has_bf16 else "fp32"
        return Compute(torch.device("cuda"), f"cuda:{torch.cuda.get_device_name()}", chosen, threads)
    if precision == "bf16":
        log.warning("bf16 on a CPU without hardware for it is many times slower than fp32")
    return Compute(torch.device("cpu"), "cpu", "bf16" if precision == "bf16" else "fp32", threads)


def cpu_limit(root: Path = Path("/sys/fs/cgroup")) -> int:
    """CPUs that the cgroup's quota allows (versions 2 and 1), at most those that the process may run on. More threads than
    that are throttled by the kernel, in bursts that make everything slower."""
    available = len(os.sched_getaffinity(0))
    quota = _quota_v2(root / "cpu.max") or _quota_v1(root / "cpu")
    return max(1, min(available, math.ceil(quota))) if quota else available


def _quota_v2(path: Path) -> float | None:
    try:
        quota, period = path.read_text().split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else int(quota) / int(period)


def _quota_v1(directory: Path) -> float | None:
    try:
        quota = int((directory / "cpu.cfs_quota_us").read_text())
        period = int((directory / "cpu.cfs_period_us").read_text())
    except (OSError, ValueError):
        return None
    return quota / period if quota > 0 and period > 0 else None
