"""Data is read and checked before any model is touched; each error names the file and the row."""

import csv
import hashlib
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import LABELS, gzipped, make_rows, write_tsv

from valence_trainer.dataset import label_index, load_evaluation_data, load_training_data, split_files
from valence_trainer.errors import Failure
from valence_trainer.sources import Source
from valence_trainer.spec import DatasetSpec

ROWS = [(text.replace("film", 'a "film", really'), label) for text, label in make_rows(20)]


def dataset_spec(path, **changes):
    fields = {
        "field": "dataset",
        "uri": f"file://{path}",
        "revision": None,
        "digest": None,
        "split": "train",
        "text_column": "text",
        "label_column": "label",
        "samples": None,
        "shuffle_seed": 42,
    }
    return DatasetSpec(**{**fields, **changes})


def load(path, holdout=0.1, evaluation=None, **changes):
    return load_training_data(dataset_spec(path, **changes), LABELS, holdout, evaluation)


def failure(path, **changes):
    with pytest.raises(Failure) as caught:
        load(path, **changes)
    return caught.value


def write_jsonl(path, rows, text="text", label="label"):
    path.write_text("".join(json.dumps({text: row[0], label: row[1]}) + "\n" for row in rows))
    return path


def write_csv(path, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


def write_parquet(path, rows):
    pq.write_table(pa.table({"text": [row[0] for row in rows], "label": [row[1] for row in rows]}), path)
    return path


WRITERS = {"jsonl": write_jsonl, "tsv": write_tsv, "csv": write_csv, "parquet": write_parquet}


@pytest.mark.parametrize(
    ("name", "compressed"),
    [("jsonl", False), ("jsonl", True), ("tsv", False), ("tsv", True), ("csv", False), ("csv", True), ("parquet", False)],
)
def test_reads_every_format(tmp_path, name, compressed):
    path = WRITERS[name](tmp_path / f"reviews.{name}", ROWS)
    path = gzipped(path) if compressed else path
    data = load(path)
    read = {(example.text, example.label) for example in data.train + data.evaluation}
    assert read == set(ROWS)
    assert all(example.id.startswith(f"{path.name}:") for example in data.train)


def test_label_names_and_indexes_are_both_accepted(tmp_path):
    rows = [(text, [label, str(label), LABELS[label], float(label)][index % 4]) for index, (text, label) in enumerate(ROWS)]
    data = load(write_jsonl(tmp_path / "x.jsonl", rows))
    assert {(example.text, example.label) for example in data.train + data.evaluation} == set(ROWS)


def test_a_label_name_that_looks_like_a_number_is_a_name():
    stars = ["1", "2", "3"]
    assert [label_index(value, stars) for value in ("1", 3, 0, "4", True, None, 1.5)] == [0, 2, 0, None, None, None, None]


def test_columns_can_be_named(tmp_path):
    path = write_jsonl(tmp_path / "x.jsonl", ROWS, text="review", label="sentiment")
    assert len(load(path, text_column="review", label_column="sentiment").train) == 18


@pytest.mark.parametrize("name", WRITERS)
def test_a_missing_column_is_named_with_those_found(tmp_path, name):
    path = WRITERS[name](tmp_path / f"x.{name}", ROWS)
    error = failure(path, label_column="sentiment")
    assert error.reason == "DataInvalid"
    assert f"x.{name}, line 1" in error.message
    assert "no column 'sentiment'; found 'text', 'label'" in error.message


@pytest.mark.parametrize(
    ("text", "label", "words"),
    [
        ("fine", "neutral", "unknown label 'neutral'; expected one of negative, positive, or 0..1"),
        ("fine", 2, "unknown label 2"),
        ("fine", -1, "unknown label -1"),
        ("fine", None, "unknown label None"),
        ("fine", True, "unknown label True"),
        ("", 1, "empty text"),
        (" \t ", 1, "empty text"),
        (None, 1, "the text must be a string, found None"),
        (7, 1, "the text must be a string, found 7"),
        ("lone \ud800", 1, "lone surrogate"),
    ],
)
def test_a_bad_row_is_named_with_file_and_line(tmp_path, text, label, words):
    path = write_jsonl(tmp_path / "x.jsonl", [*ROWS, (text, label)])
    error = failure(path)
    assert error.reason == "DataInvalid"
    assert error.message.startswith("x.jsonl, line 21: ")
    assert words in error.message


def test_further_bad_rows_are_counted(tmp_path):
    error = failure(write_tsv(tmp_path / "x.tsv", [*ROWS, ("one", 7), ("two", 8), ("", 1)]))
    assert error.message.startswith("x.tsv, line 22: unknown label '7'")
    assert error.message.endswith("(2 more bad rows)")


def test_parquet_rows_are_counted_from_one(tmp_path):
    error = failure(write_parquet(tmp_path / "x.parquet", [*ROWS, ("fine", 9)]))
    assert error.message.startswith("x.parquet, row 21: unknown label 9")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.jsonl", b'{"text": "a", "label": 1}\nnot json\n', "x.jsonl, line 2: not JSON"),
        ("x.jsonl", b"[1]\n", "x.jsonl, line 1: must be a JSON object, found list"),
        ("x.jsonl", b'{"text": "caf\xe9", "label": 1}\n', "x.jsonl, line 1: not UTF-8"),
        ("x.jsonl", b'{"text": "a", "label": ' + b"1" * 5000 + b"}\n", "x.jsonl, line 1: an integer has more than 4300 digits"),
        ("x.jsonl", b"\n" + b"[" * 100_000 + b"]" * 100_000 + b"\n", "x.jsonl, line 2: JSON that is nested too deeply"),
        ("x.tsv", b"text\tlabel\na\t" + b"1" * 5000 + b"\n", "x.tsv, line 2: unknown label '1111"),
        ("x.tsv", b"text\tlabel\na\tb\t1\n", "x.tsv, line 2: has 3 tab-separated fields, the first line has 2"),
        ("x.tsv", b"", "x.tsv: empty"),
        ("x.tsv", b"text\tlabel\ncaf\xe9\t1\n", "x.tsv, line 2: not UTF-8"),
        ("x.csv", b"", "x.csv: empty"),
        ("x.csv", b'text,label\n"a\nb",1\n"c",2,3\n', "x.csv, line 4: has 3 fields, the first line has 2"),
        ("x.csv", b'text,label\n"open,1\n', "x.csv, line 2: not csv"),
        ("x.csv", b"text,label\nfine,1\ncaf\xe9,1\n", "x.csv, line 3: not UTF-8"),
        ("x.csv", b'text,label\n"a\nb",1\n"c\n\xff",1\n', "x.csv, line 4: not UTF-8"),
        ("x.csv", b"caf\xe9,label\na,1\n", "x.csv, line 1: not UTF-8"),
        ("x.csv", b"text,text,label\na,b,1\n", "column 'text' is there 2 times"),
        ("x.parquet", b"PAR1 nonsense", "x.parquet: not a readable parquet file"),
        ("x.tsv.gz", b"not gzip", "x.tsv.gz: damaged gzip file"),
        ("x.xlsx", b"", "x.xlsx: unknown format; use one of jsonl, tsv, csv, parquet"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    error = failure(path)
    assert error.reason == "DataInvalid"
    assert words in error.message


def test_a_truncated_gzip_file_is_named(tmp_path):
    path = gzipped(write_tsv(tmp_path / "x.tsv", make_rows(200)))
    path.write_bytes(path.read_bytes()[:-20])
    assert "x.tsv.gz: damaged gzip file" in failure(path).message


def test_a_quotation_mark_is_a_character_of_a_tsv_text(tmp_path):
    path = tmp_path / "x.tsv"
    path.write_text("text\tlabel\n" + '"unbalanced\t1\n' + "fine\t0\n" * 20)
    assert '"unbalanced' in {example.text for example in load(path).train + load(path).evaluation}


def test_lines_end_at_line_feeds_only(tmp_path):
    path = tmp_path / "x.tsv"
    path.write_bytes(("text\tlabel\r\n" + "one\u2028still one\x85\t1\r\ntwo\t0\r\n" * 10).encode())
    data = load(path)
    assert {example.text for example in data.train} == {"one\u2028still one\x85", "two"}


def test_one_class_only_is_refused(tmp_path):
    error = failure(write_tsv(tmp_path / "x.tsv", [(f"text {index}", 1) for index in range(20)]))
    assert "one class only: all 18 rows are 'positive'" in error.message


def test_a_label_that_never_occurs_is_refused(tmp_path):
    with pytest.raises(Failure, match="no row has the label 'neutral'"):
        load_training_data(dataset_spec(write_tsv(tmp_path / "x.tsv", ROWS)), [*LABELS, "neutral"], 0.1, None)


def test_too_few_rows_are_refused(tmp_path):
    assert "too few rows: 7 to train on, at least 10" in failure(write_tsv(tmp_path / "x.tsv", ROWS[:8])).message


def test_samples_are_drawn_as_the_datasets_library_draws_them(tmp_path):
    write_tsv(tmp_path / "train.tsv", ROWS)
    write_tsv(tmp_path / "test.tsv", ROWS[:4])
    data = load(tmp_path, samples=12)
    order = np.random.default_rng(42).permutation(len(ROWS))[:12]
    assert [example.text for example in data.train] == [ROWS[index][0] for index in order]
    assert len(load(tmp_path, samples=1000).train) == 20


def test_without_a_test_split_rows_are_held_out_by_the_seed(tmp_path):
    path = write_tsv(tmp_path / "x.tsv", ROWS)
    one, again, other = load(path, holdout=0.25), load(path, holdout=0.25), load(path, holdout=0.25, shuffle_seed=7)
    assert (len(one.train), len(one.evaluation)) == (15, 5)
    assert one == again
    assert one.evaluation != other.evaluation
    assert not {example.id for example in one.train} & {example.id for example in one.evaluation}


def test_evaluation_rows_of_the_spec_come_before_the_own_test_split(tmp_path):
    write_tsv(tmp_path / "data" / "train.tsv", ROWS)
    write_tsv(tmp_path / "data" / "test.tsv", ROWS[:4])
    other = write_tsv(tmp_path / "other.tsv", [("entirely new", 1)])
    data = load(tmp_path / "data", evaluation=dataset_spec(other, field="evaluation", split="test"))
    assert [example.text for example in data.evaluation] == ["entirely new"]
    assert len(load(tmp_path / "data").evaluation) == 4


def test_evaluation_rows_can_be_sampled(tmp_path):
    path = write_tsv(tmp_path / "x.tsv", ROWS)
    data = load_evaluation_data(dataset_spec(path, samples=5), LABELS)
    assert (len(data.train), len(data.evaluation)) == (0, 5)


def test_texts_in_both_splits_are_reported(tmp_path, caplog):
    write_tsv(tmp_path / "train.tsv", ROWS)
    write_tsv(tmp_path / "test.tsv", ROWS[:3])
    load(tmp_path)
    assert "3 evaluation texts are training texts too" in caplog.text


def test_the_digest_is_the_one_that_sha256sum_gives(tmp_path):
    path = write_tsv(tmp_path / "x.tsv", ROWS)
    line = f"{hashlib.sha256(path.read_bytes()).hexdigest()}  x.tsv\n"
    digest = f"sha256:{hashlib.sha256(line.encode()).hexdigest()}"
    assert load(path, digest=digest).digest == digest
    error = failure(path, digest="sha256:" + "0" * 64)
    assert "dataset.digest" in error.message
    assert digest in error.message


def source(*files, is_file=False):
    return Source("hf://a/b", None, tuple(sorted(files)), is_file, lambda _names: None)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["train.tsv", "train_phrases.tsv", "README.md"], ["train.tsv"]),
        (
            ["plain_text/train-00000-of-00001.parquet", "plain_text/test-00000-of-00001.parquet"],
            ["plain_text/train-00000-of-00001.parquet"],
        ),
        (
            ["data/train-00001-of-00002.parquet", "data/train-00000-of-00002.parquet"],
            ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"],
        ),
        (["train/b.jsonl.gz", "train/a.jsonl.gz", "test/a.jsonl.gz"], ["train/a.jsonl.gz", "train/b.jsonl.gz"]),
    ],
)
def test_finds_the_files_of_a_split(files, expected):
    assert split_files(source(*files), "train", "dataset") == expected


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["a/train.tsv", "b/train.tsv"], "more than one candidate for the split 'train' (a/train.tsv, b/train.tsv)"),
        (["train.tsv", "train.jsonl"], "more than one candidate"),
        (["train-00000-of-00002.parquet"], "shards are missing"),
        (["other.tsv"], "has no file of the split 'train'"),
    ],
)
def test_says_why_a_split_cannot_be_told(files, words):
    with pytest.raises(Failure) as caught:
        split_files(source(*files), "train", "dataset")
    assert words in caught.value.message
