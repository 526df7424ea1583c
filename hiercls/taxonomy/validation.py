"""From a read document to a checked hierarchy and groupings, or to all of its problems at once.

Brings together the schema, the hierarchy and the customers, and checks what lies between them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hiercls.errors import TaxonomyError
from hiercls.taxonomy.customer_spec import CUSTOMER_KEYS, CustomerFileSpec
from hiercls.taxonomy.document import Document, listed
from hiercls.taxonomy.grouping import Grouping, read_grouping
from hiercls.taxonomy.hierarchy import Hierarchy
from hiercls.taxonomy.reading import read_document
from hiercls.taxonomy.shape import check_shape, described
from hiercls.taxonomy.spec import TaxonomySpec
from hiercls.taxonomy.tree import read_hierarchy

_TAXONOMY_KEYS = "the keys 'hiercls', 'levels' and 'topics'"
_CUSTOMER_KEYS = "the keys 'customer' and 'classes'"

Source = str | Path | Mapping[str, object]
"""A file's path, a YAML text, or a mapping of plain data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxonomyParts:
    """What a checked taxonomy file says.

    Args:
        name: The taxonomy's name.
        levels: The level names from the top.
        hierarchy: The nodes.
        groupings: The customers.
        about: One sentence on some of the nodes.
    """

    name: str
    levels: tuple[str, ...]
    hierarchy: Hierarchy
    groupings: tuple[Grouping, ...] = ()
    about: Mapping[str, str] = field(default_factory=dict)


def load_taxonomy(source: Source) -> TaxonomyParts:
    """Read and check a taxonomy.

    Args:
        source: A path, a YAML text or a mapping.

    Returns:
        What it says.

    Raises:
        TaxonomyError: If anything is wrong with it; all problems at once.

    Example:
        >>> load_taxonomy("{hiercls: 1, levels: [topic], topics: [A, B]}").hierarchy.topics
        ('A', 'B')
    """
    document = read_document(source)
    hierarchy = None
    groupings: list[Grouping] = []
    if _is_mapping(document, _TAXONOMY_KEYS, other="customer", hint="add it to a taxonomy with 'with_customer'"):
        check_shape(document, TaxonomySpec)
        hierarchy = read_hierarchy(document)
        _check_levels(document, hierarchy)
        if hierarchy:
            _check_about(document, hierarchy)
            groupings = _read_customers(document, hierarchy)
    if document.problems or hierarchy is None or not isinstance(document.data, dict):
        raise TaxonomyError(document.sorted_problems(), subject=document.file or "the taxonomy")
    data = document.data
    return TaxonomyParts(
        name=data.get("name", "taxonomy"),
        levels=tuple(data["levels"]),
        hierarchy=hierarchy,
        groupings=tuple(groupings),
        about=dict(data.get("about", {})),
    )


def load_customer(source: Source, *, hierarchy: Hierarchy, levels: Sequence[str], customers: Sequence[str]) -> Grouping:
    """Read and check a customer in a file of its own.

    Args:
        source: A path, a YAML text or a mapping.
        hierarchy: The nodes that its classes may name.
        levels: The level names, which are taken.
        customers: The customers' names that are taken.

    Returns:
        The customer.

    Raises:
        TaxonomyError: If anything is wrong with it; all problems at once.

    Example:
        >>> tree = Hierarchy(roots=("A", "B"), children={})
        >>> load_customer({"customer": "acme", "classes": {"AB": "rest"}}, hierarchy=tree, levels=(), customers=()).name
        'acme'
    """
    document = read_document(source)
    grouping = None
    if _is_mapping(document, _CUSTOMER_KEYS, other="topics", hint=f"expected a mapping with {_CUSTOMER_KEYS}"):
        data = document.data if isinstance(document.data, dict) else {}
        check_shape(document, CustomerFileSpec)
        name = document.text(("customer",), data.get("customer"))
        if name in levels:
            document.add(("customer",), f"'{name}' is the name of a level", hint="give the customer another name")
        if name in customers:
            hint = "replace it with 'replace_customer', or give this one another name"
            document.add(("customer",), f"there is a customer '{name}' already", hint=hint)
        body = {key: value for key, value in data.items() if key in CUSTOMER_KEYS}
        if isinstance(body.get("classes"), Mapping):
            grouping = read_grouping(document, (), name or "", body, hierarchy)
    if document.problems or grouping is None:
        raise TaxonomyError(document.sorted_problems(), subject=document.file or "the customer")
    return grouping


def _is_mapping(document: Document, keys: str, *, other: str, hint: str) -> bool:
    """Whether there is a mapping to check; notes it where there is something else, or the other kind of file."""
    data = document.data
    if isinstance(data, dict) and other in data and not {"customer", "topics"} <= data.keys():
        kind = "a customer's file" if other == "customer" else "a taxonomy"
        document.add((other,), f"this is {kind}", hint=hint, at_key=True)
        return False
    if not isinstance(data, dict) and not document.problems:
        document.add((), f"expected a mapping with {keys}, got {described(document, (), data)}")
    return isinstance(data, dict)


def _check_levels(document: Document, hierarchy: Hierarchy | None) -> None:
    data = document.data if isinstance(document.data, dict) else {}
    levels = data.get("levels")
    if not isinstance(levels, list):
        return
    seen: set[str] = set()
    for index, level in enumerate(levels):
        name = document.text(("levels", index), level) or ""
        if name in seen:
            document.add(("levels", index), f"level '{name}' stands twice", hint="give each level a name of its own")
        seen.update([name] if name else [])
    if hierarchy and hierarchy.is_even and len(levels) != hierarchy.n_levels:
        deepest = max(hierarchy.nodes, key=hierarchy.depth.__getitem__)
        plural = "s" * (hierarchy.n_levels > 1)
        message = f"expected {hierarchy.n_levels} level name{plural}, one for every depth, got {len(levels)}"
        document.add(("levels",), message, hint=f"the deepest path is {_path_to(hierarchy, deepest)}")


def _path_to(hierarchy: Hierarchy, node: str) -> str:
    path = [node]
    for _ in range(hierarchy.depth[node]):
        path.append(hierarchy.parents[path[-1]][0])
    return " → ".join(reversed(path))


def _check_about(document: Document, hierarchy: Hierarchy) -> None:
    data = document.data if isinstance(document.data, dict) else {}
    about = data.get("about")
    for name in about if isinstance(about, dict) else ():
        if name not in hierarchy.depth:
            hint = document.hints.nearest(name, hierarchy.nodes)
            document.add(("about", name), f"unknown node '{name}'", hint=hint, at_key=True)


def _read_customers(document: Document, hierarchy: Hierarchy) -> list[Grouping]:
    data = document.data if isinstance(document.data, dict) else {}
    customers, levels = data.get("customers"), data.get("levels")
    groupings = []
    for name, body in customers.items() if isinstance(customers, dict) else ():
        path = ("customers", name)
        if isinstance(levels, list) and name in levels:
            hint = f"levels are {listed(map(str, levels))}: give one of them another name"
            document.add(path, f"customer '{name}' has the name of a level", hint=hint, at_key=True)
        if isinstance(body, dict):
            groupings.append(read_grouping(document, path, name, body, hierarchy))
    return groupings
