"""Readers of data files: jsonl, tsv, csv, parquet; `.gz` of each text format. They yield rows with where each stands."""

import csv
import gzip
import io
import json
import re
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from valence_trainer.errors import Failure

FORMATS = ("jsonl", "tsv", "csv", "parquet")
DATA_FILE = re.compile(r"(?P<stem>.+)\.(?:(?P<format>jsonl|tsv|csv)(?:\.gz)?|(?P<parquet>parquet))")


@dataclass(frozen=True)
class Row:
    position: str
    """`line 7`, or `row 7` of a format without lines."""
    number: int
    text: Any
    label: Any


class BadRow(Exception):
    """One row cannot be read; the others can."""

    def __init__(self, position: str, message: str) -> None:
        super().__init__(message)
        self.position = position
        self.message = message


def read_rows(path: Path, name: str, text_column: str, label_column: str) -> Iterator[Row | BadRow]:
    """`name` stands for the file in messages. A file that cannot be read at all is a Failure."""
    match = DATA_FILE.fullmatch(path.name)
    if match is None:
        raise Failure("DataInvalid", f"{name}: unknown format; use one of {', '.join(FORMATS)} (text formats may be .gz)")
    columns = (text_column, label_column)
    try:
        match match["format"]:
            case "jsonl":
                yield from _read_jsonl(path, columns)
            case "tsv":
                yield from _read_tsv(path, name, columns)
            case "csv":
                yield from _read_csv(path, name, columns)
            case _:
                yield from _read_parquet(path, name, columns)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise Failure("DataInvalid", f"{name}: damaged gzip file: {error}") from error
    except UnicodeDecodeError as error:
        raise Failure("DataInvalid", f"{name}: not UTF-8: {error}") from error


def _open(path: Path) -> gzip.GzipFile | io.BufferedReader:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _lines(path: Path) -> Iterator[tuple[int, str | None]]:
    """Lines end at LF only: U+2028 and the like are characters of a text. None for a line that is not UTF-8."""
    with _open(path) as file:
        for number, raw in enumerate(file, start=1):
            try:
                yield number, raw.rstrip(b"\r\n").decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                yield number, None


def _read_jsonl(path: Path, columns: tuple[str, str]) -> Iterator[Row | BadRow]:
    for number, line in _lines(path):
        position = f"line {number}"
        if line is None:
            yield BadRow(position, "not UTF-8")
            continue
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            yield BadRow(position, f"not JSON: {error}")
            continue
        except ValueError:
            yield BadRow(position, f"an integer has more than {sys.get_int_max_str_digits()} digits")
            continue
        except RecursionError:
            yield BadRow(position, "JSON that is nested too deeply")
            continue
        if not isinstance(value, dict):
            yield BadRow(position, f"must be a JSON object, found {type(value).__name__}")
            continue
        missing = [column for column in columns if column not in value]
        if missing:
            yield BadRow(position, _missing(missing[0], list(value)))
            continue
        yield Row(position, number, value[columns[0]], value[columns[1]])


def _read_tsv(path: Path, name: str, columns: tuple[str, str]) -> Iterator[Row | BadRow]:
    """First line: the column names. No quoting: a `"` is a character of the text."""
    indexes: list[int] = []
    width = 0
    for number, line in _lines(path):
        if line is None:
            yield BadRow(f"line {number}", "not UTF-8")
            continue
        fields = line.split("\t")
        if number == 1:
            indexes, width = _find_columns(name, columns, fields), len(fields)
        elif line and len(fields) != width:
            yield BadRow(f"line {number}", f"has {len(fields)} tab-separated fields, the first line has {width}")
        elif line:
            yield Row(f"line {number}", number, fields[indexes[0]], fields[indexes[1]])
    if width == 0:
        raise Failure("DataInvalid", f"{name}: empty; the first line must name the columns")


def _read_csv(path: Path, name: str, columns: tuple[str, str]) -> Iterator[Row | BadRow]:
    csv.field_size_limit(2**31 - 1)
    # Escaped, bytes that are not UTF-8 are found in the row that has them.
    with io.TextIOWrapper(_open(path), encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = next(reader, [])
            if not header:
                raise Failure("DataInvalid", f"{name}: empty; the first line must name the columns")
            if not _is_utf8(header):
                raise Failure("DataInvalid", f"{name}, line 1: not UTF-8")
            indexes = _find_columns(name, columns, header)
            start = reader.line_num + 1
            for fields in reader:
                # A quoted field may span lines; the row is where it begins.
                position, number, start = f"line {start}", start, reader.line_num + 1
                if not fields:
                    continue
                if not _is_utf8(fields):
                    yield BadRow(position, "not UTF-8")
                elif len(fields) != len(header):
                    yield BadRow(position, f"has {len(fields)} fields, the first line has {len(header)}")
                else:
                    yield Row(position, number, fields[indexes[0]], fields[indexes[1]])
        except csv.Error as error:
            raise Failure("DataInvalid", f"{name}, line {reader.line_num}: not csv: {error}") from error


def _is_utf8(escaped: list[str]) -> bool:
    try:
        "".join(escaped).encode()
    except UnicodeEncodeError:
        return False
    return True


def _read_parquet(path: Path, name: str, columns: tuple[str, str]) -> Iterator[Row | BadRow]:
    try:
        with pq.ParquetFile(path) as file:
            _find_columns(name, columns, file.schema_arrow.names)
            number = 0
            for batch in file.iter_batches(columns=list(columns)):
                for text, label in zip(batch[columns[0]].to_pylist(), batch[columns[1]].to_pylist(), strict=True):
                    number += 1
                    yield Row(f"row {number}", number, text, label)
    except (pa.ArrowException, OSError) as error:
        raise Failure("DataInvalid", f"{name}: not a readable parquet file: {error}") from error


def _find_columns(name: str, columns: tuple[str, str], found: list[str]) -> list[int]:
    for column in columns:
        if column not in found:
            raise Failure("DataInvalid", f"{name}, line 1: {_missing(column, found)}")
        if found.count(column) > 1:
            raise Failure("DataInvalid", f"{name}, line 1: column {column!r} is there {found.count(column)} times")
    return [found.index(column) for column in columns]


def _missing(column: str, found: list[str]) -> str:
    names = ", ".join(repr(name) for name in found[:20]) or "none"
    return f"no column {column!r}; found {names}; name the columns with textColumn and labelColumn"
