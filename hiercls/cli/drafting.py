"""What ``hiercls init`` reads: tables without texts, lists of edges, graphs; and which columns it takes for what.

Knows file formats and column names; what a draft is, ``hiercls.taxonomy.draft`` knows.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hiercls.cli.app import note
from hiercls.data.delimited import delimited_records
from hiercls.data.json_lines import json_records
from hiercls.data.records import Record, parquet_reader, undivided_hint
from hiercls.data.rejects import Reject
from hiercls.errors import ConfigError, DataError, Problem, nearest
from hiercls.files import not_a_file

if TYPE_CHECKING:
    from hiercls.taxonomy.draft import Draft

TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
GRAPHS = {".graphml": "read_graphml", ".gexf": "read_gexf", ".gml": "read_gml"}
EDGES = (("parent", "child"), ("source", "target"), ("from", "to"))
"""Pairs of columns by which a table is known as a list of edges."""

NO_LEVELS = frozenset({"text", "labels", "view", "customer", "id"})
"""Columns that are never guessed to be a level."""

Rows = list[dict[str, Any]]


def draft(
    path: Path, *, levels: Sequence[str], customers: Sequence[str], edges: Sequence[str], name: str | None
) -> Draft:
    """Draft a taxonomy from a file, guessing what is not said.

    Args:
        path: A table, a list of edges or a graph, known by its extension.
        levels: The columns of the levels from coarse to fine, or, for edges and graphs, the levels' names.
        customers: The columns that each hold one customer's classes.
        edges: The columns of parent and child.
        name: The taxonomy's name; the file's by default.

    Returns:
        The draft.

    Raises:
        ConfigError: If the file is of no known kind, a column is not there, or the levels cannot be guessed.
        DataError: If the file cannot be read.
    """
    from hiercls.taxonomy.draft import draft_from_edges, draft_from_graph, draft_from_table

    problem = not_a_file(path, extensions=(*TABLES, *GRAPHS))
    if problem:
        raise DataError([problem], subject=f"'{path}'")
    chosen = name or path.stem
    if path.suffix.lower() in GRAPHS:
        return draft_from_graph(_read_graph(path), levels=levels or None, name=chosen)
    rows = read_rows(path)
    columns = list(dict.fromkeys(column for row in rows for column in row))
    _check_columns([*customers, *edges], columns, path)
    ends = tuple(edges) or next((pair for pair in EDGES if set(pair) <= set(columns)), ())
    if ends:
        if len(ends) != 2:
            raise ConfigError(f"expected the columns of parent and child, got {', '.join(map(repr, ends))}")
        return draft_from_edges([(row[ends[0]], row[ends[1]]) for row in rows], levels=levels or None, name=chosen)
    _check_columns(levels, columns, path)
    taken = levels or guess_levels(rows, columns, customers, path)
    by_customer = {"customer", "label"} <= set(columns) - set(taken)
    return draft_from_table(
        rows, levels=taken, customers=customers, customer_column="customer" if by_customer else None, name=chosen
    )


def guess_levels(rows: Rows, columns: Sequence[str], customers: Sequence[str], path: Path) -> list[str]:
    """Take for levels the columns that nest, from coarse to fine.

    Args:
        rows: The table.
        columns: Its columns.
        customers: Columns that are customers'.
        path: The file, for messages.

    Returns:
        The columns, each of whose values stands under one value of the column before.

    Raises:
        ConfigError: If there are no such columns, or they do not nest.

    Example:
        >>> rows = [{"topic": "A", "area": "X"}, {"topic": "B", "area": "X"}]
        >>> guess_levels(rows, ["topic", "area"], [], Path("t.csv"))
        ['area', 'topic']
    """
    reserved = NO_LEVELS | set(customers) | ({"label"} if "customer" in columns else set())
    found = [column for column in columns if column not in reserved]
    values = {column: {str(row[column]) for row in rows if row.get(column)} for column in found}
    found = sorted((column for column in found if values[column]), key=lambda column: len(values[column]))
    known = f"'{path}' has the columns {', '.join(map(repr, columns)) or 'none'}"
    if not found:
        raise ConfigError(f"{known}; say which are the levels, from coarse to fine: --levels area,topic")
    for above, below in itertools.pairwise(found):
        pairs = {(str(row[above]), str(row[below])) for row in rows if row.get(above) and row.get(below)}
        if len(pairs) > len({node for _, node in pairs}):
            raise ConfigError(
                f"{known}, but '{below}' does not nest in '{above}'; "
                "say which are levels, from coarse to fine, and which are customers: "
                "--levels area,topic --customers one,two"
            )
    note(f"took for levels, from coarse to fine: {', '.join(map(repr, found))}; --levels takes others")
    return found


def read_rows(path: Path) -> Rows:
    """Read a table's rows, its texts left aside where that saves reading them.

    Args:
        path: A CSV, TSV, JSONL or Parquet file.

    Returns:
        One mapping of columns to values per row.

    Raises:
        ConfigError: If the extension is not known.
        DataError: If the file is empty, is not UTF-8, or has rows that cannot be read; all problems at once.
    """
    kind = path.suffix.lower()
    if kind not in TABLES:
        known = ", ".join([*TABLES, *GRAPHS])
        raise ConfigError(f"expected a table or graph ({known}), got '{path}'")
    records: list[Record | Reject]
    if kind == ".parquet":
        records = [Record(cells=row) for row in _read_parquet(path)]
    elif kind in {".csv", ".tsv"}:
        delimiter = "," if kind == ".csv" else "\t"
        records = list(delimited_records(path, delimiter=delimiter, check_header=_header_problem))
    else:
        records = list(json_records(path))
    rows = [dict(record.cells) for record in records if isinstance(record, Record)]
    problems = [problem for record in records if isinstance(record, Reject) for problem in record.problems]
    if not problems and not rows:
        problems.append(Problem(message="the file has no rows", file=str(path)))
    if problems:
        raise DataError(problems, subject=f"'{path}'")
    return rows


def _read_parquet(path: Path) -> Rows:
    with parquet_reader(path) as parquet:
        columns = [column for column in parquet.read_schema(path).names if column != "text"]
        return list(parquet.read_table(path, columns=columns).to_pylist())


def _read_graph(path: Path) -> Any:
    import networkx

    try:
        return getattr(networkx, GRAPHS[path.suffix.lower()])(path)
    except (networkx.NetworkXException, SyntaxError, ValueError, KeyError) as error:
        problem = Problem(message=f"not a graph in the format of {path.suffix}: {error}", file=str(path))
        raise DataError([problem], subject=f"'{path}'") from error


def _header_problem(names: Sequence[str], *, file: str, line: int) -> Problem | None:
    """What makes a header useless: a name that stands twice, or columns divided by something else."""
    twice = [column for column in dict.fromkeys(names) if column and names.count(column) > 1]
    if twice:
        message = f"expected every column once, found {', '.join(map(repr, twice))} more than once"
        return Problem(message=message, file=file, line=line, hint="rename one")
    hint = undivided_hint(names)
    if hint:
        return Problem(message=f"expected several columns, found {names[0]!r} alone", file=file, line=line, hint=hint)
    return None


def _check_columns(wanted: Sequence[str], columns: Sequence[str], path: Path) -> None:
    unknown = [f"'{column}' ({nearest(column, columns)})" for column in wanted if column not in columns]
    if unknown:
        raise ConfigError(f"'{path}' has no column {', '.join(unknown)}")
