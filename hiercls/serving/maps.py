"""The map as it goes over the wire, as much of it as a reader may see.

Knows the taxonomy and messages; who may see what, it is told.
"""

from __future__ import annotations

from collections.abc import Sequence

from hiercls.serving.messages import Customer, Group, Node, TaxonomyAnswer, ViewAnswer
from hiercls.taxonomy import Taxonomy


def described(taxonomy: Taxonomy, visible: Sequence[str], *, whole: bool) -> TaxonomyAnswer:
    """The map.

    Args:
        taxonomy: The map.
        visible: Views that may be seen.
        whole: Whether the topics and their hierarchy may be.

    Returns:
        What may be seen of it.
    """
    hierarchy, about = taxonomy.hierarchy, taxonomy.about
    seen = frozenset(visible)
    nodes = [
        Node(
            name=node,
            kind="inner" if node in hierarchy.children else "topic",
            children=list(hierarchy.children.get(node, ())),
            about=about.get(node),
        )
        for node in hierarchy.nodes
    ]
    return TaxonomyAnswer(
        name=taxonomy.name if whole else None,
        levels=list(taxonomy.levels) if whole else [],
        roots=list(hierarchy.roots) if whole else [],
        nodes=nodes if whole else [],
        customers=[
            Customer(name=name, classes=groups(taxonomy, name, whole=whole))
            for name in taxonomy.customers
            if name in seen
        ],
    )


def groups(taxonomy: Taxonomy, name: str, *, whole: bool) -> list[Group]:
    """A customer's classes.

    Args:
        taxonomy: The map.
        name: The customer.
        whole: Whether their topics may be seen.

    Returns:
        The classes in their order.
    """
    view = taxonomy.view(name)
    return [Group(name=one, topics=list(view.topics_of(one)) if whole else []) for one in view.classes]


def views(taxonomy: Taxonomy, visible: Sequence[str]) -> list[ViewAnswer]:
    """The views that may be seen, with their classes.

    Args:
        taxonomy: The map.
        visible: Their names.

    Returns:
        One entry a view.
    """
    levels = frozenset(taxonomy.levels)
    return [
        ViewAnswer(name=name, kind="level" if name in levels else "customer", classes=list(taxonomy.view(name).classes))
        for name in visible
    ]
