"""What a run writes: complete, true to its digests, and reproducible by whoever serves it."""

import errno
import hashlib
import json
import stat
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import LABELS, make_rows
from tokenizers import Tokenizer

from valence_trainer.artifact import REQUIRED_FILES, ArtifactWriter, manifest_digest
from valence_trainer.errors import Failure
from valence_trainer.schema import find_error, load_schema
from valence_trainer.verification import OnnxModel


def read_manifest(artifact):
    return json.loads((artifact / "manifest.json").read_text())


def read_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_manifest_matches_its_schema_and_lists_every_file(trained):
    manifest = read_manifest(trained)
    assert find_error(load_schema("manifest"), manifest) is None
    present = {path.relative_to(trained).as_posix() for path in trained.rglob("*") if path.is_file()} - {"manifest.json"}
    assert set(manifest["files"]) == present
    assert {*REQUIRED_FILES, "evaluation.jsonl", "checkpoint/model.safetensors", "checkpoint/config.json"} <= present
    for name, entry in manifest["files"].items():
        content = (trained / name).read_bytes()
        assert entry == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def test_the_manifest_says_what_was_done(trained):
    manifest = read_manifest(trained)
    assert manifest["labels"] == LABELS
    assert manifest["maxLength"] == 32
    assert manifest["dataset"]["rows"] == {"train": 192, "evaluation": 64}
    assert manifest["trainer"]["device"] == "cpu"
    assert manifest["trainer"]["attention"] == "eager"
    assert manifest["trainer"]["precision"] == "fp32"
    assert manifest["metrics"]["accuracy"] > 0.9
    assert sum(manifest["baselineDistribution"]["bins"]) == 64
    assert len(manifest["samples"]) == 10
    for sample in manifest["samples"]:
        assert sample["label"] in LABELS
        assert sample["predicted"] in LABELS
        assert 0.5 <= sample["score"] <= 1


def test_everyone_can_read_it(trained):
    for path in [trained, *trained.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644), path


def test_the_tokenizer_states_the_maximal_length_and_does_not_pad(trained):
    tokenizer = json.loads((trained / "tokenizer.json").read_text())
    assert tokenizer["truncation"]["max_length"] == 32
    assert tokenizer["padding"] is None
    assert json.loads((trained / "tokenizer_config.json").read_text())["model_max_length"] == 32
    assert json.loads((trained / "config.json").read_text())["id2label"] == {"0": "negative", "1": "positive"}


def test_evaluation_rows_have_an_id_and_a_label_name(trained):
    rows = read_lines(trained / "evaluation.jsonl")
    assert len(rows) == 64
    assert [(row["text"], row["label"]) for row in rows] == [(text, LABELS[label]) for text, label in make_rows(64, seed=2)]
    assert rows[0]["id"] == "test.tsv:2"


def test_parity_texts_have_ids_and_logits_that_the_artifact_gives(trained):
    rows = read_lines(trained / "parity.jsonl")
    assert 90 <= len(rows) <= 200
    tokenizer = Tokenizer.from_file(str(trained / "tokenizer.json"))
    assert all(tokenizer.encode(row["text"]).ids == row["ids"] for row in rows)
    assert max(len(row["ids"]) for row in rows) == 32
    assert any(not row["text"].strip() for row in rows)
    assert any(not row["text"].isascii() for row in rows)
    logits = OnnxModel(trained / "model.fp32.onnx", 1).logits([row["ids"] for row in rows], 0, 1)
    assert np.abs(logits - np.array([row["logits"] for row in rows])).max() < 1e-4


@pytest.mark.parametrize("name", ["model.fp32.onnx", "model.int8.onnx"])
def test_an_onnx_file_holds_all_its_weights_and_has_dynamic_axes(trained, name):
    model = onnx.load(str(trained / name), load_external_data=False)
    assert not any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer)
    shapes = {
        value.name: (
            value.type.tensor_type.elem_type,
            [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim],
        )
        for value in [*model.graph.input, *model.graph.output]
    }
    assert shapes == {
        "input_ids": (onnx.TensorProto.INT64, ["batch", "sequence"]),
        "attention_mask": (onnx.TensorProto.INT64, ["batch", "sequence"]),
        "logits": (onnx.TensorProto.FLOAT, ["batch", 2]),
    }
    # fp32 has the standard's operators alone: any runtime can run it. int8 has one of ONNX Runtime's.
    contributed = {node.op_type for node in model.graph.node if node.domain not in {"", "ai.onnx"}}
    assert contributed == ({"MatMulIntegerToFloat"} if name == "model.int8.onnx" else set())


