"""Shards: the files that are read, one after the other or side by side, and their rows as tables of bounded size.

Knows addresses, Parquet, JSONL, CSV and TSV, packed or not; knows no model. A row that cannot be read stays a row: its
text is null and its reasons say why.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from hiercls.data.delimited import open_delimited_records
from hiercls.data.json_lines import open_json_records
from hiercls.data.reading import EXTENSIONS
from hiercls.data.records import Record, header_problem
from hiercls.data.rejects import Reject
from hiercls.data.rows import is_missing, string_fault
from hiercls.errors import DataError, Problem, nearest, require
from hiercls.scale.storage import filesystem

ROW, RAW = "row", "raw"
"""The column with a row's number (of Parquet) or line, from 1; and the one with what came where it cannot be used."""

_PACKED = (".gz", ".bz2", ".xz", ".zst")
_VERSIONS = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "updated", "created")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One file to be answered, as it stands now.

    Args:
        address: Its whole address, with the protocol.
        size: Its bytes.
        version: What tells it from others that stood there before: the store's tag or the time of its last change.
    """

    address: str
    size: int
    version: str

    @property
    def name(self) -> str:
        """The name that its results go by: its own, and eight letters that tell it from others of the same name."""
        return f"{_stem(self.address)}-{hashlib.sha256(self.address.encode()).hexdigest()[:8]}"


def shards_of(addresses: Iterable[str]) -> tuple[Shard, ...]:
    """The files at some addresses, each once.

    Args:
        addresses: Files, patterns with ``*``, or folders, of which all files that can be read are taken, but those
            whose name or folder begins with ``_`` or ``.``.

    Returns:
        The shards, sorted by address.

    Raises:
        DataError: If an address leads to no file that can be read; all such are listed.
    """
    found: dict[str, Shard] = {}
    problems = []
    for address in addresses:
        files, path = filesystem(str(address))
        listed = list(_listed(files, path))
        if not listed:
            kinds = ", ".join(EXTENSIONS)
            problems.append(Problem(message=f"expected files of {kinds}, packed or not, found none", file=str(address)))
        for name, facts in listed:
            whole = str(files.unstrip_protocol(name))
            version = next((str(facts[key]) for key in _VERSIONS if facts.get(key) is not None), "")
            found[whole] = Shard(address=whole, size=int(facts.get("size") or 0), version=version)
    if problems:
        raise DataError(problems, subject="the documents")
    return tuple(found[address] for address in sorted(found))


def _listed(files: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The files at a path that can be read, with what is known of each."""
    if any(mark in path for mark in "*?["):
        found, root = files.glob(path, detail=True), None
    elif files.isdir(path):
        found, root = files.find(path, detail=True), path.rstrip("/") + "/"
    else:
        found, root = {path: files.info(path)} if files.exists(path) else {}, None
    for name, facts in sorted(found.items()):
        inside = "" if root is None else name.removeprefix(root)
        hidden = any(part.startswith(("_", ".")) for part in inside.split("/"))
        if facts["type"] == "file" and _extension(name) in EXTENSIONS and not hidden:
            yield name, facts


def tables(shard: Shard, *, keep: Sequence[str], n_rows: int) -> Iterator[Any]:
    """The rows of a shard.

    Args:
        shard: Which.
        keep: Columns that are carried along beside the text; of files of lines they become strings.
        n_rows: Rows of a table, at most.

    Yields:
        Tables, the last of no rows, with columns ``row``, those kept, and ``text``; of files of lines also ``raw`` and
        ``reasons``, which are null for rows that can be used.

    Raises:
        DataError: If the file cannot be read, or a column is missing.
    """
    files, path = filesystem(shard.address)
    arrow, parquet = require("pyarrow", extra="tables"), require("pyarrow.parquet", extra="tables")
    try:
        with files.open(path, "rb", compression=None if _extension(path) == ".parquet" else "infer") as file:
            if _extension(path) == ".parquet":
                yield from _parquet_tables(arrow, parquet.ParquetFile(file), shard, keep, n_rows)
            else:
                yield from _record_tables(arrow, _records(file, shard), shard, keep, n_rows)
    except (arrow.ArrowException, OSError, EOFError) as error:
        problem = Problem(message=f"the file cannot be read ({error})", file=shard.address)
        raise DataError([problem], subject=f"'{shard.address}'") from error


