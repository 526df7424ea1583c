"""The taxonomy at a glance: the hierarchy on the left, every customer's grouping of the same topics beside it.

Topics are rows; a level or a customer is a column of blocks with the classes' names in them. Knows taxonomies; nothing
of documents or models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hiercls.errors import require
from hiercls.plots.blocks import Block, blocks_of, colours_of
from hiercls.plots.canvas import canvas
from hiercls.plots.lettering import families, fit, width_of
from hiercls.taxonomy import Taxonomy, View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, QUIET, LINE, PAPER = "#1F2430", "#6B7280", "#C9CED6", "#F1F3F6"
SIZE, HEAD_SIZE, TITLE_SIZE = 9.0, 10.0, 14.0
MARGIN, GAP, HEAD, TITLE = 0.25, 0.14, 0.52, 0.5
"""In inches: around the figure, between columns, above the columns, above all."""

PADDING = 0.07
"""Between a block's edge and its name, in inches."""

ROW = (0.29, 0.4)
"""The least and the greatest height of a row, in inches; the greatest where there are few."""

MAX_HEIGHT = 100.0
"""The greatest height of the figure, in inches: with very many topics the rows grow thinner instead."""

LEVEL_WIDTH, TOPIC_WIDTH, CUSTOMER_WIDTH = (0.75, 1.5), (0.75, 2.4), (1.0, 1.6)
"""The least and the greatest width of a column, in inches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """One view as it is drawn: its blocks, and from where to where, in inches from the left."""

    view: View
    blocks: tuple[Block, ...]
    left: float
    right: float


def plot_taxonomy(taxonomy: Taxonomy) -> Figure:
    """Draw a taxonomy: the levels' blocks, then a coloured column for each customer, aligned by topic.

    A class whose topics are not adjacent appears as several blocks of one colour; a topic that a customer leaves out is
    hatched; where classes overlap, the topic's cell is split.

    Args:
        taxonomy: What to draw.

    Returns:
        The figure, sized to its content; ``figure.savefig("tiny.svg")`` writes it.

    Raises:
        MissingExtraError: If matplotlib is not installed.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> figure = plot_taxonomy(Taxonomy.from_yaml(shipped("tiny")))
        >>> [text.get_text() for text in figure.axes[0].texts][:2]
        ['tiny', '6 topics · 2 levels · 3 customers']
    """
    levels = _columns([taxonomy.view(name) for name in taxonomy.levels], taxonomy.topics, left=MARGIN, gap=0.0)
    left = levels[-1].right + 2 * GAP
    customers = _columns([taxonomy.view(name) for name in taxonomy.customers], taxonomy.topics, left=left, gap=GAP)
    n_topics = len(taxonomy.topics)
    row = min(max(ROW[0], min(ROW[1], 3.2 / n_topics)), MAX_HEIGHT / n_topics)
    title = _title(taxonomy)
    width = max((customers or levels)[-1].right, MARGIN + max(width_of(title[0], TITLE_SIZE), width_of(title[1], SIZE)))
    figure, axes = canvas(width=width + MARGIN, height=2 * MARGIN + TITLE + HEAD + n_topics * row)
    axes.text(MARGIN, MARGIN, title[0], size=TITLE_SIZE, weight="bold", va="top", **_ink())
    axes.text(MARGIN, MARGIN + 0.27, title[1], size=SIZE, va="top", **_ink(QUIET))
    for column in (*levels, *customers):
        _draw_head(axes, column, is_level=column in levels, y=MARGIN + TITLE + HEAD)
    top = MARGIN + TITLE + HEAD
    for index, column in enumerate(levels):
        _draw_level(axes, column, levels[index + 1 :], before=levels[:index], top=top, row=row)
    for column in customers:
        _draw_customer(axes, column, top=top, row=row)
    return figure


def _title(taxonomy: Taxonomy) -> tuple[str, str]:
    counts = [(len(taxonomy.topics), "topic"), (len(taxonomy.levels), "level"), (len(taxonomy.customers), "customer")]
    return taxonomy.name, " · ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts)


def _columns(views: Sequence[View], topics: Sequence[str], *, left: float, gap: float) -> list[_Column]:
    columns: list[_Column] = []
    for view in views:
        blocks = tuple(blocks_of(view, topics))
        is_topics = view.classes == tuple(topics)
        least, greatest = TOPIC_WIDTH if is_topics else LEVEL_WIDTH if gap == 0 else CUSTOMER_WIDTH
        wanted = max((block.n_lanes * width_of(block.name or "", SIZE) for block in blocks), default=0.0)
        head = width_of(view.name, HEAD_SIZE, bold=True) + PADDING
        width = min(max(least, 1.03 * wanted + 2 * PADDING, head), greatest)
        columns.append(_Column(view=view, blocks=blocks, left=left, right=left + width))
        left += width + gap
    return columns


def _ink(colour: str = INK) -> dict[str, Any]:
    """How all text is drawn: names are never read as formulas."""
    return {"color": colour, "family": families(), "parse_math": False, "linespacing": 1.15}


def _draw_head(axes: Axes, column: _Column, *, is_level: bool, y: float) -> None:
    view, width = column.view, column.right - column.left
    name = fit(view.name, width=0.93 * width, height=0.3, size=HEAD_SIZE, smallest=6.0)
    axes.text(column.left, y - 0.28, name.text, size=name.size, weight="bold", va="baseline", **_ink())
    below = fit(_counted(view, is_level=is_level), width=0.95 * width, height=0.16, size=7.5)
    axes.text(column.left, y - 0.1, below.text, size=below.size, va="baseline", **_ink(QUIET))


def _counted(view: View, *, is_level: bool) -> str:
    """How many classes a view has, and whether they do not simply part the topics."""
    n_classes = len(view.classes)
    if is_level:
        return f"{n_classes} node{'' if n_classes == 1 else 's'}"
    partial = ", partial" if view.is_partial else ""
    overlapping = ", overlapping" if view.is_overlapping else ""
    return f"{n_classes} class{'' if n_classes == 1 else 'es'}{partial}{overlapping}"


def _draw_level(
    axes: Axes, column: _Column, after: Sequence[_Column], *, before: Sequence[_Column], top: float, row: float
) -> None:
    """Draw a level's nodes; one that ends early is drawn once, as wide as all the levels on which it stands."""
    above = set(before[-1].blocks) if before else set()
    below = [(set(deeper.blocks), deeper.right) for deeper in after]
    for block in column.blocks:
        if block in above:
            continue
        right = column.right
        for blocks, deeper_right in below:
            if block not in blocks:
                break
            right = deeper_right
        is_topic = right == (after[-1] if after else column).right
        place = _place(block, left=column.left, right=right, top=top, row=row)
        _draw_box(axes, place, fill="white" if is_topic else PAPER)
        _draw_name(axes, block.name or "", place, size=SIZE, is_left=is_topic)


