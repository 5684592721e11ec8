import errno
import json
import os
from pathlib import Path

import pytest
import torch

from valence_trainer.checkpoint import CheckpointStore
from valence_trainer.compute import cpu_limit
from valence_trainer.errors import Failure, as_failure
from valence_trainer.termination import failed, write_termination_message


def reason(error):
    return as_failure(error).reason


def test_what_the_operating_system_and_pytorch_report_becomes_a_reason():
    assert reason(OSError(errno.ENOSPC, "No space left on device", "/out/x")) == "StorageFull"
    assert reason(OSError(errno.EDQUOT, "quota")) == "StorageFull"
    assert reason(RuntimeError("I/O error: No space left on device (os error 28)")) == "StorageFull"
    assert reason(MemoryError()) == "OutOfMemory"
    assert reason(torch.OutOfMemoryError("CUDA out of memory")) == "OutOfMemory"
    assert reason(ValueError("surprise")) == "InternalError"
    assert as_failure(Failure("DataInvalid", "x")).exit_code == 3


def test_memory_that_pytorch_cannot_have_is_out_of_memory():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert reason(caught.value) == "OutOfMemory"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_seen_while_a_checkpoint_is_written(tmp_path):
    store = CheckpointStore(tmp_path, "v-1", {})
    store.directory.mkdir()
    (store.directory / "state.partial").symlink_to("/dev/full")
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is PyTorch's affair
        store.save({"tensor": torch.zeros(1 << 20)})
    assert reason(caught.value) == "StorageFull"
    assert store.load() is None


def test_a_cause_deep_in_a_chain_is_found():
    error = RuntimeError("could not save")
    error.__cause__ = ValueError("wrapped")
    error.__cause__.__context__ = OSError(errno.ENOSPC, "full")
    assert reason(error) == "StorageFull"


@pytest.mark.parametrize("character", ["x", "\u00e9", "\U0001f600", "\n", '"'])
def test_a_termination_message_fits_what_the_kubelet_keeps(tmp_path, monkeypatch, character):
    path = tmp_path / "message"
    path.touch()
    monkeypatch.setenv("TERMINATION_MESSAGE_PATH", str(path))
    write_termination_message(failed(Failure("DataInvalid", character * 10_000)))
    content = path.read_bytes()
    assert len(content) <= 4096
    assert len(json.loads(content)["message"]) <= 2048


def test_without_a_termination_file_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setenv("TERMINATION_MESSAGE_PATH", str(tmp_path / "absent"))
    write_termination_message(failed(Failure("DataInvalid", "x")))
    assert list(tmp_path.iterdir()) == []


def test_threads_follow_the_quota_of_either_cgroup_version(tmp_path):
    available = len(os.sched_getaffinity(0))
    assert cpu_limit(tmp_path) == available
    (tmp_path / "cpu.max").write_text("100000 100000\n")
    assert cpu_limit(tmp_path) == 1
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    assert cpu_limit(tmp_path) == 1
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert cpu_limit(tmp_path) == available
    (tmp_path / "cpu.max").unlink()
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("100000")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert cpu_limit(tmp_path) == 1
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("-1")
    assert cpu_limit(tmp_path) == available