def _parquet_tables(arrow: Any, source: Any, shard: Shard, keep: Sequence[str], n_rows: int) -> Iterator[Any]:
    """The rows of a Parquet file, of which one row group's columns are held at a time."""
    names = list(source.schema_arrow.names)
    _check_columns(names, keep, shard)
    wanted = [*dict.fromkeys([*keep, "text"])]
    nothing = arrow.RecordBatch.from_pylist(
        [], schema=arrow.schema([source.schema_arrow.field(name) for name in wanted])
    )
    n_before = 0
    for batch in itertools.chain(source.iter_batches(n_rows, columns=wanted), [nothing]):
        numbers = arrow.array(range(n_before + 1, n_before + 1 + batch.num_rows), arrow.int64())
        columns = {ROW: numbers, **{name: batch.column(name) for name in keep}, "text": batch.column("text")}
        yield arrow.table(columns)
        n_before += batch.num_rows
    if n_before != source.metadata.num_rows:
        message = f"expected {source.metadata.num_rows:,} rows, as the file says, read {n_before:,}"
        raise DataError([Problem(message=message, file=shard.address)], subject=f"'{shard.address}'")


def _records(file: Any, shard: Shard) -> Iterator[Record | Reject]:
    """The raw rows of a file of lines."""
    extension = _extension(shard.address)
    if extension in (".csv", ".tsv"):
        delimiter = "," if extension == ".csv" else "\t"
        return open_delimited_records(file, name=shard.address, delimiter=delimiter, check_header=header_problem)
    return open_json_records(file, name=shard.address)


def _record_tables(
    arrow: Any, records: Iterator[Record | Reject], shard: Shard, keep: Sequence[str], n_rows: int
) -> Iterator[Any]:
    """Raw rows as tables."""
    strings = [(name, arrow.string()) for name in (*keep, "text", RAW)]
    schema = arrow.schema([(ROW, arrow.int64()), *strings, ("reasons", arrow.list_(arrow.string()))])
    if _extension(shard.address) in (".csv", ".tsv"):
        first = next(records, None)
        if isinstance(first, Record):
            _check_columns(list(first.cells), keep, shard)
        records = itertools.chain([] if first is None else [first], records)
    while part := list(itertools.islice(records, n_rows)):
        columns = zip(*(_row(record, keep) for record in part), strict=True)
        yield arrow.table(
            [arrow.array(one, type=field.type) for one, field in zip(columns, schema, strict=True)], schema
        )
    yield schema.empty_table()


def _row(record: Record | Reject, keep: Sequence[str]) -> tuple[Any, ...]:
    """Number, kept cells, text, and what came with the reasons where it cannot be used."""
    if isinstance(record, Reject):
        raw = record.raw if isinstance(record.raw, str) else json.dumps(dict(record.raw), default=str)
        return (
            record.problems[0].line,
            *[None] * len(keep),
            None,
            _whole(raw),
            [_said(one) for one in record.problems],
        )
    cells = record.cells
    kept = [_string(cells.get(name)) for name in keep]
    text = cells.get("text")
    fault = string_fault(text, noun="text")
    if fault is None:
        return (record.line, *kept, text, None, None)
    if "text" not in cells:
        fault = f"expected a column 'text', found {', '.join(map(repr, cells)) or 'no columns'}"
    elif is_missing(text):
        fault += "; an empty text is ''"
    return (record.line, *kept, None, json.dumps(dict(cells), default=str), [_whole(fault)])


def _said(problem: Problem) -> str:
    """A problem without its place, which the row's own columns tell."""
    return _whole(f"{problem.message}; {problem.hint}" if problem.hint else problem.message)


def _string(value: Any) -> str | None:
    """A kept cell: a string as it is, all else as JSON."""
    if is_missing(value):
        return None
    return _whole(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _whole(text: str) -> str:
    """A string that can be written: half a surrogate pair becomes its escape."""
    return text.encode(errors="backslashreplace").decode()


def _check_columns(names: Sequence[str], keep: Sequence[str], shard: Shard) -> None:
    """Refuse a file without a column that is asked for."""
    problem = header_problem(names, file=shard.address)
    problems = [] if problem is None else [problem]
    for name in keep:
        if name not in names:
            message = f"expected a column '{name}' to keep, found {', '.join(map(repr, names))}"
            problems.append(Problem(message=message, file=shard.address, hint=nearest(name, names)))
    if problems:
        raise DataError(problems, subject=f"'{shard.address}'")


def _unpacked(address: str) -> str:
    """A file's name without its folder and how it is packed."""
    name = PurePosixPath(address).name
    return next((name.removesuffix(end) for end in _PACKED if name.endswith(end)), name)


def _extension(address: str) -> str:
    """How a file's name ends, but for how it is packed."""
    return PurePosixPath(_unpacked(address)).suffix.lower()


def _stem(address: str) -> str:
    """A file's name without its folder and its ends."""
    return PurePosixPath(_unpacked(address)).stem