def _draw_customer(axes: Axes, column: _Column, *, top: float, row: float) -> None:
    places = [_place(block, left=column.left, right=column.right, top=top, row=row) for block in column.blocks]
    fills, size = colours_of(column.blocks), _common_size(column.blocks, places)
    for block, place in zip(column.blocks, places, strict=True):
        if block.name is None:
            _draw_box(axes, place, fill="white", hatch="////")
        else:
            _draw_box(axes, place, fill=fills[block.name])
            _draw_name(axes, block.name, place, size=size)


def _common_size(blocks: Sequence[Block], places: Sequence[tuple[float, float, float, float]]) -> float:
    """One size for the names of a column, so that it reads calmly; only a name that is far too long is smaller."""
    sizes = [
        fit(block.name or "", width=width - 2 * PADDING, height=height - 0.04, size=SIZE).size
        for block, (_, _, width, height) in zip(blocks, places, strict=True)
    ]
    return max(7.0, min(sizes))


def _place(block: Block, *, left: float, right: float, top: float, row: float) -> tuple[float, float, float, float]:
    """A block's left, top, width and height in inches."""
    width = (right - left) / block.n_lanes
    return left + block.lane * width, top + block.first * row, width, (block.last - block.first + 1) * row


def _draw_box(axes: Axes, place: tuple[float, float, float, float], *, fill: str, hatch: str | None = None) -> None:
    left, top, width, height = place
    rectangle = require("matplotlib.patches", extra="plots").Rectangle
    edge = LINE if fill in {"white", PAPER} else "white"
    axes.add_patch(rectangle((left, top), width, height, facecolor=fill, edgecolor=edge, linewidth=1.0, hatch=hatch))


def _draw_name(
    axes: Axes, name: str, place: tuple[float, float, float, float], *, size: float, is_left: bool = False
) -> None:
    left, top, width, height = place
    lettering = fit(name, width=width - 2 * PADDING, height=height - 0.04, size=size)
    x = left + PADDING if is_left else left + width / 2
    align = "left" if is_left else "center"
    axes.text(x, top + height / 2, lettering.text, size=lettering.size, va="center_baseline", ha=align, **_ink())
