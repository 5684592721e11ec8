"""The command itself: resumption, import, refusals, termination messages, exit codes."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import torch
from conftest import LABELS, make_rows, spec_for, start_process, write_tsv
from jsonschema import validate

from valence_trainer.checkpoint import CheckpointStore
from valence_trainer.schema import load_schema
from valence_trainer.training import learning_rate_factor


def file_digests(artifact):
    return json.loads((artifact / "manifest.json").read_text())["files"]


# Long enough to be stopped on the way.
SLOW = {"epochs": 8, "batchSize": 2}
STEPS_PER_EPOCH = 96


def wait_for(condition, process, seconds=240):
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_reports_success(train, make_spec):
    done = train(make_spec(dataset_fields={"samples": 64}, hyperparameters={"epochs": 1}))
    assert done.code == 0
    validate(done.message, load_schema("termination"))
    assert done.message["result"] == "Succeeded"
    assert done.message["metrics"]["trainRows"] == 64
    assert sorted(path.name for path in done.out.iterdir()) == ["tiny-1"]


def start(spec, out, *, port="off", **environment):
    return start_process(["train", "--spec", json.dumps(spec), "--out", str(out), "--metrics-port", port], **environment)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, base_model, dataset):
    """A spec, and the files that an undisturbed run of it gives."""
    from valence_trainer.cli import main

    spec = spec_for(base_model, dataset, hyperparameters=SLOW)
    out = tmp_path_factory.mktemp("undisturbed")
    assert main(["train", "--spec", json.dumps(spec), "--out", str(out), "--metrics-port", "off"]) == 0
    return spec, file_digests(out / "tiny-1")


def test_a_killed_run_resumes_and_ends_with_the_same_weights(undisturbed, train, tmp_path, caplog):
    spec, expected = undisturbed
    out = tmp_path / "out"
    process = start(spec, out)
    wait_for((out / ".tiny-1.checkpoint" / "state.pt").exists, process)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (out / "tiny-1").exists()

    with caplog.at_level("INFO"):
        assert train(spec, out).code == 0
    assert "resumed after step" in caplog.text
    assert file_digests(out / "tiny-1") == expected
    assert [path.name for path in out.iterdir()] == ["tiny-1"]


def test_sigterm_saves_in_the_middle_of_an_epoch(undisturbed, train, tmp_path, caplog):
    spec, expected = undisturbed
    out, message = tmp_path / "out", tmp_path / "message"
    message.touch()
    process = start(spec, out, TERMINATION_MESSAGE_PATH=str(message))
    state = out / ".tiny-1.checkpoint" / "state.pt"
    wait_for(state.exists, process)
    process.terminate()
    process.communicate(timeout=240)
    assert process.returncode == 143
    assert json.loads(message.read_text())["reason"] == "Interrupted"
    assert not (out / "tiny-1").exists()
    # The epoch's own checkpoint was replaced: the run stopped at whatever step it was.
    step = torch.load(state, weights_only=True)["step"]
    assert step >= STEPS_PER_EPOCH

    with caplog.at_level("INFO"):
        assert train(spec, out).code == 0
    assert f"resumed after step {step} of" in caplog.text
    assert file_digests(out / "tiny-1") == expected


@pytest.fixture
def interrupted(train, make_spec, tmp_path, monkeypatch):
    """A spec whose run was stopped after its first epoch, and the checkpoint that it left."""
    spec = make_spec(dataset_fields={"samples": 64})
    save = CheckpointStore.save

    def save_and_stop(store, state):
        save(store, state)
        signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(CheckpointStore, "save", save_and_stop)
        assert train(spec).code == 143
    return spec, tmp_path / "out" / ".tiny-1.checkpoint" / "state.pt"


def test_sigterm_while_a_checkpoint_loads_leaves_it_as_it_is(interrupted, train, monkeypatch):
    spec, state = interrupted
    before = state.read_bytes()
    load = torch.load

    def stopped(*arguments, **options):
        signal.raise_signal(signal.SIGTERM)
        return load(*arguments, **options)

    monkeypatch.setattr(torch, "load", stopped)
    done = train(spec)
    assert (done.code, done.message["reason"]) == (143, "Interrupted")
    assert state.read_bytes() == before


@pytest.mark.parametrize("changed", ["torch", "transformers", "trainer"])
def test_a_checkpoint_of_other_versions_is_ignored(interrupted, train, monkeypatch, caplog, changed):
    spec, _state = interrupted
    name = {
        "torch": "valence_trainer.run.torch.__version__",
        "transformers": "valence_trainer.run.transformers.__version__",
        "trainer": "valence_trainer.run.__version__",
    }[changed]
    monkeypatch.setattr(name, "9.9.9")
    assert train(spec).code == 0
    assert "is of other inputs and is ignored" in caplog.text


def test_a_checkpoint_of_another_number_of_threads_is_resumed_with_a_warning(interrupted, train, caplog):
    spec, state = interrupted
    saved = torch.load(state, weights_only=True)
    torch.save({**saved, "threads": 7}, state)
    with caplog.at_level("INFO"):
        assert train(spec).code == 0
    assert f"resumed after step {saved['step']} of" in caplog.text
    assert "resumed with 1 threads after 7" in caplog.text


def test_a_checkpoint_of_other_inputs_is_ignored(train, make_spec, tmp_path, caplog):
    CheckpointStore(tmp_path / "out", "tiny-1", {"other": 1}).save({"step": 5})
    assert train(make_spec(dataset_fields={"samples": 64}, hyperparameters={"epochs": 1})).code == 0
    assert "is of other inputs and is ignored" in caplog.text


def test_a_damaged_checkpoint_is_ignored(train, make_spec, tmp_path, caplog):
    state = tmp_path / "out" / ".tiny-1.checkpoint" / "state.pt"
    state.parent.mkdir(parents=True)
    state.write_bytes(b"half a file")
    assert train(make_spec(dataset_fields={"samples": 64}, hyperparameters={"epochs": 1})).code == 0
    assert "cannot be read and is ignored" in caplog.text


def test_frozen_parts_keep_their_weights(train, make_spec, base_model):
    from safetensors.torch import load_file

    spec = make_spec(hyperparameters={"epochs": 1, "freeze": {"embeddings": True, "layers": 1}, "dropout": "0"})
    trained = load_file(train(spec).artifact() / "checkpoint" / "model.safetensors")
    base = load_file(base_model / "model.safetensors")
    same = {name for name, tensor in base.items() if tensor.equal(trained[f"bert.{name}"])}
    frozen = {name for name in base if name.startswith(("embeddings.", "encoder.layer.0."))}
    assert frozen <= same
    assert not any(name.startswith("encoder.layer.1.") and name.endswith("dense.weight") for name in same)


def test_the_learning_rate_warms_up_and_falls(make_spec):
    from valence_trainer.spec import parse_spec

    def factors(**values):
        parameters = parse_spec(make_spec(hyperparameters=values)).source.hyperparameters
        return [round(learning_rate_factor(step, 10, parameters), 3) for step in range(10)]

    assert factors(warmupRatio="0.2") == [0.5, 1, 1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]
    assert factors(warmupRatio="0.2", schedule="constant") == [0.5] + [1] * 9
    assert factors() == [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]


@pytest.mark.parametrize(
    ("hyperparameters", "words"),
    [
        ({"maxLength": 65}, "maxLength: 65 is more than the 64 positions"),
        ({"freeze": {"layers": 3}}, "freeze.layers: 3, but the base model has 2 layers"),
    ],
)
def test_hyperparameters_that_do_not_fit_the_model_are_refused(train, make_spec, hyperparameters, words):
    done = train(make_spec(hyperparameters=hyperparameters))
    assert (done.code, done.message["reason"]) == (3, "SpecInvalid")
    assert words in done.message["message"]


def test_a_diverging_run_says_so(train, make_spec):
    done = train(make_spec(hyperparameters={"learningRate": "1e30", "epochs": 3}))
    assert (done.code, done.message["reason"]) == (3, "ModelInvalid")
    assert "lower source.train.hyperparameters.learningRate" in done.message["message"]


def test_a_failure_that_is_never_retried_leaves_no_checkpoint(train, make_spec, tmp_path):
    spec = make_spec(dataset_fields={"digest": "sha256:" + "0" * 64})
    store = CheckpointStore(tmp_path / "out", "tiny-1", {})
    store.save({"step": 5})
    assert train(spec).code == 3
    assert list((tmp_path / "out").iterdir()) == []


def test_a_failure_that_is_retried_keeps_the_checkpoint(train, make_spec, tmp_path):
    store = CheckpointStore(tmp_path / "out", "tiny-1", {})
    store.save({"step": 5})
    assert train(make_spec(data="/none/such")).code == 4
    assert store.load()["step"] == 5


def test_bad_data_ends_with_exit_code_3_and_leaves_nothing(train, make_spec, tmp_path):
    path = write_tsv(tmp_path / "bad.tsv", [*make_rows(20), ("fine", 7)])
    done = train(make_spec(data=path))
    assert (done.code, done.message["reason"]) == (3, "DataInvalid")
    assert done.message["message"].startswith("bad.tsv, line 22: unknown label '7'")
    validate(done.message, load_schema("termination"))
    assert list(done.out.iterdir()) == []


def test_a_source_that_is_not_there_ends_with_exit_code_4(train, make_spec):
    done = train(make_spec(data="/none/such"))
    assert (done.code, done.message["reason"]) == (4, "SourceUnavailable")


def import_spec(path, **changes):
    return {"schemaVersion": 1, "version": "tiny-2", "labels": LABELS, "source": {"import": {"uri": f"file://{path}"}}, **changes}


def test_imports_an_artifacts_checkpoint_without_training(train, trained, dataset):
    spec = import_spec(trained, evaluation={"uri": f"file://{dataset}", "split": "test"})
    done = train(spec)
    assert done.code == 0
    manifest = json.loads((done.out / "tiny-2" / "manifest.json").read_text())
    original = json.loads((trained / "manifest.json").read_text())
    for name in ("model.fp32.onnx", "model.int8.onnx", "parity.jsonl", "evaluation.jsonl"):
        assert manifest["files"][name] == original["files"][name]
    assert manifest["maxLength"] == 32
    assert manifest["metrics"]["accuracy"] == original["metrics"]["accuracy"]
    assert manifest["dataset"]["rows"] == {"train": 0, "evaluation": 64}


def test_imports_without_evaluation_rows(train, trained):
    done = train(import_spec(trained / "checkpoint"))
    assert done.code == 0
    assert done.message["metrics"] == {}
    manifest = json.loads((done.out / "tiny-2" / "manifest.json").read_text())
    assert "dataset" not in manifest
    assert "evaluation.jsonl" not in manifest["files"]
    assert len(manifest["samples"]) == 10


def failed_import(train, path, **changes):
    done = train(import_spec(path, **changes))
    assert (done.code, done.message["reason"]) == (3, "ModelInvalid")
    assert list(done.out.iterdir()) == []
    return done.message["message"]


def test_an_import_with_another_number_of_labels_names_both(train, trained):
    message = failed_import(train, trained, labels=["negative", "neutral", "positive"])
    assert "has 2 labels (negative, positive), but labels has 3 (negative, neutral, positive)" in message


def test_an_import_with_labels_in_another_order_is_refused(train, trained):
    assert "has its labels in the order negative, positive" in failed_import(train, trained, labels=["positive", "negative"])


def test_an_import_of_a_model_without_a_head_is_refused(train, base_model):
    assert "it lacks classifier.bias" in failed_import(train, base_model)


def test_a_pickle_is_refused(train, trained, tmp_path):
    checkpoint = tmp_path / "pickled"
    shutil.copytree(trained / "checkpoint", checkpoint)
    (checkpoint / "model.safetensors").rename(checkpoint / "pytorch_model.bin")
    message = failed_import(train, checkpoint)
    assert "only as a pickle (pytorch_model.bin)" in message
    assert "convert them to safetensors" in message


def test_a_directory_that_is_no_model_is_refused(train, dataset):
    assert "has no config.json" in failed_import(train, dataset)


def test_damaged_weights_are_refused(train, trained, tmp_path):
    checkpoint = tmp_path / "damaged"
    shutil.copytree(trained / "checkpoint", checkpoint)
    (checkpoint / "model.safetensors").write_bytes(b"not safetensors")
    assert "the weights cannot be loaded" in failed_import(train, checkpoint)


def test_a_wrong_spec_is_one_clear_line(tmp_path):
    message = tmp_path / "message"
    message.touch()
    process = start_process(["train", "--spec", "{}", "--out", str(tmp_path)], TERMINATION_MESSAGE_PATH=str(message))
    _output, log = process.communicate(timeout=240)
    assert process.returncode == 3
    assert log.strip().endswith("SpecInvalid: source: exactly one of train and import must be given, found none")
    assert "Traceback" not in log
    assert json.loads(message.read_text())["reason"] == "SpecInvalid"


def test_wrong_arguments_are_a_wrong_spec(tmp_path):
    process = start_process(["train", "--out", str(tmp_path)])
    _output, log = process.communicate(timeout=240)
    assert process.returncode == 3
    assert "--spec" in log


def test_an_output_that_cannot_be_written_is_named(train, make_spec, tmp_path):
    (tmp_path / "file").touch()
    done = train(make_spec(), out=tmp_path / "file")
    assert (done.code, done.message["reason"]) == (3, "ArtifactInvalid")


def test_progress_and_metrics_are_served_while_it_trains(make_spec, tmp_path):
    spec = make_spec(hyperparameters=SLOW)
    with socket.socket() as probe:
        probe.bind(("", 0))
        port = probe.getsockname()[1]
    process = start(spec, tmp_path, port=str(port))
    base = f"http://127.0.0.1:{port}"

    def progress():
        try:
            with urllib.request.urlopen(f"{base}/progress", timeout=5) as answer:
                return json.load(answer)
        except OSError:
            return {}

    try:
        wait_for(lambda: progress().get("step", 0) > 3, process)
        seen = progress()
        with urllib.request.urlopen(f"{base}/metrics", timeout=5) as answer:
            metrics = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if not line.startswith("#"))
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{base}/other", timeout=5)
    finally:
        process.kill()
        process.communicate()
    assert {"phase", "progress", "epoch", "step", "steps", "loss", "etaSeconds"} <= set(seen)
    assert seen["phase"] == "Training"
    assert seen["steps"] == 8 * STEPS_PER_EPOCH
    assert 0 < seen["progress"] < 1
    assert seen["etaSeconds"] > 0
    assert 0 < float(metrics["training_progress_ratio"]) < 1
    assert float(metrics["training_loss"]) > 0
    assert float(metrics["training_samples_per_second"]) > 0
    assert float(metrics["training_epoch"]) >= 1
    assert float(metrics['training_phase{phase="Training"}']) == 1


@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("setpriv"), reason="only root can become another user")
def test_runs_as_a_user_without_home_or_writable_root(make_spec, base_model, dataset):
    """As a pod's security context has it: an arbitrary user id; only --out and $TMPDIR can be written. It may read everything,
    because the interpreter of a development machine can lie in its user's home."""
    directory = Path(tempfile.mkdtemp(prefix="valence-trainer-"))
    directory.chmod(0o755)
    for name in ("out", "tmp"):
        (directory / name).mkdir()
        os.chown(directory / name, 65532, 65532)
    spec = make_spec(dataset_fields={"samples": 64}, hyperparameters={"epochs": 1})
    user = ["setpriv", "--reuid=65532", "--regid=65532", "--clear-groups"]
    may_read = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search", "--bounding-set=-all,+dac_read_search"]
    command = [sys.executable, "-m", "valence_trainer", "train", "--spec", json.dumps(spec), "--out", str(directory / "out")]
    try:
        done = subprocess.run(
            [*user, *may_read, *command, "--metrics-port", "off"],
            env={"PATH": os.environ["PATH"], "TMPDIR": str(directory / "tmp"), "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=Path(__file__).parents[1],
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, done.stderr
        manifest = directory / "out" / "tiny-1" / "manifest.json"
        assert manifest.stat().st_uid == 65532
        assert manifest.stat().st_mode & 0o777 == 0o644
    finally:
        shutil.rmtree(directory)
