"""Whose documents help whom: a square for every customer and everybody else.

Knows gains; knows nothing of models or documents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hiercls.errors import require
from hiercls.plots.canvas import BLUE, HEADING, INK, LINE, MARGIN, QUIET, SIZE, SMALL, headed_canvas, ink
from hiercls.plots.lettering import fit, width_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ORANGE = "#C4622D"
"""What harms."""

CELL_WIDTH, CELL_HEIGHT, NAMES, GAP = 0.95, 0.42, 2.0, 0.12
"""In inches: a cell, a name at most, the gap before what sums up."""

CENTRED: dict[str, Any] = {"ha": "center", "va": "center_baseline"}
"""Where text stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Square:
    """What stands in one square.

    Args:
        points: A gain in points.
        is_clear: Whether it is clearly not 0.
    """

    points: float
    is_clear: bool


def plot_helping(
    gains: Mapping[str, Mapping[str, Square]], columns: Sequence[str], *, n_last: int, title: str, subtitle: str
) -> Figure:
    """Draw a square for each row and column, blue where documents help and orange where they harm.

    Numbers that are clearly not 0 are in bold.

    Args:
        gains: By row (who is helped) and column (whose documents), a square may be missing.
        columns: The columns from left to right.
        n_last: How many of them, the last, stand apart.
        title: What the figure says.
        subtitle: On what it was measured.

    Returns:
        The figure.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    longest = min(NAMES, max(width_of(name, SIZE) for name in gains))
    left, top = MARGIN + longest + 0.15, MARGIN + HEADING + 0.5
    width, height = CELL_WIDTH * len(columns) + GAP, CELL_HEIGHT * len(gains)
    figure, axes = headed_canvas(
        title=title, subtitle=subtitle, width=left + width + MARGIN, height=top + height + MARGIN
    )
    edges = [left + at * CELL_WIDTH + (GAP if at >= len(columns) - n_last else 0.0) for at in range(len(columns))]
    for edge, name in zip(edges, columns, strict=True):
        lettering = fit(name, width=CELL_WIDTH - 0.08, height=0.42, size=SMALL, smallest=5.0)
        axes.text(edge + CELL_WIDTH / 2, top - 0.25, lettering.text, size=lettering.size, **CENTRED, **ink())
    limit = max([abs(one.points) for row in gains.values() for one in row.values()], default=0.0) or 1.0
    for number, (name, row) in enumerate(gains.items()):
        upper = top + number * CELL_HEIGHT
        lettering = fit(name, width=longest, height=CELL_HEIGHT, size=SIZE, smallest=5.0)
        middle, where = upper + CELL_HEIGHT / 2, {**CENTRED, "ha": "right"}
        axes.text(left - 0.1, middle, lettering.text, size=lettering.size, **where, **ink())
        for edge, column in zip(edges, columns, strict=True):
            _draw_square(axes, row.get(column), edge, upper, limit=limit)
    return figure


def _draw_square(axes: Axes, square: Square | None, left: float, top: float, *, limit: float) -> None:
    """One square; empty without a gain."""
    rectangle = require("matplotlib.patches", extra="plots").Rectangle
    size = (CELL_WIDTH, CELL_HEIGHT)
    if square is not None:
        colour, strength = (BLUE if square.points > 0 else ORANGE), 0.75 * abs(square.points) / limit
        axes.add_patch(rectangle((left, top), *size, facecolor=colour, alpha=strength, edgecolor="none"))
        words = f"{square.points:+.1f}".replace("-", "−")
        across, down = left + CELL_WIDTH / 2, top + CELL_HEIGHT / 2
        weight, shade = ("bold", INK) if square.is_clear else ("normal", INK if strength > 0.3 else QUIET)
        axes.text(across, down, words, size=SIZE, weight=weight, **CENTRED, **ink(shade))
    axes.add_patch(rectangle((left, top), *size, facecolor="none", edgecolor=LINE, linewidth=0.5))
