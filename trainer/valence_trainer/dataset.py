"""A data set: which files are a split's, rows read and checked, sampled, and split from the held-out ones."""

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from valence_trainer.digest import files_digest
from valence_trainer.errors import Failure
from valence_trainer.formats import DATA_FILE, FORMATS, BadRow, read_rows
from valence_trainer.sources import Source, open_source
from valence_trainer.spec import DatasetSpec

log = logging.getLogger(__name__)

# Fewer rows than this cannot be a data set that was meant.
MIN_TRAIN_ROWS = 10
EVALUATION_SPLIT = "test"


@dataclass(frozen=True)
class Example:
    id: str
    """`<file>:<line or row>`"""
    text: str
    label: int


@dataclass(frozen=True)
class Dataset:
    uri: str
    revision: str | None
    digest: str
    train: list[Example]
    evaluation: list[Example]


def load_training_data(spec: DatasetSpec, labels: Sequence[str], holdout_ratio: float, evaluation: DatasetSpec | None) -> Dataset:
    """Evaluation rows are `evaluation`, or the data set's own test split, or, without one, rows held out by the shuffle."""
    source = open_source(spec.field, spec.uri, spec.revision, "dataset")
    train_files = split_files(source, spec.split, spec.field)
    own_test = []
    if evaluation is None and not source.is_file and spec.split != EVALUATION_SPLIT:
        own_test = split_files(source, EVALUATION_SPLIT, spec.field, is_optional=True)
    digest = _checked_digest(source, [*train_files, *own_test], spec)

    rows = _shuffled(_read(source, train_files, spec, labels), spec.shuffle_seed)
    if evaluation is not None:
        held_out = load_evaluation_data(evaluation, labels).evaluation
    elif own_test:
        held_out = _read(source, own_test, spec, labels)
    else:
        wanted = min(len(rows), spec.samples or len(rows))
        count = max(1, round(wanted * holdout_ratio))
        held_out, rows = rows[:count], rows[count:]
    train = _sampled(rows, spec)
    _check_training_rows(train, labels, spec)
    _warn_of_leaks(train, held_out)
    return Dataset(spec.uri, source.revision, digest, train, held_out)


def load_evaluation_data(spec: DatasetSpec, labels: Sequence[str]) -> Dataset:
    source = open_source(spec.field, spec.uri, spec.revision, "dataset")
    files = split_files(source, spec.split, spec.field)
    digest = _checked_digest(source, files, spec)
    rows = _read(source, files, spec, labels)
    if not rows:
        raise Failure("DataInvalid", f"{spec.field}: {', '.join(files)} has no rows")
    if spec.samples is not None and spec.samples < len(rows):
        rows = _shuffled(rows, spec.shuffle_seed)[: spec.samples]
    return Dataset(spec.uri, source.revision, digest, [], rows)


def split_files(source: Source, split: str, field: str, is_optional: bool = False) -> list[str]:
    """The files of a split: `train.tsv`, `train/part.jsonl.gz`, or shards as the Hub lays them out
    (`<folder>/train-00000-of-00002.parquet`). Empty only where optional."""
    if source.is_file:
        return list(source.files)
    name = re.escape(split)
    sharded = re.compile(rf"{name}(-(?P<index>\d{{5}})-of-(?P<count>\d{{5}}))?")
    groups: dict[str, list[tuple[str, re.Match[str] | None]]] = {}
    for file in source.files:
        folder, _, base = file.rpartition("/")
        match = DATA_FILE.fullmatch(base)
        if match is None:
            continue
        stem = sharded.fullmatch(match["stem"])
        if stem is not None:
            groups.setdefault(f"{folder}/*.{match['format'] or 'parquet'}", []).append((file, stem))
        elif folder.rpartition("/")[2] == split:
            groups.setdefault(f"{folder}/*.{match['format'] or 'parquet'}", []).append((file, None))
    if not groups:
        if is_optional:
            return []
        listed = ", ".join(source.files[:10]) + (", ..." if len(source.files) > 10 else "")
        raise Failure(
            "DataInvalid",
            f"{field}.uri: {source.uri} has no file of the split {split!r}: looked for {split}.<{'|'.join(FORMATS)}>, "
            f"{split}/* and {split}-00000-of-0000n.*; found {listed or 'no files'}",
        )
    if len(groups) > 1:
        candidates = ", ".join(sorted(files[0][0] for files in groups.values()))
        raise Failure(
            "DataInvalid",
            f"{field}.uri: {source.uri} has more than one candidate for the split {split!r} ({candidates}): "
            "name the folder or file",
        )
    ((files),) = groups.values()
    _check_shards(files, field, source.uri)
    return sorted(file for file, _ in files)


