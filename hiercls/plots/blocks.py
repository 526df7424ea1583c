"""A view as blocks: which rows, in which lane, belong to which class, and which colour a class has.

Knows views alone; nothing of drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hiercls.taxonomy import View

# Paul Tol's "light" scheme, made for filling cells that hold dark text, distinct in all forms of colour blindness
# (https://sronpersonalpages.nl/~pault/). Its pale grey is left for what has no class.
_LIGHT = ("#77AADD", "#EE8866", "#EEDD88", "#44BB99", "#FFAABB", "#99DDFF", "#BBCC33", "#AAAA00")


def _lightened(colour: str) -> str:
    return "#" + "".join(f"{(int(colour[start : start + 2], 16) + 255) // 2:02X}" for start in (1, 3, 5))


PALETTE = (*_LIGHT, *map(_lightened, _LIGHT))
"""Sixteen fills: eight, and the same lighter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Adjacent rows of one class.

    Args:
        name: The class; ``None`` for topics in no class.
        first: The first row, from 0.
        last: The last row.
        lane: Which part of the column's width, from 0.
        n_lanes: Into how many parts the column's width is split on these rows.
    """

    name: str | None
    first: int
    last: int
    lane: int = 0
    n_lanes: int = 1


def blocks_of(view: View, rows: Sequence[str]) -> list[Block]:
    """A view's classes as blocks beside the topics.

    Args:
        view: The view.
        rows: The topics from top to bottom.

    Returns:
        The blocks; a class whose topics are not adjacent has several, a topic in several classes is split into lanes.

    Example:
        >>> view = View.from_members("one", topics="ABC", members={"AC": [0, 2], "B": [1]})
        >>> [(block.name, block.first, block.last) for block in blocks_of(view, "ABC")]
        [('AC', 0, 0), ('B', 1, 1), ('AC', 2, 2)]
    """
    classes: dict[str, list[str]] = {topic: [] for topic in rows}
    for name in view.classes:
        for topic in view.topics_of(name):
            classes[topic].append(name)
    done: list[Block] = []
    open_blocks: dict[tuple[str | None, int, int], int] = {}
    for row, topic in enumerate(rows):
        names: list[str | None] = [*classes[topic]] or [None]
        lanes = {(name, lane, len(names)): row for lane, name in enumerate(names)}
        done += [_closed(key, first, row - 1) for key, first in open_blocks.items() if key not in lanes]
        open_blocks = {key: open_blocks.get(key, row) for key in lanes}
    done += [_closed(key, first, len(rows) - 1) for key, first in open_blocks.items()]
    return sorted(done, key=lambda block: (block.first, block.lane))


def colours_of(blocks: Sequence[Block]) -> dict[str, str]:
    """A fill for each class, in the order of the rows.

    Args:
        blocks: A column's blocks from top to bottom.

    Returns:
        The fill of each class: all different where the palette is large enough.
    """
    names = dict.fromkeys(block.name for block in blocks if block.name is not None)
    return {name: PALETTE[index % len(PALETTE)] for index, name in enumerate(names)}


def _closed(key: tuple[str | None, int, int], first: int, last: int) -> Block:
    name, lane, n_lanes = key
    return Block(name=name, first=first, last=last, lane=lane, n_lanes=n_lanes)
