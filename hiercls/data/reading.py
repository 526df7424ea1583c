"""Reading rows from files, streams and tables in memory, with every problem kept beside its row.

Knows the columns ``text``, ``label``, ``labels``, ``view``, ``customer``, ``thread`` and ``complete``; whether a
label is a class of its view is settled in ``taxonomy/finding``.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Number
from pathlib import Path
from typing import Any

from hiercls.data.delimited import delimited_records
from hiercls.data.json_lines import decode_line, json_records, line_records
from hiercls.data.records import Record, column_records, header_problem, mapping_records, parquet_records
from hiercls.data.rejects import Reject
from hiercls.data.rows import Row, completeness, describe, is_missing, label_names, string_fault, truth_value
from hiercls.errors import DataError, InputTypeError, Problem, nearest
from hiercls.files import not_a_file

EXTENSIONS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
"""The files that can be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What was read: the rows that can be used, and those that cannot.

    Args:
        rows: The good rows, in the order of the input.
        rejects: The others as they came, each with its problems.

    Example:
        >>> table = read([{"text": "a document", "label": "A"}, {"text": None}])
        >>> len(table.rows), str(table.problems[0])
        (1, "at row 2: expected a text as a string, got None; an empty text is ''")
    """

    rows: tuple[Row, ...]
    rejects: tuple[Reject, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All problems of all rejects, in the order of the input."""
        return tuple(problem for reject in self.rejects for problem in reject.problems)


def read(*sources: Any) -> Table:
    """Read rows from files or tables, the extension telling the format.

    CSV and TSV have a header and quotes as in RFC 4180; JSONL has one object per line. Column ``text`` is required.
    ``label`` is one label (in JSONL, Parquet and tables in memory also a list of them), looked up in the row's
    ``view`` or written ``view:class``; ``labels`` is a list of ``[view, class]`` pairs or strings; ``customer`` is a
    name; ``thread`` marks what belongs together, such as a conversation, by a string or a number, and no split divides
    it; ``complete`` is true or false: whether all that hold are listed, where a document may have several topics. An
    empty or missing label, view, customer or thread is none; an empty text is a legal one.

    Args:
        *sources: Each a path to a ``.csv``, ``.tsv``, ``.jsonl``, ``.ndjson`` or ``.parquet`` file, a pandas DataFrame,
            a Hugging Face data set, or an iterable of mappings.

    Returns:
        The good rows, and the others with their problems.

    Raises:
        DataError: If a file cannot be read at all: it is not there, has no column ``text``, or is no such file.
        InputTypeError: If a source is of no known kind.

    Example:
        >>> table = read([{"text": "a document", "label": "ABC", "view": "one"}])
        >>> table.rows[0].labels
        (('one', 'ABC'),)
    """
    if not sources:
        raise InputTypeError("expected a file or table to read, got none")
    tables: list[Table] = []
    problems: list[Problem] = []
    for source in sources:
        try:
            tables.append(_table(iterate(source)))
        except DataError as error:
            problems.extend(error.problems)
    if problems:
        raise DataError(problems, subject="the data")
    return Table(
        rows=tuple(row for table in tables for row in table.rows),
        rejects=tuple(reject for table in tables for reject in table.rejects),
    )


def read_stream(lines: Iterable[str] | Iterable[bytes], *, name: str = "-") -> Table:
    """Read rows from an open stream: JSONL where its first line that is not blank begins with ``{``, else plain texts.

    In JSONL blank lines are left aside; among plain texts an empty line is an empty document.

    Args:
        lines: The lines, as text or as UTF-8 bytes, such as ``sys.stdin.buffer``.
        name: The stream's name for messages.

    Returns:
        The good rows, and the others with their problems.

    Example:
        >>> [row.text for row in read_stream(["a document", "", "another"]).rows]
        ['a document', '', 'another']
    """
    return _table(iterate_stream(lines, name=name))


