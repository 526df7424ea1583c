"""Taxonomies made by machines: the same schema as a Parquet file of edges, checked column by column.

The columns are ``customer``, ``class`` and ``node``, one row a membership. A row without a customer is an edge of the
hierarchy: ``node`` stands below ``class``, or at the top where there is no class either. Everything else of the schema
is JSON in the file's metadata, under ``hiercls``: the version, name, levels, and each customer's flags and costs. Where
anything is wrong with the customers they are read again as YAML's would be, which words it. Knows tables; not matrices.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hiercls.errors import Problem, TaxonomyError, require
from hiercls.files import not_a_file, replacing
from hiercls.names import composed
from hiercls.taxonomy.customer_spec import is_long_form
from hiercls.taxonomy.hierarchy import Hierarchy
from hiercls.taxonomy.memberships import Memberships, read_groupings
from hiercls.taxonomy.reading import MAX_DEPTH
from hiercls.taxonomy.validation import TaxonomyParts, load_taxonomy
from hiercls.taxonomy.writing import plain_below, plain_grouping, plain_taxonomy

COLUMNS = ("customer", "class", "node")
"""The columns of the table."""

MAX_ROWS = 50_000_000
"""The most rows that are read."""

_KEY = b"hiercls"


def load_table(path: str | Path) -> TaxonomyParts:
    """Read and check a taxonomy in Parquet, by the extra ``tables``.

    Args:
        path: The file.

    Returns:
        What it says.

    Raises:
        TaxonomyError: If anything is wrong with it; all problems at once.
        MissingExtraError: If pyarrow is not installed.
    """
    file = str(path)
    head, columns = _read(file)
    memberships, edges = _divided(columns, file)
    data = {**head, "topics": plain_below(_hierarchy(edges, file))}
    written = data.pop("customers", {})
    try:
        parts = load_taxonomy(data)
        groupings = read_groupings(memberships, written, parts) if isinstance(written, Mapping) else None
        if groupings is None:
            return load_taxonomy({**data, "customers": _plain_customers(memberships, written)})
    except TaxonomyError as error:
        raise TaxonomyError([dataclasses.replace(one, file=file) for one in error.problems], subject=file) from None
    return dataclasses.replace(parts, groupings=groupings)


def write_table(parts: TaxonomyParts, path: Path) -> None:
    """Write a taxonomy as Parquet; ``load_table`` of it is equal.

    Args:
        parts: The taxonomy's parts.
        path: The file, written whole or not at all.

    Raises:
        MissingExtraError: If pyarrow is not installed.
    """
    arrow, parquet = require("pyarrow", extra="tables"), require("pyarrow.parquet", extra="tables")
    head = plain_taxonomy(dataclasses.replace(parts, groupings=()))
    del head["topics"]
    flags = {grouping.name: _flags(plain_grouping(grouping)) for grouping in parts.groupings}
    head["customers"] = {name: stated for name, stated in flags.items() if stated}
    metadata = {_KEY: json.dumps(head, ensure_ascii=False).encode()}
    schema = arrow.schema([(name, arrow.string()) for name in COLUMNS], metadata=metadata)
    with replacing(path) as aside, parquet.ParquetWriter(aside, schema) as writer:
        for rows in _row_groups(parts):
            if rows:
                writer.write_table(arrow.table([list(column) for column in zip(*rows, strict=True)], schema=schema))


def _row_groups(parts: TaxonomyParts) -> Iterator[list[tuple[str | None, str | None, str]]]:
    """The rows of the hierarchy, then those of each customer."""
    hierarchy = parts.hierarchy
    below = [(None, node, child) for node in hierarchy.nodes for child in hierarchy.children.get(node, ())]
    yield [*((None, None, root) for root in hierarchy.roots), *below]
    for grouping in parts.groupings:
        pairs = zip(grouping.classes, grouping.written, strict=True)
        yield [(grouping.name, name, node) for name, nodes in pairs for node in nodes]


def _flags(plain: dict[str, object]) -> dict[str, object]:
    """What a customer's long form says beside its classes."""
    return {key: value for key, value in plain.items() if key != "classes"} if is_long_form(plain) else {}