def _check_shards(files: list[tuple[str, re.Match[str] | None]], field: str, uri: str) -> None:
    """A missing shard would go unnoticed otherwise: the rest trains as well."""
    counts = {int(stem["count"]) for _, stem in files if stem is not None and stem["count"]}
    if not counts:
        return
    if len(counts) > 1 or len(files) != next(iter(counts)):
        raise Failure(
            "DataInvalid",
            f"{field}.uri: {uri}: shards are missing or mixed: found {', '.join(sorted(file for file, _ in files))}",
        )


def _checked_digest(source: Source, files: Sequence[str], spec: DatasetSpec) -> str:
    digest = files_digest(source.fetch(files), files)
    log.info("%s: %s has the digest %s", spec.field, ", ".join(files), digest)
    if spec.digest is not None and spec.digest != digest:
        raise Failure(
            "DataInvalid", f"{spec.field}.digest: {', '.join(files)} has {digest}, not {spec.digest}: the data was changed"
        )
    return digest


def _read(source: Source, files: Sequence[str], spec: DatasetSpec, labels: Sequence[str]) -> list[Example]:
    root = source.fetch(files)
    examples: list[Example] = []
    first_error: str | None = None
    errors = 0
    for file in files:
        for row in read_rows(root / file, file, spec.text_column, spec.label_column):
            example = row if isinstance(row, BadRow) else _check_row(file, row.number, row.position, row.text, row.label, labels)
            if isinstance(example, BadRow):
                errors += 1
                first_error = first_error or f"{file}, {example.position}: {example.message}"
            else:
                examples.append(example)
    if first_error is not None:
        more = f" ({errors - 1} more bad {'row' if errors == 2 else 'rows'})" if errors > 1 else ""
        raise Failure("DataInvalid", first_error + more)
    return examples


def _check_row(file: str, number: int, position: str, text: Any, label: Any, labels: Sequence[str]) -> Example | BadRow:
    if not isinstance(text, str):
        return BadRow(position, f"the text must be a string, found {_shown(text)}")
    if not text.strip():
        return BadRow(position, "empty text")
    if not _is_unicode(text):
        return BadRow(position, "the text has a lone surrogate, which is not valid Unicode")
    index = label_index(label, labels)
    if index is None:
        names = ", ".join(labels)
        return BadRow(position, f"unknown label {_shown(label)}; expected one of {names}, or 0..{len(labels) - 1}")
    return Example(f"{file}:{number}", text, index)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def label_index(value: Any, labels: Sequence[str]) -> int | None:
    """A label is a name or a class index; a name that looks like a number is a name."""
    if isinstance(value, str):
        value = value.strip()
        if value in labels:
            return labels.index(value)
        # No more digits than an index can have: int() refuses thousands of them.
        if not re.fullmatch(r"\d{1,18}", value, re.ASCII):
            return None
        index = int(value)
    elif isinstance(value, bool):
        return None
    elif isinstance(value, int):
        if str(value) in labels:
            return labels.index(str(value))
        index = value
    elif isinstance(value, float) and value.is_integer():
        index = int(value)
    else:
        return None
    return index if 0 <= index < len(labels) else None


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _shuffled(rows: list[Example], seed: int) -> list[Example]:
    """The permutation that `datasets.Dataset.shuffle(seed)` makes, so that the same rows are drawn as by recipes that use it."""
    order = np.random.default_rng(seed).permutation(len(rows))
    return [rows[index] for index in order]


def _sampled(rows: list[Example], spec: DatasetSpec) -> list[Example]:
    if spec.samples is None:
        return rows
    if spec.samples > len(rows):
        log.warning("%s.samples: %d asked for, all %d rows are taken", spec.field, spec.samples, len(rows))
    return rows[: spec.samples]


def _check_training_rows(rows: Sequence[Example], labels: Sequence[str], spec: DatasetSpec) -> None:
    where = f"{spec.field}: {spec.uri}, split {spec.split!r}"
    if len(rows) < MIN_TRAIN_ROWS:
        raise Failure("DataInvalid", f"{where}: too few rows: {len(rows)} to train on, at least {MIN_TRAIN_ROWS} are needed")
    found = {row.label for row in rows}
    if len(found) == 1:
        raise Failure("DataInvalid", f"{where}: one class only: all {len(rows)} rows are {labels[next(iter(found))]!r}")
    missing = [label for index, label in enumerate(labels) if index not in found]
    if missing:
        raise Failure("DataInvalid", f"{where}: no row has the label {missing[0]!r}")


def _warn_of_leaks(train: Iterable[Example], evaluation: Iterable[Example]) -> None:
    seen = {row.text for row in train}
    leaked = [row.id for row in evaluation if row.text in seen]
    if leaked:
        log.warning("%d evaluation texts are training texts too (first: %s): the accuracy is flattered", len(leaked), leaked[0])
