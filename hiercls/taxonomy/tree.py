"""From the ``topics`` of a document to the hierarchy, with everything that is wrong in it.

Nodes are known by name: a name that stands again elsewhere is a second place of the same node, legal where
``multi_parent`` lists it. Knows the document; not levels' names nor customers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from hiercls.names import REST
from hiercls.taxonomy.document import Document, Path
from hiercls.taxonomy.hierarchy import Hierarchy

MAX_SHOWN = 100
"""The most circles that are followed, and the most nodes of a path that are shown."""


class _Place(NamedTuple):
    """One place where a node's name stands; it defines the node where something is written below it."""

    name: str
    parent: str | None
    path: Path
    defines: bool
    is_empty: bool


def read_hierarchy(document: Document) -> Hierarchy | None:
    """Build the hierarchy of a document, and note what is wrong with it.

    Args:
        document: A document whose data is a mapping; problems are added to it.

    Returns:
        The hierarchy, as far as it can be made out where there are problems; ``None`` without any topic.

    Example:
        >>> from hiercls.taxonomy.reading import read_document
        >>> document = read_document("topics: {X: [Y], Y: [X]}")
        >>> hierarchy = read_hierarchy(document)
        >>> print(document.problems[0])
        line:1:22: at topics.Y[0]: the hierarchy runs in a circle: X → Y → X
    """
    data = document.data
    if not isinstance(data, Mapping) or "topics" not in data:
        return None
    places = list(_places(document, ("topics",), data["topics"], None))
    if not places:
        if not data["topics"]:
            document.add(("topics",), "expected topics, got none", at_key=True)
        return None
    children: dict[str, dict[str, None]] = {}
    for place in places:
        if place.defines and not place.is_empty:
            children.setdefault(place.name, {})
        if place.parent is not None:
            children.setdefault(place.parent, {})[place.name] = None
    roots = dict.fromkeys(place.name for place in places if place.parent is None)
    hierarchy = Hierarchy(roots=tuple(roots), children={name: tuple(below) for name, below in children.items()})
    in_circle = _check_circles(document, hierarchy, places)
    _check_places(document, places, _multi_parent(document), in_circle)
    if not in_circle and not hierarchy.is_even:
        _check_depths(document, hierarchy, places)
    _check_multi_parent(document, hierarchy, in_circle)
    return hierarchy


def _places(document: Document, path: Path, below: object, parent: str | None) -> Iterator[_Place]:
    if isinstance(below, Mapping):
        for name, value in below.items():
            nested = isinstance(value, Mapping | list)
            here = (*path, name)
            yield _Place(name=name, parent=parent, path=here, defines=nested, is_empty=nested and not value)
            if nested:
                yield from _places(document, here, value, name)
    elif isinstance(below, list):
        for index, value in enumerate(below):
            here = (*path, index)
            if isinstance(value, Mapping):
                yield from _places(document, here, value, parent)
                continue
            text = document.text(here, value)
            if text is not None:
                yield _Place(name=text, parent=parent, path=here, defines=False, is_empty=False)


def _multi_parent(document: Document) -> dict[str, Path]:
    listed = document.data.get("multi_parent") if isinstance(document.data, Mapping) else None
    found: dict[str, Path] = {}
    for index, item in enumerate(listed if isinstance(listed, list) else []):
        path: Path = ("multi_parent", index)
        text = document.text(path, item)
        if text is not None:
            found[text] = path
    return found


def _check_places(document: Document, places: list[_Place], several: Mapping[str, Path], in_circle: set[str]) -> None:
    by_name: dict[str, list[_Place]] = defaultdict(list)
    for place in places:
        by_name[place.name].append(place)
        if place.is_empty:
            hint = f"write '{place.name}:' for a topic by itself"
            document.add(place.path, f"'{place.name}' has nothing below it", hint=hint, at_key=True)
        if place.name == REST:
            document.add(place.path, f"'{REST}' is a reserved name", hint="give the node another name", at_key=True)
    for name, found in by_name.items():
        if len(found) > 1 and name not in in_circle:
            _check_repeated(document, found, is_listed=name in several)


