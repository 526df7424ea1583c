"""A first taxonomy from what there is: the label columns of a table, a list of edges, or a networkx graph.

A draft is a legal taxonomy to be read and corrected by hand: names that would clash are changed, and every guess is
noted at the top of the YAML. Knows rows and edges; not files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from hiercls.errors import ConfigError, Problem, TaxonomyError
from hiercls.names import REST, cleaned
from hiercls.taxonomy.document import listed
from hiercls.taxonomy.fields import FORMAT_VERSION
from hiercls.taxonomy.hierarchy import Hierarchy
from hiercls.taxonomy.taxonomy import Taxonomy
from hiercls.taxonomy.writing import plain_below, to_yaml

if TYPE_CHECKING:
    import networkx


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A first taxonomy.

    Args:
        taxonomy: The taxonomy.
        yaml: Its YAML, with the notes as comments.
        notes: What was guessed or changed.
    """

    taxonomy: Taxonomy
    yaml: str
    notes: tuple[str, ...]


def draft_from_table(
    rows: Iterable[Mapping[str, object]],
    *,
    levels: Sequence[str],
    customers: Sequence[str] = (),
    customer_column: str | None = None,
    label_column: str = "label",
    name: str = "taxonomy",
) -> Draft:
    """Draft a taxonomy from the rows of a table.

    Args:
        rows: One mapping of columns to values per row.
        levels: The columns that hold the node at each level, from coarse to fine; the last is the topic. They name the
            levels. An empty cell ends a path early.
        customers: Columns that each hold one customer's class of the row; they name the customers.
        customer_column: A column that says whose class stands in ``label_column``.
        label_column: The column of that class.
        name: The taxonomy's name.

    Returns:
        The draft. A customer that leaves topics out is partial, one that puts a topic in several classes overlapping.

    Raises:
        ConfigError: If no level is named, or no row has a topic.

    Example:
        >>> rows = [{"area": "X", "topic": "A", "acme": "1"}, {"area": "X", "topic": "B", "acme": "2"}]
        >>> print(draft_from_table(rows, levels=["area", "topic"], customers=["acme"]).yaml)
        # yaml-language-server: $schema=hiercls.schema.json
        hiercls: 1
        name: taxonomy
        levels: [area, topic]
        topics:
          X: [A, B]
        customers:
          acme:
            "1": [A]
            "2": [B]
        <BLANKLINE>
    """
    if not levels:
        raise ConfigError("expected the columns of the levels, from coarse to fine, got none")
    table = list(rows)
    notes: list[str] = []
    paths = _paths(table, levels, notes)
    renamed = _level_names(paths, levels, notes)
    named = [tuple(renamed[depth, node] for depth, node in enumerate(path)) for path in paths]
    hierarchy = _hierarchy_of_paths(named)
    grouping: dict[str, dict[str, dict[str, None]]] = {}
    for row, path in zip(table, named, strict=True):
        is_topic = bool(path) and path[-1] not in hierarchy.children
        for customer, label in _labels(row, customers, customer_column, label_column) if is_topic else ():
            grouping.setdefault(customer, {}).setdefault(label, {})[path[-1]] = None
    return _draft(
        hierarchy, levels=levels[: max(map(len, named), default=0)], name=name, grouping=grouping, notes=notes
    )


