"""New names for the nodes, levels, customers and classes of a taxonomy.

Makes the plain data of the renamed taxonomy; whether the new names are legal is left to validation.
"""

from __future__ import annotations

from collections.abc import Mapping

from hiercls.errors import ConfigError, nearest
from hiercls.taxonomy.validation import TaxonomyParts
from hiercls.taxonomy.writing import plain_grouping, plain_taxonomy


def renamed_data(parts: TaxonomyParts, names: Mapping[str, str]) -> dict[str, object]:
    """The plain data of a taxonomy with other names.

    Args:
        parts: The taxonomy's parts.
        names: New names by old: a node, a level, a customer, or ``customer:class``.

    Returns:
        Data with the keys of a taxonomy file.

    Raises:
        ConfigError: If an old name is unknown, is both a node's and a view's, or two new names are the same.
    """
    nodes, views, classes = _sorted_names(parts, names)
    _check_distinct(parts.hierarchy.nodes, nodes, "nodes")
    _check_distinct([grouping.name for grouping in parts.groupings], views, "customers")
    for grouping in parts.groupings:
        _check_distinct(grouping.classes, classes.get(grouping.name, {}), f"classes of '{grouping.name}'")
    data = plain_taxonomy(parts)
    data["levels"] = [views.get(level, level) for level in parts.levels]
    data["topics"] = _rename_below(data["topics"], nodes)
    data["multi_parent"] = [nodes.get(node, node) for node in parts.hierarchy.multi_parent]
    data["about"] = {nodes.get(node, node): text for node, text in parts.about.items()}
    data["customers"] = {
        views.get(grouping.name, grouping.name): _rename_classes(
            plain_grouping(grouping, rename=lambda node: nodes.get(node, node)), classes.get(grouping.name, {})
        )
        for grouping in parts.groupings
    }
    return data


def _sorted_names(
    parts: TaxonomyParts, names: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str], dict[str, dict[str, str]]]:
    """The new names of nodes, of views, and of each customer's classes."""
    nodes: dict[str, str] = {}
    views: dict[str, str] = {}
    classes: dict[str, dict[str, str]] = {}
    customers = {grouping.name: grouping for grouping in parts.groupings}
    legal = [*parts.hierarchy.nodes, *parts.levels, *customers]
    for old, new in names.items():
        customer, _, class_name = old.partition(":")
        is_node, is_view = old in parts.hierarchy.depth, old in customers or old in parts.levels
        if is_node and is_view:
            raise ConfigError(f"'{old}' is a node and a level or customer; rename one of them in the YAML")
        if is_node or is_view:
            (nodes if is_node else views)[old] = new
        elif customer in customers and class_name in customers[customer].classes:
            classes.setdefault(customer, {})[class_name] = new
        else:
            hint = nearest(class_name, customers[customer].classes) if customer in customers else nearest(old, legal)
            raise ConfigError(
                f"cannot rename '{old}': there is no such node, level, customer or customer:class; {hint}"
            )
    return nodes, views, classes


def _check_distinct(old: tuple[str, ...] | list[str], new: Mapping[str, str], what: str) -> None:
    """New names that are equal would silently merge what they name."""
    seen: dict[str, str] = {}
    for name in old:
        other = seen.setdefault(new.get(name, name), name)
        if other != name:
            raise ConfigError(f"two {what} would be named '{new.get(name, name)}': '{other}' and '{name}'")


def _rename_below(below: object, nodes: Mapping[str, str]) -> object:
    if isinstance(below, Mapping):
        return {nodes.get(name, name): _rename_below(value, nodes) for name, value in below.items()}
    return [nodes.get(name, name) for name in below] if isinstance(below, list) else below


def _rename_classes(customer: dict[str, object], new: Mapping[str, str]) -> dict[str, object]:
    inner = customer.get("classes")
    if isinstance(inner, dict):
        renamed = {**customer, "classes": {new.get(name, name): value for name, value in inner.items()}}
        costs = customer.get("costs")
        return {**renamed, "costs": _rename_below(costs, new)} if costs else renamed
    return {new.get(name, name): value for name, value in customer.items()}
