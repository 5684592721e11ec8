"""Process environment that libraries read when they are imported: call `prepare_environment` before any of them is.

A training pod has a read-only root file system and a user id without a home: caches and temporary files go to $TMPDIR.
"""

import os
import tempfile
from pathlib import Path


def prepare_environment() -> None:
    scratch = Path(tempfile.gettempdir())
    # A directory that is set but cannot be written is the caller's to know; a default must simply work.
    os.environ.setdefault("HF_HOME", str(scratch / "huggingface"))
    for variable in ("XDG_CACHE_HOME", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "CUDA_CACHE_PATH"):
        os.environ.setdefault(variable, str(scratch / "cache"))
    # PyTorch asks for the user's name, which an arbitrary user id does not have.
    os.environ.setdefault("USER", "valence")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    # Threads that wait for each other sleep instead of spinning: with busy neighbours on the same CPUs, spinning takes the very
    # time slices that the slower thread needs. It costs nothing measurable on an idle machine and changes no result.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Deterministic matrix products on a GPU need a fixed workspace.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
