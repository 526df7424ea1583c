"""CSV and TSV files as raw records, each with the line it begins on.

Knows the csv module and its limits, not what the columns mean.
"""

from __future__ import annotations

import csv
import io
import itertools
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Protocol

from hiercls.data.json_lines import not_utf8, refuse_utf16
from hiercls.data.records import Record
from hiercls.data.rejects import Reject
from hiercls.errors import DataError, Problem

_FIELD_LIMIT = 2**31 - 1
_N_AT_A_TIME = 512
_field_limit_lock = threading.Lock()


class HeaderCheck(Protocol):
    """What a reader demands of a table's columns."""

    def __call__(self, names: Sequence[str], *, file: str, line: int) -> Problem | None:
        """What is wrong with the columns' names, if anything is."""


def delimited_records(path: Path, *, delimiter: str, check_header: HeaderCheck) -> Iterator[Record | Reject]:
    """The rows of a CSV or TSV file with a header, quotes as in RFC 4180, some hundred of them in memory at a time.

    Args:
        path: The file.
        delimiter: What stands between two fields.
        check_header: Finds what is wrong with the columns' names, if anything is.

    Yields:
        A record per row; a reject per row that cannot be divided into the header's columns.

    Raises:
        DataError: If the file has no header, or one that the check refuses.
    """
    with path.open("rb") as file:
        yield from open_delimited_records(file, name=str(path), delimiter=delimiter, check_header=check_header)


def open_delimited_records(
    file: IO[bytes], *, name: str, delimiter: str, check_header: HeaderCheck
) -> Iterator[Record | Reject]:
    """The rows of a CSV or TSV file that is open, from wherever it comes.

    Args:
        file: The file, at its beginning, which can go back there.
        name: Its name for messages.
        delimiter: What stands between two fields.
        check_header: Finds what is wrong with the columns' names, if anything is.

    Yields:
        A record per row; a reject per row that cannot be divided into the header's columns.

    Raises:
        DataError: If the file has no header, or one that the check refuses.
    """
    refuse_utf16(file, name=name)
    lines = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    records = _delimited(lines, name, delimiter, check_header)
    try:
        while part := _some(records):
            yield from part
    except _HeaderError as error:
        raise DataError([error.problem], subject=f"'{name}'") from None
    finally:
        lines.detach()


def _some(records: Iterator[Record | Reject]) -> list[Record | Reject]:
    """The next few records. The limit on a field's size is the whole process's, so that it is put back in between."""
    with _field_limit_lock:
        limit = csv.field_size_limit(_FIELD_LIMIT)
        try:
            return list(itertools.islice(records, _N_AT_A_TIME))
        finally:
            csv.field_size_limit(limit)


class _HeaderError(Exception):
    """A header that makes the whole file unusable."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class _Lines:
    """The physical lines of a file; those of the record being read are kept."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.number = 0
        self.kept: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._file)
        self.number += 1
        self.kept.append(line)
        return line

    @property
    def raw(self) -> str:
        """The record's lines as they came, undecodable bytes as escapes."""
        return "".join(self.kept).rstrip("\r\n").encode(errors="surrogateescape").decode(errors="backslashreplace")

    def encoding_fault(self) -> tuple[str, int] | None:
        """The message and the line of the record's first byte that is no UTF-8."""
        for back, line in enumerate(reversed(self.kept)):
            if not line.isascii():
                bad = next((character for character in line if "\udc80" <= character <= "\udcff"), None)
                if bad:
                    return not_utf8(ord(bad) - 0xDC00), self.number - back
        return None


def _delimited(file: IO[str], name: str, delimiter: str, check: HeaderCheck) -> Iterator[Record | Reject]:
    """The records of an open CSV file; the first row is the header."""
    lines = _Lines(file)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] | None = None
    while True:
        lines.kept.clear()
        first = lines.number + 1
        fields: list[str] = []
        fault = None
        try:
            fields = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            fault = _csv_fault(str(error)), first
        fault = lines.encoding_fault() or fault
        if header is None and (fields or fault):
            header = _header(fields, fault, check, name=name, line=first)
        elif fields or fault:
            yield _delimited_record(fields, fault, header or [], lines, file=name, first=first)
    if header is None:
        raise _HeaderError(Problem(message="expected a header with the columns' names, got an empty file", file=name))


def _header(fields: list[str], fault: tuple[str, int] | None, check: HeaderCheck, *, name: str, line: int) -> list[str]:
    """The columns' names, or an error: without a header no row can be read."""
    header = [field.strip() for field in fields]
    problem = Problem(message=fault[0], file=name, line=fault[1]) if fault else check(header, file=name, line=line)
    if problem:
        raise _HeaderError(problem)
    return header


def _delimited_record(
    fields: list[str], fault: tuple[str, int] | None, header: list[str], lines: _Lines, *, file: str, first: int
) -> Record | Reject:
    """One row by the header's names, or why it cannot be divided."""
    hint = None
    if fault is None and len(fields) != len(header):
        fault = f"expected {len(header)} fields as in the header, got {len(fields)}", first
        hint = "quote a field that holds the delimiter" if len(fields) > len(header) else None
    if fault:
        return Reject(raw=lines.raw, problems=(Problem(message=fault[0], file=file, line=fault[1], hint=hint),))
    return Record(cells=dict(zip(header, fields, strict=True)), file=file, line=first)


def _csv_fault(message: str) -> str:
    """The csv module's message in words that help."""
    if "unexpected end of data" in message:
        return (
            'a quoted field that begins in this row is never closed; close it, and write a quote inside it twice ("")'
        )
    if "expected after" in message:
        return 'a quoted field goes on after its closing quote; write a quote inside a quoted field twice ("")'
    return f"not a row of a delimited file ({message})"