def iterate(source: Any) -> Iterator[Row | Reject]:
    """Read one source row by row, a file in bounded memory.

    Args:
        source: What ``read`` takes.

    Returns:
        Good and bad rows as they come.

    Raises:
        DataError: If the source cannot be read at all.
        InputTypeError: If it is of no known kind.

    Example:
        >>> [type(row).__name__ for row in iterate([{"text": "a document"}, {"text": None}])]
        ['Row', 'Reject']
    """
    return _rows(_records(source))


def iterate_stream(lines: Iterable[str] | Iterable[bytes], *, name: str = "-") -> Iterator[Row | Reject]:
    """Read rows from an open stream one by one, as ``read_stream`` does.

    Args:
        lines: The lines, as text or as UTF-8 bytes.
        name: The stream's name for messages.

    Yields:
        Good and bad rows as they come.

    Example:
        >>> next(iterate_stream(["a document"])).text
        'a document'
    """
    walker: Iterator[str | bytes] = iter(lines)
    head: list[str | bytes] = []
    opening = ""
    for line in walker:
        head.append(line)
        opening = decode_line(line, first=len(head) == 1)[0].strip()
        if opening:
            break
    yield from _rows(line_records(itertools.chain(head, walker), name=name, are_json=opening.startswith("{")))


def _records(source: Any) -> Iterator[Record | Reject]:
    """The raw records of one source, by what it is."""
    if isinstance(source, str | os.PathLike):
        return _file_records(Path(source))
    names = getattr(source, "column_names", None)
    if isinstance(source, bytes) or isinstance(names, Mapping):
        splits = f"; choose one of its splits: {', '.join(map(repr, names))}" if isinstance(names, Mapping) else ""
        raise InputTypeError(f"expected a file or table to read, got {describe(source)}{splits}")
    if names is None:
        names = getattr(source, "columns", None)
    if names is not None and hasattr(source, "__getitem__"):
        return column_records(source, names)
    if isinstance(source, Mapping) or not isinstance(source, Iterable):
        raise InputTypeError(f"expected a file, a table or an iterable of mappings, got {describe(source)}")
    return mapping_records(source)


def _file_records(path: Path) -> Iterator[Record | Reject]:
    """The raw records of a file, by its extension."""
    extension = path.suffix.lower()
    absent = not_a_file(path, extensions=EXTENSIONS)
    if absent:
        raise DataError([absent], subject=f"'{path}'")
    if extension not in EXTENSIONS:
        hint = nearest(extension, EXTENSIONS) if extension else f"one of {', '.join(EXTENSIONS)}"
        message = (
            f"expected one of the extensions {', '.join(EXTENSIONS)}, got {repr(extension) if extension else 'none'}"
        )
        raise DataError([Problem(message=message, file=str(path), hint=hint)], subject=f"'{path}'")
    try:
        if extension == ".parquet":
            yield from parquet_records(path)
        elif extension in (".csv", ".tsv"):
            delimiter = "," if extension == ".csv" else "\t"
            yield from delimited_records(path, delimiter=delimiter, check_header=_delimited_header_problem)
        else:
            yield from json_records(path)
    except OSError as error:
        problem = Problem(message=f"the file cannot be read ({error.strerror or error})", file=str(path))
        raise DataError([problem], subject=f"'{path}'") from error


def _delimited_header_problem(names: Sequence[str], *, file: str, line: int) -> Problem | None:
    """What is wrong with the columns of a delimited file of documents."""
    if "labels" in names:
        hint = "write one label in 'label', or use JSONL or Parquet for several"
        return Problem(message="expected no column 'labels' in a delimited file", file=file, line=line, hint=hint)
    return header_problem(names, file=file, line=line)


def _table(made: Iterable[Row | Reject]) -> Table:
    """Good and bad rows apart."""
    rows: list[Row] = []
    rejects: list[Reject] = []
    for one in made:
        if isinstance(one, Row):
            rows.append(one)
        else:
            rejects.append(one)
    return Table(rows=tuple(rows), rejects=tuple(rejects))