def draft_from_edges(
    edges: Iterable[tuple[object, object]],
    *,
    nodes: Iterable[object] = (),
    levels: Sequence[str] | None = None,
    name: str = "taxonomy",
) -> Draft:
    """Draft a taxonomy from a list of edges.

    Args:
        edges: Pairs of parent and child; an empty parent puts the child at the top.
        nodes: Nodes that may stand without edges.
        levels: The level names from the top; made up by default.
        name: The taxonomy's name.

    Returns:
        The draft. A single node above all others is left out.

    Raises:
        ConfigError: If there are no nodes.
        TaxonomyError: If the edges run in a circle, or paths to a node are not equally long.

    Example:
        >>> draft_from_edges([("X", "A"), ("X", "B"), ("Y", "C")]).taxonomy.levels
        ('level 1', 'topic')
    """
    children: dict[str, dict[str, None]] = {}
    below: dict[str, None] = {}
    seen: dict[str, None] = {}
    notes: list[str] = []
    for parent, child in edges:
        above, node = _clean_node(parent, notes), _clean_node(child, notes)
        seen.update(dict.fromkeys(name for name in (above, node) if name))
        if above and node:
            children.setdefault(above, {})[node] = None
            below[node] = None
    seen.update(dict.fromkeys(name for name in (_clean_node(node, notes) for node in nodes) if name))
    roots = [node for node in seen if node not in below]
    _check_circles(children)
    if len(roots) == 1 and len(children.get(roots[0], ())) > 1:
        notes.append(f"'{roots[0]}' stood above all others and is left out")
        roots = list(children.pop(roots[0]))
    hierarchy = Hierarchy(roots=tuple(roots), children={node: tuple(found) for node, found in children.items()})
    return _draft(hierarchy, levels=levels, name=name, grouping={}, notes=notes)


def draft_from_graph(graph: networkx.DiGraph, *, levels: Sequence[str] | None = None, name: str | None = None) -> Draft:
    """Draft a taxonomy from a networkx graph.

    Args:
        graph: A directed graph of edges parent → child.
        levels: The level names from the top; made up by default.
        name: The taxonomy's name; the graph's by default.

    Returns:
        The draft.

    Raises:
        ConfigError: If the graph is not directed, or has no nodes.
        TaxonomyError: If the edges run in a circle, or paths to a node are not equally long.

    Example:
        >>> import networkx
        >>> draft_from_graph(networkx.DiGraph([("X", "A"), ("X", "B"), ("Y", "C")])).taxonomy.topics
        ('A', 'B', 'C')
    """
    if not graph.is_directed():
        raise ConfigError("expected a directed graph of edges parent → child, got an undirected one; use a DiGraph")
    chosen = name or str(graph.name or "taxonomy")
    return draft_from_edges(graph.edges(), nodes=graph.nodes(), levels=levels, name=chosen)


def _paths(table: Iterable[Mapping[str, object]], levels: Sequence[str], notes: list[str]) -> list[tuple[str, ...]]:
    """The nodes of each row from the top, up to the first empty cell; a topic said again on deeper levels once."""
    paths: list[list[str]] = []
    lost: dict[str, None] = {}
    for row in table:
        path = [cleaned(row.get(level)) for level in levels]
        paths.append(path[: path.index("")] if "" in path else path)
        lost.update(dict.fromkeys(node for node in path[len(paths[-1]) :] if node))
    lost = dict.fromkeys(node for node in lost if not any(node in path for path in paths))
    if lost:
        notes.append(f"left out, since a cell above is empty: {listed(tuple(lost))}")
    branching = {
        (depth, path[depth]) for path in paths for depth in range(len(path) - 1) if path[depth] != path[depth + 1]
    }
    for path in paths:
        while len(path) > 1 and path[-1] == path[-2] and (len(path) - 2, path[-2]) not in branching:
            path.pop()
    return [tuple(path) for path in paths]


def _level_names(
    paths: Iterable[tuple[str, ...]], levels: Sequence[str], notes: list[str]
) -> dict[tuple[int, str], str]:
    """Names by depth and value: a value keeps its name at the first depth and gets the level's name added at others."""
    found = sorted({(depth, node) for path in paths for depth, node in enumerate(path)})
    first: dict[str, int] = {}
    names: dict[tuple[int, str], str] = {}
    taken = {node for _, node in found}
    for depth, node in found:
        new = node
        if first.setdefault(node, depth) != depth or node == REST:
            new = f"{node} ({levels[depth]})"
            while new in taken:
                new += "'"
            taken.add(new)
            notes.append(f"'{node}' of '{levels[depth]}' is called '{new}', since a name stands for one node")
        names[depth, node] = new
    return names


