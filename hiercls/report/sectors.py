"""The hierarchy as sectors of a ring: what lies below what, and how often it is right there.

Knows the map and the views' scores; nothing of how a ring is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hiercls.report.views import ClassScores, ViewPart
from hiercls.taxonomy.hierarchy import Hierarchy


@dataclass(frozen=True, slots=True, kw_only=True)
class Sector:
    """A sector: a node of the hierarchy, or a class.

    Args:
        path: The names from the top to here; with several parents a node has several paths.
        n_topics: The topics below it, which its width stands for.
        n_documents: The documents that truly belong here.
        accuracy: The part of them that are answered so; NaN where that is not known.
    """

    path: tuple[str, ...]
    n_topics: int
    n_documents: int
    accuracy: float

    @property
    def name(self) -> str:
        """What it is called."""
        return self.path[-1]


def hierarchy_sectors(hierarchy: Hierarchy, levels: Sequence[ViewPart]) -> tuple[Sector, ...]:
    """A sector for every node, at every path that leads to it.

    Args:
        hierarchy: The nodes.
        levels: The parts of the levels; a node takes its numbers from the deepest level that it stands on.

    Returns:
        The sectors, parents before children.
    """
    found: dict[str, ClassScores] = {one.name: one for part in levels for one in part.classes}
    sectors: list[Sector] = []
    pending: list[tuple[str, ...]] = [(root,) for root in reversed(hierarchy.roots)]
    while pending:
        path = pending.pop()
        children = tuple(hierarchy.children.get(path[-1], ()))
        sectors.append(_sector(path, found, is_topic=not children))
        pending += [(*path, child) for child in reversed(children)]
    return _widened(sectors)


def class_sectors(part: ViewPart, topics: ViewPart) -> tuple[Sector, ...]:
    """A sector for every class of a customer, and for every topic in it.

    Args:
        part: The customer's part.
        topics: The part of the topics, over the same documents.

    Returns:
        The sectors, classes before their topics.
    """
    found = {one.name: one for one in topics.classes}
    sectors = []
    for one in part.classes:
        sectors.append(_sector((one.name,), {one.name: one}, is_topic=False))
        sectors += [_sector((one.name, topic), found, is_topic=True) for topic in one.topics]
    return _widened(sectors)


def _sector(path: tuple[str, ...], found: Mapping[str, ClassScores], *, is_topic: bool) -> Sector:
    """A sector as wide as a topic, or not at all."""
    one = found.get(path[-1])
    return Sector(
        path=path,
        n_topics=int(is_topic),
        n_documents=0 if one is None else one.n_documents,
        accuracy=math.nan if one is None else one.recall,
    )


def _widened(sectors: Sequence[Sector]) -> tuple[Sector, ...]:
    """Sectors as wide as the topics below them together."""
    widths: dict[tuple[str, ...], int] = {}
    for sector in sectors:
        for depth in range(1, len(sector.path) + 1):
            widths[sector.path[:depth]] = widths.get(sector.path[:depth], 0) + sector.n_topics
    return tuple(
        Sector(
            path=sector.path,
            n_topics=widths[sector.path],
            n_documents=sector.n_documents,
            accuracy=sector.accuracy,
        )
        for sector in sectors
    )
