"""A real but tiny model: a BERT of hidden size 32, randomly initialized, with a WordPiece tokenizer trained on the test data.
Its tokenizer.json truncates and pads at 16, as published ones do at 128."""

import gzip
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from valence_trainer.environment import prepare_environment

prepare_environment()
# One CPU, for this process and those it starts: with matrices this small a second thread only adds waiting.
os.sched_setaffinity(0, {random.choice(sorted(os.sched_getaffinity(0)))})
# A GPU would only make such a model slower, and the CPU is where bits are compared.
os.environ["CUDA_VISIBLE_DEVICES"] = ""

GOOD = ["good", "great", "lovely", "fine", "superb", "warm", "funny", "bright"]
BAD = ["bad", "poor", "awful", "dull", "boring", "cold", "rude", "broken"]
NEUTRAL = ["the", "film", "was", "room", "service", "and", "very", "a", "it", "story", "staff", "food"]
LABELS = ["negative", "positive"]


def make_rows(count: int, seed: int = 0) -> list[tuple[str, int]]:
    """Texts of 3 to 24 words whose label follows from their words."""
    rng = random.Random(seed)
    rows = []
    for index in range(count):
        label = index % 2
        words = rng.choices(NEUTRAL, k=rng.randint(2, 20)) + rng.choices(GOOD if label else BAD, k=rng.randint(1, 4))
        rng.shuffle(words)
        rows.append((" ".join(words), label))
    return rows


def write_tsv(path: Path, rows: list[tuple[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def base_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertModel

    directory = tmp_path_factory.mktemp("base")
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=200, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator([text for text, _ in make_rows(200)], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tokenizer.enable_truncation(16)
    tokenizer.enable_padding(length=16, pad_id=0, pad_token="[PAD]")
    tokenizer.save(str(directory / "tokenizer.json"))
    (directory / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "BertTokenizer", "model_max_length": 16, "pad_token": "[PAD]", "cls_token": "[CLS]"})
    )
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(directory)
    return directory


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("dataset")
    write_tsv(directory / "train.tsv", make_rows(192, seed=1))
    write_tsv(directory / "test.tsv", make_rows(64, seed=2))
    return directory


def spec_for(
    base_model: Path, dataset: Path, version: str = "tiny-1", dataset_fields: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    hyperparameters = {"epochs": 3, "batchSize": 8, "learningRate": "1e-2", "maxLength": 32, **changes.pop("hyperparameters", {})}
    train = {
        "baseModel": {"uri": f"file://{base_model}"},
        "dataset": {"uri": f"file://{dataset}", **(dataset_fields or {})},
        "hyperparameters": hyperparameters,
    }
    return {"schemaVersion": 1, "version": version, "labels": LABELS, "source": {"train": train}, **changes}


@pytest.fixture
def make_spec(base_model: Path, dataset: Path) -> Callable[..., dict[str, Any]]:
    return lambda **changes: spec_for(base_model, changes.pop("data", dataset), **changes)


class Trained:
    """What a run left: its directory, exit code, output lines and termination message."""

    def __init__(self, out: Path, code: int, message: dict[str, Any]) -> None:
        self.out = out
        self.code = code
        self.message = message

    def artifact(self, version: str = "tiny-1") -> Path:
        return self.out / version


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Trained]:
    """The command itself, in this process."""
    from valence_trainer.cli import main

    message_path = tmp_path / "termination-log"
    monkeypatch.setenv("TERMINATION_MESSAGE_PATH", str(message_path))

    def run(spec: dict[str, Any], out: Path | None = None) -> Trained:
        message_path.write_text("")
        out = out or tmp_path / "out"
        code = main(["train", "--spec", json.dumps(spec), "--out", str(out), "--metrics-port", "off"])
        return Trained(out, code, json.loads(message_path.read_text()))

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, base_model: Path, dataset: Path) -> Path:
    """The artifact directory of one undisturbed run, shared by tests that only read it."""
    from valence_trainer.cli import main

    out = tmp_path_factory.mktemp("trained")
    spec = spec_for(base_model, dataset)
    assert main(["train", "--spec", json.dumps(spec), "--out", str(out), "--metrics-port", "off"]) == 0
    return out / "tiny-1"


def start_process(arguments: list[str], **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "valence_trainer", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
        cwd=Path(__file__).parents[1],
    )


def gzipped(path: Path) -> Path:
    target = path.with_name(path.name + ".gz")
    target.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    return target