def _rows(records: Iterable[Record | Reject]) -> Iterator[Row | Reject]:
    """Rows and rejects of raw records; where no record has a text at all, an error that names what there is."""
    first: Record | None = None
    n_texts = 0
    for record in records:
        if isinstance(record, Record):
            first = first or record
            n_texts += "text" in record.cells
            yield _row(record)
        else:
            yield record
    if first is not None and not n_texts:
        problem = header_problem(first.cells, file=first.file, line=first.line)
        raise DataError([problem] if problem else [], subject=f"'{first.file}'" if first.file else "the data")


def _row(record: Record) -> Row | Reject:
    """One row, or the reject with everything that is wrong with it."""
    problems: list[Problem] = []

    def report(message: str, hint: str | None = None) -> None:
        problems.append(Problem(message=message, file=record.file, line=record.line, path=record.path, hint=hint))

    def name(column: str) -> str | None:
        value = record.cells.get(column)
        if is_missing(value) or (isinstance(value, str) and not value):
            return None
        fault = string_fault(str(value) if column == "thread" and isinstance(value, int) else value, noun=column)
        if fault:
            report(fault)
        return str(value)

    text = record.cells.get("text")
    fault = string_fault(text, noun="text")
    if "text" not in record.cells:
        report(f"expected a column 'text', found {', '.join(map(repr, record.cells)) or 'no columns'}")
    elif fault:
        report(fault, "an empty text is ''" if is_missing(text) else None)
    view, customer, thread = name("view"), name("customer"), name("thread")
    labels = [
        *_short_labels(record.cells.get("label"), view, report),
        *_pairs(record.cells.get("labels"), view, report),
    ]
    complete = _complete(record.cells, view, len(labels), report)
    if problems:
        return Reject(raw=record.cells, problems=tuple(problems))
    return Row(
        text=str(text),
        labels=tuple(labels),
        customer=customer,
        thread=thread,
        complete=complete,
        file=record.file,
        line=record.line,
    )


def _complete(cells: Mapping[str, Any], view: str | None, n_labels: int, report: Any) -> tuple[str | None, ...] | None:
    """The views that a row lists completely, where it says so or has an empty list of labels."""
    value = cells.get("complete")
    absent = is_missing(value) or (isinstance(value, str) and not value)
    said = None if absent else truth_value(value)
    if said is None and not absent:
        report(f"expected 'complete' to be true or false, got {describe(value)}")
    given = [cells.get(column) for column in ("label", "labels")]
    is_list = any(not is_missing(labels) and not isinstance(labels, str) for labels in given)
    return completeness(said, view=view, n_labels=n_labels, is_list=is_list)


def _short_labels(value: object, view: str | None, report: Any) -> Iterator[tuple[str | None, str]]:
    """The labels of the column ``label``: one, or a list of them."""
    if isinstance(value, str) and not value:
        return
    for label in label_names(value):
        fault = string_fault(label, noun="label")
        if fault or not label:
            hint = "write the class's name, not its number" if isinstance(label, Number) else None
            report(fault or "expected a label, got an empty string in a list", hint)
        else:
            yield view, str(label)


def _pairs(value: object, view: str | None, report: Any) -> Iterator[tuple[str | None, str]]:
    """The labels of the column ``labels``: a list of ``[view, class]`` pairs or of strings."""
    if isinstance(value, str) and not value:
        return
    if isinstance(value, str | Mapping) or not (is_missing(value) or isinstance(value, Iterable)):
        report(f"expected 'labels' to be a list of [view, class] pairs, got {describe(value)}")
        return
    for item in label_names(value):
        parts = label_names(item)
        if isinstance(item, str):
            yield from _short_labels(item, view, report)
        elif len(parts) != 2 or string_fault(parts[1], noun="label") or not isinstance(parts[0], str | None):
            report(f"expected a label as a [view, class] pair, got {describe(item)}")
        else:
            yield parts[0] or None, str(parts[1])
