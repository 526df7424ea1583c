"""One customer's grouping of topics into classes, read from a document, with everything that is wrong in it.

Knows the hierarchy, whose nodes a class may name; not the other customers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hiercls.names import REST
from hiercls.taxonomy.costs import WrittenCost, read_costs
from hiercls.taxonomy.customer_spec import CUSTOMER_FLAGS, is_long_form
from hiercls.taxonomy.document import Document, Path, listed
from hiercls.taxonomy.hierarchy import Hierarchy


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """A customer's classes and the topics of each.

    Args:
        name: The customer's name.
        classes: The classes in order.
        members: For each class the positions of its topics, in order.
        written: For each class the nodes as they are written, or ``rest``.
        partial: Whether topics may be left out.
        overlapping: Whether a topic may be in several classes.
        costs: What wrong filings cost where something is said: the class that is true, the class that a document is
            filed under (None: any other), and the cost.
    """

    name: str
    classes: tuple[str, ...]
    members: tuple[tuple[int, ...], ...]
    written: tuple[tuple[str, ...], ...] = field(compare=False)
    partial: bool = False
    overlapping: bool = False
    costs: tuple[WrittenCost, ...] = ()

    @property
    def flags(self) -> dict[str, bool]:
        """The yes/no keys of the long form and their values."""
        return {flag: getattr(self, flag) for flag in CUSTOMER_FLAGS}


@dataclass(slots=True, kw_only=True)
class _Draft:
    """What is known of a customer while its classes are read."""

    name: str
    path: Path
    legal: tuple[str, ...]
    written: dict[str, dict[str, None]] = field(default_factory=dict)
    members: dict[str, dict[int, Path]] = field(default_factory=dict)
    rest: tuple[str, Path] | None = None
    unknown: list[str] = field(default_factory=list)
    malformed: bool = False


def read_grouping(
    document: Document, path: Path, name: str, body: Mapping[str, object], hierarchy: Hierarchy
) -> Grouping:
    """Read one customer, and note what is wrong with it.

    Args:
        document: The document; problems are added to it.
        path: Where the customer stands in it.
        name: The customer's name.
        body: The customer's entry: classes to topics, or the long form.
        hierarchy: The nodes that classes may name.

    Returns:
        The grouping, as far as it can be made out where there are problems.

    Example:
        >>> tree = Hierarchy(roots=("X", "Y"), children={"X": ("A", "B"), "Y": ("C", "D")})
        >>> grouping = read_grouping(Document(data={}), (), "acme", {"AB": "X", "Other": "rest"}, tree)
        >>> grouping.classes, grouping.members
        (('AB', 'Other'), ((0, 1), (2, 3)))
    """
    is_long = is_long_form(body)
    classes = body.get("classes") if is_long else body
    legal = (*hierarchy.nodes, REST)
    draft = _Draft(name=name, path=(*path, "classes") if is_long else path, legal=legal)
    partial = is_long and body.get("partial", False) is not False
    overlapping = is_long and body.get("overlapping", False) is not False
    if isinstance(classes, Mapping):
        for class_name, value in classes.items():
            _read_class(document, draft, class_name, value, hierarchy)
        _fill_rest(document, draft, hierarchy)
        if not overlapping:
            _check_overlap(document, draft, hierarchy)
        if not partial:
            _check_left_out(document, draft, hierarchy)
        if not classes:
            document.add(draft.path, f"customer '{name}' has no classes", at_key=True)
    return Grouping(
        name=name,
        classes=tuple(draft.written),
        members=tuple(tuple(sorted(topics)) for topics in draft.members.values()),
        written=tuple(tuple(nodes) for nodes in draft.written.values()),
        partial=partial,
        overlapping=overlapping,
        costs=read_costs(document, (*path, "costs"), body.get("costs"), tuple(draft.written)) if is_long else (),
    )


def _read_class(document: Document, draft: _Draft, name: str, value: object, hierarchy: Hierarchy) -> None:
    path = (*draft.path, name)
    written = draft.written.setdefault(name, {})
    members = draft.members.setdefault(name, {})
    is_list = isinstance(value, list)
    if is_list and not value:
        document.add(path, f"class '{name}' is empty", hint="name its topics, or take the class out", at_key=True)
    items: Sequence[object] = value if isinstance(value, list) else [value]
    for index, item in enumerate(items):
        here = (*path, index) if is_list else path
        node = document.text(here, item)
        if node is None:
            draft.malformed = True
        elif node in written:
            document.add(here, f"'{node}' stands twice in class '{name}'", hint="take one out")
        elif node == REST:
            _read_rest(document, draft, name, here)
        elif node not in hierarchy.depth:
            draft.unknown.append(node)
            document.add(here, f"unknown topic '{node}'", hint=document.hints.nearest(node, draft.legal))
        else:
            written[node] = None
            for topic in hierarchy.below(node):
                members.setdefault(topic, here)


def _read_rest(document: Document, draft: _Draft, name: str, path: Path) -> None:
    if draft.rest:
        hint = "only one class takes what is left"
        document.add(path, f"'{REST}' stands twice, in class '{draft.rest[0]}' and in '{name}'", hint=hint)
        return
    draft.rest = (name, path)
    draft.written[name][REST] = None


def _fill_rest(document: Document, draft: _Draft, hierarchy: Hierarchy) -> None:
    if draft.rest is None:
        return
    name, path = draft.rest
    named = set().union(*draft.members.values())
    left = [index for index in range(len(hierarchy.topics)) if index not in named]
    draft.members[name].update(dict.fromkeys(left, path))
    if not left and not draft.unknown:
        document.add(path, f"class '{name}' is empty: the other classes leave no topic for '{REST}'")


def _check_overlap(document: Document, draft: _Draft, hierarchy: Hierarchy) -> None:
    owner: dict[int, str] = {}
    shared: dict[tuple[str, str], list[int]] = defaultdict(list)
    for name, members in draft.members.items():
        for index in members:
            first = owner.setdefault(index, name)
            if first != name:
                shared[first, name].append(index)
    for (first, name), indices in shared.items():
        topics = listed(hierarchy.topics[index] for index in indices)
        verb = "topic {} is" if len(indices) == 1 else "topics {} are"
        message = f"{verb.format(topics)} in class '{first}' and in class '{name}'"
        hint = "take out one, or set 'overlapping: true' (beside 'classes:')"
        document.add(draft.members[name][indices[0]], message, hint=hint)


def _check_left_out(document: Document, draft: _Draft, hierarchy: Hierarchy) -> None:
    """Note topics in no class, but for those that a misspelt name in the customer most likely means."""
    if draft.malformed or not draft.members:
        return
    named = set().union(*draft.members.values())
    missing = [topic for index, topic in enumerate(hierarchy.topics) if index not in named]
    meant = {document.hints.closest(unknown, missing) for unknown in draft.unknown} if missing else set()
    missing = [topic for topic in missing if topic not in meant]
    if missing:
        topics = listed(missing)
        message = f"customer '{draft.name}' leaves out the topic{'s' * (len(missing) > 1)} {topics}"
        hint = "add to a class, write 'Other: rest', or set 'partial: true' (beside 'classes:')"
        document.add(draft.path, message, hint=hint, at_key=True)