def _read(file: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The head, and the columns as Arrow's dictionaries."""
    arrow, parquet = require("pyarrow", extra="tables"), require("pyarrow.parquet", extra="tables")
    absent = not_a_file(file, extensions=(".parquet",))
    if absent:
        raise TaxonomyError([absent], subject=file)
    try:
        found = parquet.read_schema(file)
        strings = [name for name in COLUMNS if _is_text(arrow, found, name)]
        with parquet.ParquetFile(file, read_dictionary=strings) as source:
            schema, n_rows = source.schema_arrow, source.metadata.num_rows
            faults = [f"expected a column '{name}' of strings" for name in COLUMNS if not _is_text(arrow, schema, name)]
            faults += [f"more than {MAX_ROWS:,} rows"] if n_rows > MAX_ROWS else []
            table = None if faults else source.read(columns=list(COLUMNS))
    except (ValueError, OSError) as error:
        fault = Problem(message=f"expected a Parquet file, which this is not ({error})", file=file)
        raise TaxonomyError([fault], subject=file) from None
    try:
        head = json.loads((schema.metadata or {})[_KEY])
    except (KeyError, ValueError, RecursionError):
        head = None
    if not isinstance(head, dict):
        faults.append("expected the rest of the taxonomy as a JSON object in the file's metadata, under 'hiercls'")
    elif "topics" in head or any("classes" in body for body in _mappings(head.get("customers"))):
        faults.append("expected topics and classes as rows, found some in the file's metadata")
    if faults or table is None:
        hint = "Taxonomy.to_parquet writes such files"
        raise TaxonomyError([Problem(message=fault, file=file, hint=hint) for fault in faults], subject=file)
    return head, {name: table.column(name) for name in COLUMNS}


def _mappings(customers: object) -> list[Mapping[str, object]]:
    """What the head says of customers, as far as it has the right shape."""
    bodies = customers.values() if isinstance(customers, Mapping) else ()
    return [body for body in bodies if isinstance(body, Mapping)]


def _is_text(arrow: Any, schema: Any, name: str) -> bool:
    """Whether a column holds strings."""
    if schema.names.count(name) != 1:
        return False
    kind = schema.field(name).type
    kind = kind.value_type if arrow.types.is_dictionary(kind) else kind
    return bool(arrow.types.is_string(kind) or arrow.types.is_large_string(kind))


def _coded(column: Any) -> tuple[Any, tuple[str, ...]]:
    """The number of each row's name, −1 for none, and the distinct names in the order of their first rows."""
    import numpy as np

    values = column.unify_dictionaries().combine_chunks().dictionary_encode()
    known: dict[str, int] = {}
    joined = [known.setdefault(composed(name), len(known)) for name in values.dictionary.to_pylist()]
    codes = np.array([*joined, -1])[values.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
    rows = np.flatnonzero(codes >= 0)[::-1]
    first = np.full(len(known), len(codes))
    first[codes[rows]] = rows  # of several rows the last one stays, which is the first of the table
    order = np.argsort(first, kind="stable")[: int((first < len(codes)).sum())]
    rank = np.full(len(known) + 1, -1)
    rank[order] = np.arange(len(order))
    names = list(known)
    return rank[codes], tuple(names[place] for place in order)


def _divided(columns: Mapping[str, Any], file: str) -> tuple[Memberships, list[tuple[str | None, str]]]:
    """The customers' rows, and the edges of the hierarchy."""
    import numpy as np

    coded = {name: _coded(column) for name, column in columns.items()}
    (owners, customers), (groups, classes), (codes, nodes) = (coded[name] for name in COLUMNS)
    empty = np.flatnonzero((codes < 0) | ((owners >= 0) & (groups < 0)))
    if len(empty):
        names = ("a node" if codes[row] < 0 else "a class" for row in empty[:20].tolist())
        faults = (f"expected {name}, got nothing" for name in names)
        rows = zip(faults, (empty[:20] + 1).tolist(), strict=True)
        problems = [Problem(message=fault, file=file, path=f"row {row}") for fault, row in rows]
        raise TaxonomyError(problems, subject=file)
    above = owners < 0
    pairs = zip(groups[above].tolist(), codes[above].tolist(), strict=True)
    edges = [(classes[parent] if parent >= 0 else None, nodes[node]) for parent, node in pairs]
    memberships = Memberships(
        customers=customers,
        classes=classes,
        nodes=nodes,
        customer_of=owners[~above],
        class_of=groups[~above],
        node_of=codes[~above],
    )
    return memberships, edges


def _hierarchy(edges: Sequence[tuple[str | None, str]], file: str) -> Hierarchy:
    """The hierarchy of edges, not checked but for what cannot be written as nested mappings."""
    children: dict[str, list[str]] = {}
    for parent, node in edges:
        if parent is not None:
            children.setdefault(parent, []).append(node)
    roots = tuple(node for parent, node in edges if parent is None)
    hierarchy = Hierarchy(roots=roots, children={name: tuple(below) for name, below in children.items()})
    twice = [edge for edge, count in Counter(edges).items() if count > 1]
    lost = [node for node in children if node not in hierarchy.depth]
    faults = [f"'{node}' stands neither at the top nor below a node that does" for node in lost[:20]]
    faults += [f"nested deeper than {MAX_DEPTH}"] if max(hierarchy.depth.values(), default=0) >= MAX_DEPTH else []
    faults += [f"'{node}' stands twice under '{above}'" for above, node in twice[:20] if above]
    faults += [f"'{node}' stands twice at the top" for above, node in twice[:20] if not above]
    if faults:
        raise TaxonomyError([Problem(message=fault, file=file) for fault in faults], subject=file)
    return hierarchy


def _plain_customers(memberships: Memberships, written: Any) -> Any:
    """The customers as plain data, with all that may be wrong with them."""
    if not isinstance(written, Mapping):
        return written
    customers: dict[str, Any] = {name: {"classes": {}} for name in memberships.customers}
    for name, class_name, node in memberships.rows():
        customers[name]["classes"].setdefault(class_name, []).append(node)
    for name, stated in written.items():
        customers[name] = {**customers.get(name, {"classes": {}}), **stated} if isinstance(stated, Mapping) else stated
    return customers