def _check_repeated(document: Document, places: list[_Place], *, is_listed: bool) -> None:
    parents: dict[str | None, _Place] = {places[0].parent: places[0]}
    definition = places[0] if places[0].defines else None
    for place in places[1:]:
        again, first = parents.get(place.parent), places[0]
        if place.defines and definition:
            message = f"'{place.name}' is defined twice{document.first_line(definition.path)}"
            hint = "write what stands below it in one place, and only its name in the other"
            document.add(place.path, message, hint=hint, at_key=True)
        elif again:
            message = f"'{place.name}' stands twice {_under(place)}{document.first_line(again.path)}"
            document.add(place.path, message, hint="take one out", at_key=True)
        elif not is_listed:
            message = (
                f"'{place.name}' stands twice{document.first_line(first.path)}, {_under(first)} and {_under(place)}"
            )
            hint = f"write 'multi_parent: [{place.name}]' if it belongs to both"
            document.add(place.path, message, hint=hint, at_key=True)
        parents.setdefault(place.parent, place)
        definition = definition or (place if place.defines else None)


def _under(place: _Place) -> str:
    return f"under '{place.parent}'" if place.parent else "at the top"


def _check_circles(document: Document, hierarchy: Hierarchy, places: list[_Place]) -> set[str]:
    """Note each circle once, at the place that closes it; returns the nodes in circles."""
    edges = {(place.parent, place.name): place.path for place in places}
    in_circle: set[str] = set()
    done: set[str] = set()
    n_circles = 0
    for root in hierarchy.roots:
        trail: dict[str, Iterator[str]] = {} if root in done else {root: iter(hierarchy.children.get(root, ()))}
        while trail:
            node = next(reversed(trail))
            child = next(trail[node], None)
            if child is None:
                done.add(node)
                del trail[node]
            elif child in trail:
                n_circles += 1
                names = list(trail) if n_circles <= MAX_SHOWN else [child, node]
                circle = names[names.index(child) :]
                if n_circles <= MAX_SHOWN and not in_circle.issuperset(circle):
                    shown = " → ".join([*circle, child])
                    document.add(edges[node, child], f"the hierarchy runs in a circle: {shown}")
                in_circle.update(circle)
            elif child not in done:
                trail[child] = iter(hierarchy.children.get(child, ()))
    return in_circle


def _check_depths(document: Document, hierarchy: Hierarchy, places: list[_Place]) -> None:
    """Note the nodes to which paths of different lengths lead, the uppermost ones only."""
    last_place = {place.name: place.path for place in places}
    roots = set(hierarchy.roots)
    shortest: dict[str, tuple[int, str | None]] = {}
    longest: dict[str, tuple[int, str | None]] = {}
    for node in _parents_first(hierarchy):
        above = hierarchy.parents[node]
        start: list[tuple[int, str | None]] = [(1, None)] if node in roots else []
        shortest[node] = min((*start, *((shortest[parent][0] + 1, parent) for parent in above)), key=_length)
        longest[node] = max((*start, *((longest[parent][0] + 1, parent) for parent in above)), key=_length)
        uneven = _length(shortest[node]) != _length(longest[node])
        if uneven and all(_length(shortest[parent]) == _length(longest[parent]) for parent in above):
            paths = f"{_path_to(node, shortest)} and {_path_to(node, longest)}"
            message = f"all paths to '{node}' must be equally long, got {paths}"
            document.add(last_place[node], message, hint="put a node between, or give one of them another name")


def _length(step: tuple[int, str | None]) -> int:
    return step[0]


def _path_to(node: str, steps: Mapping[str, tuple[int, str | None]]) -> str:
    path: list[str] = []
    here: str | None = node
    while here is not None and len(path) < MAX_SHOWN:
        path.append(here)
        here = steps[here][1]
    return " → ".join([*(["…"] if here is not None else []), *reversed(path)])


def _parents_first(hierarchy: Hierarchy) -> Iterator[str]:
    waiting = {node: len(above) for node, above in hierarchy.parents.items()}
    ready = [node for node, count in waiting.items() if not count]
    while ready:
        node = ready.pop()
        yield node
        for child in hierarchy.children.get(node, ()):
            waiting[child] -= 1
            if not waiting[child]:
                ready.append(child)


def _check_multi_parent(document: Document, hierarchy: Hierarchy, in_circle: set[str]) -> None:
    for name, path in _multi_parent(document).items():
        if name not in hierarchy.parents:
            document.add(path, f"unknown node '{name}'", hint=document.hints.nearest(name, hierarchy.nodes))
        elif len(hierarchy.parents[name]) < 2 and name not in in_circle:
            document.add(path, f"'{name}' does not stand under several parents", hint="take it out of this list")
