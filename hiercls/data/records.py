"""Tables in memory and Parquet files as raw records: cells by column, and the place they stand at.

Knows the names of the columns, not what they mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hiercls.data.rejects import Reject
from hiercls.data.rows import describe
from hiercls.errors import DataError, InputTypeError, Problem, require

COLUMNS = ("text", "label", "labels", "view", "customer", "thread", "complete")
"""The columns that have a meaning; others are left aside."""

_N_AT_A_TIME = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The cells of one row as they came.

    Args:
        cells: The values by column.
        file: The file's name, or ``None`` for a table in memory.
        line: The first line of the row, from 1; in a Parquet file the row's number.
        path: The row's place in a table in memory, from 1.
    """

    cells: Mapping[str, Any]
    file: str | None = None
    line: int | None = None
    path: str | None = None


@contextmanager
def parquet_reader(path: Path) -> Iterator[Any]:
    """What reads Parquet files, by the extra ``tables``; its errors say that this is none.

    Args:
        path: The file that is read.

    Yields:
        The module ``pyarrow.parquet``.

    Raises:
        MissingExtraError: If it is not installed.
        DataError: If the file is no Parquet file.
    """
    parquet = require("pyarrow.parquet", extra="tables")
    try:
        yield parquet
    except DataError:
        raise
    except (ValueError, OSError) as error:
        problem = Problem(message=f"expected a Parquet file, which this is not ({error})", file=str(path))
        raise DataError([problem], subject=f"'{path}'") from error


def parquet_records(path: Path) -> Iterator[Record | Reject]:
    """The rows of a Parquet file, by the extra ``tables``, some thousand of them in memory at a time.

    Args:
        path: The file.

    Yields:
        A record per row.

    Raises:
        DataError: If it is no Parquet file, or has no column ``text``.
    """
    with parquet_reader(path) as parquet, parquet.ParquetFile(path) as source:
        names = list(source.schema_arrow.names)
        problem = header_problem(names, file=str(path))
        if problem:
            raise DataError([problem], subject=f"'{path}'")
        n_before = 0
        for part in source.iter_batches(_N_AT_A_TIME, columns=[name for name in COLUMNS if name in names]):
            yield from column_records(part, names, file=str(path), n_before=n_before)
            n_before += len(part)


def column_records(
    table: Any, names: Iterable[Any], *, file: str | None = None, n_before: int = 0
) -> Iterator[Record | Reject]:
    """The rows of a table in memory that hands out its columns by name: a DataFrame, a Dataset, an Arrow table.

    Args:
        table: The table; ``table[name]`` is a column that can be walked.
        names: The names of all its columns.
        file: The file it was read from, or ``None``.
        n_before: Rows of the file that stand before these.

    Yields:
        A record per row.

    Raises:
        DataError: If there is no column ``text``, or a column stands twice.
    """
    names = list(names)
    problem = header_problem(names, file=file)
    if problem:
        raise DataError([problem], subject=f"'{file}'" if file else f"the {type(table).__name__}")
    present = [name for name in names if name in COLUMNS]
    columns = [table[name] for name in present]
    values = [column.to_pylist() if hasattr(column, "to_pylist") else column for column in columns]
    for number, cells in enumerate(zip(*values, strict=True), start=n_before + 1):
        line, path = (number, None) if file else (None, f"row {number}")
        yield Record(cells=dict(zip(present, cells, strict=True)), file=file, line=line, path=path)


def mapping_records(rows: Iterable[Any]) -> Iterator[Record | Reject]:
    """The rows of an iterable of mappings, such as a list of dicts or a streamed data set.

    Args:
        rows: The mappings.

    Yields:
        A record per mapping, or a reject.

    Raises:
        InputTypeError: If the rows are bare strings.
    """
    for number, cells in enumerate(rows, start=1):
        if isinstance(cells, str):
            raise InputTypeError(
                "expected rows as mappings such as {'text': …}, got strings; make_rows takes lists of texts"
            )
        if isinstance(cells, Mapping):
            yield Record(cells=cells, path=f"row {number}")
        else:
            message = f"expected a mapping such as {{'text': …}}, got {describe(cells)}"
            yield Reject(raw=repr(cells), problems=(Problem(message=message, path=f"row {number}"),))


def header_problem(names: Iterable[Any], *, file: str | None = None, line: int | None = None) -> Problem | None:
    """What is wrong with a table's columns: no ``text``, or one that stands twice.

    Args:
        names: The columns' names.
        file: The file's name.
        line: The header's line.

    Returns:
        The problem, or ``None``.

    Example:
        >>> print(header_problem(["Text", "label"], file="a.csv", line=1))
        a.csv:1: expected a column 'text', found 'Text', 'label'; rename 'Text' to 'text'
    """
    names = list(names)
    twice = [name for name in COLUMNS if names.count(name) > 1]
    if twice:
        shown = ", ".join(repr(name) for name in twice)
        return Problem(message=f"expected every column once, found {shown} more than once", file=file, line=line)
    if "text" in names:
        return None
    alike = [
        name for name in names if str(name).strip().lower() in ("text", "texts", "document", "content", "sentence")
    ]
    hint = f"rename {alike[0]!r} to 'text'" if alike else None
    hint = undivided_hint(names) or hint
    found = ", ".join(repr(name) for name in names) or "no columns"
    return Problem(message=f"expected a column 'text', found {found}", file=file, line=line, hint=hint)


def undivided_hint(names: Sequence[Any]) -> str | None:
    """What to do about a single column whose name looks like several that were not divided.

    Args:
        names: The columns' names.

    Returns:
        The hint; ``None`` where there are several columns, or one of a plain name.

    Example:
        >>> undivided_hint(["text;label"])
        'the columns of a .csv are divided by commas, those of a .tsv by tabs'
    """
    if len(names) == 1 and any(mark in str(names[0]) for mark in ";\t|,"):
        return "the columns of a .csv are divided by commas, those of a .tsv by tabs"
    return None