def test_int8_weights_cannot_saturate_a_16_bit_sum(trained):
    model = onnx.load(str(trained / "model.int8.onnx"))
    tensors = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    weights = [tensors[node.input[1]] for node in model.graph.node if node.op_type == "MatMulIntegerToFloat"]
    # 2 layers of 6 matrices, the pooler, the classifier.
    assert len(weights) == 14
    assert all(weight.dtype == np.int8 and np.abs(weight.astype(int)).max() == 63 for weight in weights)


def test_an_int8_answer_does_not_depend_on_the_batch(trained):
    rows = read_lines(trained / "parity.jsonl")
    ids = [row["ids"] for row in rows]
    model = OnnxModel(trained / "model.int8.onnx", 1)
    alone = model.logits(ids, 0, 1)
    assert np.abs(alone - model.logits(ids, 0, 16)).max() < 1e-3
    backwards = model.logits(ids[::-1], 0, 16)[::-1]
    assert np.abs(alone - backwards).max() < 1e-3


def test_int8_is_close_to_fp32(trained):
    rows = read_lines(trained / "evaluation.jsonl")
    tokenizer = Tokenizer.from_file(str(trained / "tokenizer.json"))
    ids = [tokenizer.encode(row["text"]).ids for row in rows]
    fp32 = OnnxModel(trained / "model.fp32.onnx", 1).logits(ids, 0, 8)
    int8 = OnnxModel(trained / "model.int8.onnx", 1).logits(ids, 0, 8)
    assert np.mean(fp32.argmax(axis=1) == int8.argmax(axis=1)) >= 0.95
    truth = [LABELS.index(row["label"]) for row in rows]
    assert np.mean(int8.argmax(axis=1) == truth) > 0.9


def test_nothing_is_left_of_a_run_that_fails(tmp_path):
    with pytest.raises(TypeError), ArtifactWriter(tmp_path, "v-1") as artifact:
        artifact.write_lines("parity.jsonl", [{"text": "x"}, {"text": object()}])
    assert list(tmp_path.iterdir()) == []


def test_an_incomplete_artifact_is_not_published(tmp_path):
    with ArtifactWriter(tmp_path, "v-1") as artifact:
        artifact.write_lines("parity.jsonl", [{"text": "x"}])
        with pytest.raises(Failure, match="lacks model"):
            artifact.publish({})
    assert list(tmp_path.iterdir()) == []


def test_storage_that_fails_while_a_manifest_is_read_is_worth_another_attempt(train, make_spec, tmp_path, monkeypatch):
    (tmp_path / "out" / "tiny-1").mkdir(parents=True)
    read_text = Path.read_text

    def fails(path, *arguments, **options):
        if path.name == "manifest.json" and path.parent.name == "tiny-1":
            raise OSError(errno.ESTALE, "Stale file handle", str(path))
        return read_text(path, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", fails)
        assert train(make_spec()).code == 1
    done = train(make_spec())
    assert (done.code, done.message["reason"]) == (3, "ArtifactInvalid")


def test_the_same_inputs_give_the_same_bits(trained, train, make_spec):
    again = train(make_spec()).artifact()
    one, two = read_manifest(trained)["files"], read_manifest(again)["files"]
    assert one == two


def test_an_artifact_that_is_there_is_not_built_again(train, make_spec, tmp_path):
    first = train(make_spec())
    digest = manifest_digest(first.artifact())
    changed = first.artifact().stat().st_mtime_ns
    again = train({**make_spec(), "image": "another/image:2"})
    assert again.code == 0
    assert again.message["manifestSha256"] == digest == first.message["manifestSha256"]
    assert again.message["metrics"] == first.message["metrics"]
    assert first.artifact().stat().st_mtime_ns == changed

    other = train(make_spec(hyperparameters={"epochs": 1}))
    assert (other.code, other.message["reason"]) == (3, "ArtifactInvalid")
    assert "built from other inputs" in other.message["message"]

    (first.artifact() / "config.json").write_text("{}")
    damaged = train(make_spec())
    assert (damaged.code, damaged.message["reason"]) == (3, "ArtifactInvalid")
    assert "config.json is missing or differs" in damaged.message["message"]

    (first.artifact() / "manifest.json").unlink()
    assert "without a readable manifest.json" in train(make_spec()).message["message"]
