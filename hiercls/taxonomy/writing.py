"""From a hierarchy and groupings back to plain data and to YAML that reads back the same.

Knows the format's keys and how names are quoted; it checks nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from hiercls.names import REST, quoted
from hiercls.taxonomy.costs import plain_costs
from hiercls.taxonomy.fields import FORMAT_VERSION
from hiercls.taxonomy.grouping import Grouping
from hiercls.taxonomy.hierarchy import Hierarchy
from hiercls.taxonomy.spec import MODELINE
from hiercls.taxonomy.validation import TaxonomyParts

LINE_WIDTH = 110
"""Longer lists are written one item a line."""

Rename = Callable[[str], str]


def plain_taxonomy(parts: TaxonomyParts) -> dict[str, object]:
    """A taxonomy as plain data, which reads back as an equal taxonomy.

    Args:
        parts: The taxonomy's parts.

    Returns:
        Nested dicts, lists and strings with the keys of a taxonomy file.
    """
    data: dict[str, object] = {
        "hiercls": FORMAT_VERSION,
        "name": parts.name,
        "levels": list(parts.levels),
        "topics": plain_below(parts.hierarchy),
    }
    if parts.hierarchy.multi_parent:
        data["multi_parent"] = list(parts.hierarchy.multi_parent)
    if parts.about:
        data["about"] = dict(parts.about)
    if parts.groupings:
        data["customers"] = {grouping.name: plain_grouping(grouping) for grouping in parts.groupings}
    return data


def plain_below(hierarchy: Hierarchy) -> object:
    """The hierarchy as nested mappings and lists, each inner node written out where it stands first."""
    return _plain_below(hierarchy, hierarchy.roots, set())


def plain_grouping(grouping: Grouping, *, rename: Rename = str) -> dict[str, object]:
    """A customer as plain data, in the short form where it has no flags.

    Args:
        grouping: The customer.
        rename: Gives the new name of a node.

    Returns:
        Classes to topics, or the long form.

    Example:
        >>> plain_grouping(Grouping(name="acme", classes=("AB",), members=((0, 1),), written=(("A", "B"),)))
        {'AB': ['A', 'B']}
    """
    classes: dict[str, object] = {}
    for name, nodes in zip(grouping.classes, grouping.written, strict=True):
        renamed = [node if node == REST else rename(node) for node in nodes]
        classes[name] = renamed[0] if renamed == [REST] else renamed
    stated: dict[str, object] = {flag: True for flag, value in grouping.flags.items() if value}
    stated |= {"costs": plain_costs(grouping.costs)} if grouping.costs else {}
    return {"classes": classes, **stated} if stated else classes


def to_yaml(data: Mapping[str, object], *, comment: str = "") -> str:
    """Plain data with the keys of a taxonomy or customer file as YAML.

    Args:
        data: Nested dicts, lists and scalars.
        comment: Lines to stand above, without ``#``.

    Returns:
        YAML with the line for editors at its top.

    Example:
        >>> print(to_yaml({"levels": ["area", "topic"], "topics": {"X": ["A", "1"], "W": None}}))
        # yaml-language-server: $schema=hiercls.schema.json
        levels: [area, topic]
        topics:
          X: [A, "1"]
          W:
        <BLANKLINE>
    """
    head = [MODELINE, *(f"# {line}".rstrip() for line in comment.splitlines())]
    return "\n".join([*head, *_lines(data, 0)]) + "\n"


def _plain_below(hierarchy: Hierarchy, nodes: Iterable[str], written: set[str]) -> object:
    """What stands below a node: a list where no child needs more than its name, else a mapping."""
    below: dict[str, object] = {}
    for node in nodes:
        if node in hierarchy.children and node not in written:
            written.add(node)
            below[node] = _plain_below(hierarchy, hierarchy.children[node], written)
        else:
            below[node] = None
    return list(below) if all(value is None for value in below.values()) else below


def _lines(value: object, indent: int) -> list[str]:
    pad = " " * indent
    lines: list[str] = []
    if isinstance(value, Mapping):
        for key, item in value.items():
            head = f"{pad}{quoted(str(key))}:"
            flow = _flow(item)
            if flow is not None and len(head) + len(flow) + 1 <= LINE_WIDTH:
                lines.append(f"{head} {flow}".rstrip())
            else:
                lines += [head, *_lines(item, indent + 2)]
    elif isinstance(value, list):
        lines += [f"{pad}- {quoted(str(item))}" for item in value]
    else:
        lines.append(f"{pad}{_scalar(value)}")
    return lines


def _flow(value: object) -> str | None:
    """A value on one line; ``None`` for a mapping, which is written in lines."""
    if isinstance(value, Mapping):
        return None if value else "{}"
    if isinstance(value, list):
        return f"[{', '.join(quoted(str(item)) for item in value)}]"
    return _scalar(value)


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else repr(value) if isinstance(value, int | float) else quoted(str(value))