def _labels(
    row: Mapping[str, object], customers: Sequence[str], customer_column: str | None, label_column: str
) -> list[tuple[str, str]]:
    pairs = [(customer, cleaned(row.get(customer))) for customer in customers]
    if customer_column is not None:
        pairs.append((cleaned(row.get(customer_column)), cleaned(row.get(label_column))))
    return [(customer, label) for customer, label in pairs if customer and label]


def _hierarchy_of_paths(paths: Iterable[tuple[str, ...]]) -> Hierarchy:
    roots: dict[str, None] = {}
    children: dict[str, dict[str, None]] = {}
    for path in paths:
        roots.update(dict.fromkeys(path[:1]))
        for above, node in pairwise(path):
            children.setdefault(above, {})[node] = None
    return Hierarchy(roots=tuple(roots), children={node: tuple(below) for node, below in children.items()})


def _clean_node(value: object, notes: list[str]) -> str:
    node = cleaned(value)
    if node == REST:
        new = f"{node} (node)"
        note = f"'{node}' is called '{new}'"
        if note not in notes:
            notes.append(note)
        return new
    return node


def _check_circles(children: Mapping[str, Iterable[str]]) -> None:
    import networkx

    graph = networkx.DiGraph([(above, node) for above, below in children.items() for node in below])
    try:
        circle = [above for above, _ in networkx.find_cycle(graph)]
    except networkx.NetworkXNoCycle:
        return
    shown = " → ".join([*circle, circle[0]])
    raise TaxonomyError([Problem(message=f"the hierarchy runs in a circle: {shown}")], subject="the edges")


def _draft(
    hierarchy: Hierarchy,
    *,
    levels: Sequence[str] | None,
    name: str,
    grouping: Mapping[str, Mapping[str, Iterable[str]]],
    notes: list[str],
) -> Draft:
    if not hierarchy.roots:
        raise ConfigError("expected at least one topic, found none")
    made_up = [*(f"level {depth}" for depth in range(1, hierarchy.n_levels)), "topic"]
    taken: set[str] = set()
    data: dict[str, object] = {"hiercls": FORMAT_VERSION, "name": cleaned(name) or "taxonomy"}
    data["levels"] = [_view_name(level, taken, notes) for level in (made_up if levels is None else levels)]
    data["topics"] = plain_below(hierarchy)
    if hierarchy.multi_parent:
        data["multi_parent"] = list(hierarchy.multi_parent)
        several = listed(hierarchy.multi_parent)
        notes.append(f"under several parents: {several}; if one is really several topics, give each its own name")
    if grouping:
        data["customers"] = {
            _view_name(customer, taken, notes): _customer(hierarchy, classes) for customer, classes in grouping.items()
        }
    return Draft(taxonomy=Taxonomy.from_dict(data), yaml=to_yaml(data, comment="\n".join(notes)), notes=tuple(notes))


def _view_name(name: str, taken: set[str], notes: list[str]) -> str:
    """A legal name for a level or customer that no other has."""
    new = cleaned(name.replace(":", " ")) or "unnamed"
    while new in taken:
        new += "'"
    taken.add(new)
    if new != name:
        notes.append(f"level or customer '{name}' is called '{new}'")
    return new


def _customer(hierarchy: Hierarchy, classes: Mapping[str, Iterable[str]]) -> dict[str, object]:
    plain: dict[str, object] = {label: list(topics) for label, topics in classes.items()}
    times = Counter(topic for topics in classes.values() for topic in topics)
    flags = {"partial": len(times) < len(hierarchy.topics), "overlapping": any(count > 1 for count in times.values())}
    stated = {flag: True for flag, value in flags.items() if value}
    return {"classes": plain, **stated} if stated else plain
