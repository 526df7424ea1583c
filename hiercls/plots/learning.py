"""Learning curves: a line a method over the number of documents, each named where it ends.

Knows numbers and names; nothing of what learnt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hiercls.errors import ConfigError
from hiercls.plots.canvas import BLUE, FAINT, HEADING, LINE, MARGIN, QUIET, SMALL, draw_key, headed_canvas, ink
from hiercls.plots.lettering import width_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (BLUE, "#C4622D", QUIET, "#3C8D5A")
"""The groups' inks, in their order."""

WIDTH, ROW, FOOT, LEADER, LEAST = 5.6, 0.19, 0.5, 0.45, 3.4
"""In inches: the panel's width; a name's line; below the panel; between panel and names; the panel's least height."""

KEY = MARGIN + HEADING
"""In inches: the top of the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learning:
    """How one method learnt.

    Args:
        name: What it is called.
        group: What kind of method it is.
        sizes: Numbers of documents, growing, the first may be 0.
        means: Mean accuracy at each.
    """

    name: str
    group: str
    sizes: Sequence[int]
    means: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Panel:
    """Where a number of documents and an accuracy stand, in inches."""

    places: Mapping[int, float]
    top: float
    height: float
    low: float
    high: float

    def y(self, value: float) -> float:
        """How far down an accuracy stands."""
        return self.top + self.height * (self.high - value) / (self.high - self.low)


def plot_learning(lines: Sequence[Learning], *, title: str, subtitle: str) -> Figure:
    """Draw accuracy over the number of documents, which is spaced by its logarithm.

    Args:
        lines: The methods, those of the first group drawn thickest; at most four groups.
        title: What the figure says.
        subtitle: How it was measured.

    Returns:
        The figure.

    Raises:
        ConfigError: If there is no line, or more groups than can be told apart.
        MissingExtraError: If matplotlib is not installed.

    Example:
        >>> line = Learning(name="ours", group="hiercls", sizes=(0, 10), means=(0.7, 0.8))
        >>> figure = plot_learning([line], title="Learning", subtitle="tiny")
        >>> [text.get_text() for text in figure.axes[0].texts][-1]
        'ours'
    """
    groups = list(dict.fromkeys(line.group for line in lines))
    if not 0 < len(groups) <= len(COLOURS):
        raise ConfigError(f"expected lines of 1 to {len(COLOURS)} groups, got {len(groups)}")
    inks = dict(zip(groups, COLOURS, strict=False))
    names = max(width_of(line.name, SMALL) for line in lines)
    panel = _panel(lines)
    figure, axes = headed_canvas(
        title=title,
        subtitle=subtitle,
        width=2 * MARGIN + 0.4 + WIDTH + LEADER + names,
        height=panel.top + panel.height + FOOT + MARGIN,
    )
    draw_key(axes, inks, top=KEY)
    _ground(axes, panel)
    for line in reversed(lines):
        x, y = [panel.places[size] for size in line.sizes], [panel.y(value) for value in line.means]
        thick = 2.0 if line.group == groups[0] else 1.0
        axes.plot(x, y, color=inks[line.group], linewidth=thick, marker="o", markersize=2 + thick, zorder=2 + thick)
    _names(axes, panel, lines, inks)
    return figure


def _panel(lines: Sequence[Learning]) -> _Panel:
    """The panel: high enough for all names, from the tenth below the least accuracy to the one above the greatest."""
    sizes = sorted({size for line in lines for size in line.sizes})
    values = [value for line in lines for value in line.means]
    scale = [math.log(max(size, 0.3 * sizes[min(1, len(sizes) - 1)], 1)) for size in sizes]
    span = max(scale[-1] - scale[0], 1e-9)
    places = [MARGIN + 0.4 + WIDTH * (one - scale[0]) / span for one in scale]
    return _Panel(
        places=dict(zip(sizes, places, strict=True)),
        top=KEY + 0.4,
        height=max(LEAST, ROW * len(lines)),
        low=math.floor(10 * min(values)) / 10,
        high=math.floor(10 * max(values) + 1) / 10,
    )


def _ground(axes: Axes, panel: _Panel) -> None:
    """Thin lines at tenths and at numbers of documents."""
    left, right = min(panel.places.values()), max(panel.places.values())
    bottom = panel.top + panel.height
    for value in np.arange(round(10 * panel.low), round(10 * panel.high) + 1) / 10:
        y = panel.y(float(value))
        axes.plot([left, right], [y, y], color=LINE, linewidth=0.6, zorder=0.5)
        axes.text(left - 0.08, y, f"{value:.1f}", size=SMALL - 1, ha="right", va="center_baseline", **ink(QUIET))
    for size, x in panel.places.items():
        axes.plot([x, x], [panel.top, bottom], color=LINE, linewidth=0.6, zorder=0.5)
        axes.text(x, bottom + 0.06, f"{size:,}", size=SMALL - 1, ha="center", va="top", **ink(QUIET))
    words = "labelled documents of its own"
    axes.text((left + right) / 2, bottom + 0.24, words, size=SMALL, ha="center", va="top", **ink())


def _names(axes: Axes, panel: _Panel, lines: Sequence[Learning], inks: Mapping[str, str]) -> None:
    """Each line's name at its height or next to it, so that none hides another, and a thin line that leads there."""
    right = max(panel.places.values())
    ordered = sorted(lines, key=lambda line: panel.y(line.means[-1]))
    heights, last = [], -math.inf
    for line in ordered:
        last = max(panel.y(line.means[-1]), last + ROW)
        heights.append(last)
    over, limit = max(heights[-1] - (panel.top + panel.height), 0.0), math.inf
    for place in range(len(heights) - 1, -1, -1):
        limit = heights[place] = min(heights[place] - (over if place == len(heights) - 1 else 0), limit - ROW)
    for line, height in zip(ordered, heights, strict=True):
        x, y = panel.places[line.sizes[-1]], panel.y(line.means[-1])
        axes.plot([x, right + LEADER - 0.08], [y, height], color=FAINT, linewidth=0.5, linestyle=(0, (2, 2)), zorder=1)
        axes.text(right + LEADER, height, line.name, size=SMALL, va="center_baseline", **ink(inks[line.group]))
