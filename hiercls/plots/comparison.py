"""Methods beside each other: a panel a column, a dot and an error bar a method.

Knows names and accuracies; nothing of models or documents.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hiercls.plots.canvas import BLUE, GREY, GROUND, HEADING, INK, LINE, MARGIN, QUIET, SIZE, SMALL, headed_canvas, ink
from hiercls.plots.lettering import fit, width_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW, PANEL, GAP, HEAD, FOOT = 0.27, 1.75, 0.42, 0.28, 0.4
"""In inches: a method's line; a panel's width; between panels; a panel's name above it; its scale below it."""

PER_LINE = 4
"""Panels beside each other."""

STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5)
"""What may lie between two lines of the scale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dots:
    """One column: what every method reached there.

    Args:
        name: The column.
        values: For each method its accuracies, one a seed; none where it cannot answer.
    """

    name: str
    values: Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """A panel's place and the accuracies at its sides."""

    left: float
    top: float
    low: float
    high: float

    def at(self, value: float) -> float:
        """Where an accuracy stands, in inches from the left."""
        return self.left + PANEL * (value - self.low) / (self.high - self.low)


def plot_comparison(methods: Sequence[str], columns: Sequence[Dots], *, title: str, subtitle: str) -> Figure:
    """Draw what each method reached, column by column, all on one scale; the first method is what it is about.

    Args:
        methods: The methods from top to bottom.
        columns: A panel each.
        title: What the figure says.
        subtitle: On which documents it was measured.

    Returns:
        The figure, sized to what it shows; an error bar is one standard deviation on each side.

    Raises:
        MissingExtraError: If matplotlib is not installed.

    Example:
        >>> column = Dots(name="one", values=[[0.8, 0.9], [0.6, 0.7]])
        >>> figure = plot_comparison(["hiercls", "other"], [column], title="Beside", subtitle="6 test documents")
        >>> [text.get_text() for text in figure.axes[0].texts][:2]
        ['Beside', '6 test documents']
    """
    names = max(width_of(name, SIZE, bold=place == 0) for place, name in enumerate(methods)) + 0.2
    n_beside, n_lines = min(PER_LINE, len(columns)), math.ceil(len(columns) / PER_LINE)
    line = HEAD + ROW * len(methods) + FOOT
    width = 2 * MARGIN + names + n_beside * (PANEL + GAP)
    figure, axes = headed_canvas(
        title=title, subtitle=subtitle, width=width, height=2 * MARGIN + HEADING + n_lines * line
    )
    low, high = _ends(columns)
    for place, column in enumerate(columns):
        row, beside = divmod(place, PER_LINE)
        top = MARGIN + HEADING + row * line + HEAD
        if beside == 0:
            _draw_names(axes, methods, right=MARGIN + names - 0.12, top=top)
        left = MARGIN + names + beside * (PANEL + GAP)
        _draw_panel(axes, column, _Scale(left=left, top=top, low=low, high=high))
    return figure


def _ends(columns: Sequence[Dots]) -> tuple[float, float]:
    """A scale for all panels: whole tenths around everything that is drawn."""
    drawn = [_mean_and_deviation(values) for column in columns for values in column.values if len(values)]
    low, high = min(mean - spread for mean, spread in drawn), max(mean + spread for mean, spread in drawn)
    low, high = max(0.0, math.floor(10 * low) / 10), min(1.0, math.ceil(10 * high) / 10)
    return (low, high) if high > low else (max(0.0, low - 0.1), min(1.0, high + 0.1))


def _mean_and_deviation(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample deviation, 0 for a single value."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def _draw_names(axes: Axes, methods: Sequence[str], *, right: float, top: float) -> None:
    """The methods' names, on the left of a line of panels."""
    for place, name in enumerate(methods):
        style = {"weight": "bold", **ink()} if place == 0 else ink()
        axes.text(right, top + (place + 0.5) * ROW, name, size=SIZE, ha="right", va="center_baseline", **style)


def _draw_panel(axes: Axes, column: Dots, scale: _Scale) -> None:
    """A column's ground, name, scale and dots."""
    right, bottom = scale.left + PANEL, scale.top + ROW * len(column.values)
    corners = [scale.left, right, right, scale.left], [scale.top, scale.top, bottom, bottom]
    axes.fill(*corners, color=GROUND, linewidth=0, zorder=0)
    name = fit(column.name, width=PANEL, height=0.2, size=SIZE, smallest=6.0)
    axes.text(scale.left, scale.top - 0.12, name.text, size=name.size, weight="bold", va="center_baseline", **ink())
    for value in _ticks(scale.low, scale.high):
        x = scale.at(value)
        axes.plot([x, x], [scale.top, bottom], color=LINE, linewidth=0.6, zorder=0.5)
        number = f"{100 * value:.0f} %"
        axes.text(x, bottom + 0.06, number, size=SMALL - 1, ha="center", va="top", **ink(QUIET))
    for place, values in enumerate(column.values):
        _draw_dot(axes, values, scale, y=scale.top + (place + 0.5) * ROW, is_first=place == 0)


def _draw_dot(axes: Axes, values: Sequence[float], scale: _Scale, *, y: float, is_first: bool) -> None:
    """A method's dot with its error bar and number; a dash where it cannot answer."""
    quiet: dict[str, Any] = {"size": SMALL - 1, "va": "center_baseline"}
    if not len(values):
        axes.text(scale.left + PANEL / 2, y, "–", ha="center", **quiet, **ink(QUIET))
        return
    mean, spread = _mean_and_deviation(values)
    colour, x = BLUE if is_first else GREY, scale.at(mean)
    ends = [scale.at(max(scale.low, mean - spread)), scale.at(min(scale.high, mean + spread))]
    axes.plot(ends, [y, y], color=colour, linewidth=1.8, zorder=2, solid_capstyle="butt")
    axes.plot([x], [y], color=colour, marker="o", markersize=5.5, zorder=3)
    words, style = f"{100 * mean:.1f}", ink(BLUE if is_first else INK)
    room = width_of(words, SMALL - 1) + 0.1
    beyond = ends[1] + 0.07 + room > scale.left + PANEL
    where = (ends[0] - 0.09, "right") if beyond else (ends[1] + 0.09, "left")
    axes.text(where[0], y, words, ha=where[1], weight="bold" if is_first else "normal", **quiet, **style)


def _ticks(low: float, high: float) -> list[float]:
    """Round accuracies from end to end, at most five."""
    step = next((step for step in STEPS if (high - low) / step <= 4.001), STEPS[-1])
    return [round(place * step, 4) for place in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
