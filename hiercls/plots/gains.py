"""What each change brings, in points: a dot and its spread for every row, right or left of no change.

Knows names and numbers; nothing of models or documents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hiercls.plots.canvas import BLUE, HEADING, LINE, MARGIN, QUIET, SIZE, SMALL, draw_key, headed_canvas, ink
from hiercls.plots.lettering import fit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SERIES = (BLUE, "#D97A2B", "#4C9A6A")
"""The dots' colours, series by series."""

NAMES, DOTS = 4.5, 4.2
"""In inches: the columns of the names and of the dots."""

HEAD, FOOT, ROW, GROUP = 1.0, 0.42, 0.25, 0.32
"""In inches: above the rows, below them; a row, and the name of a group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """What one change brings.

    Args:
        name: The change.
        group: What it is a variant of.
        values: Accuracy minus the default's, as parts of 1, one value a seed.
    """

    name: str
    group: str
    values: Sequence[float]


def plot_gains(series: Mapping[str, Sequence[Gain]], *, title: str, subtitle: str) -> Figure:
    """Draw a row a change: its mean gain, and one standard deviation over the seeds.

    Args:
        series: The changes by what they were measured on, three at most; each has a colour.
        title: What the figure says.
        subtitle: How it was measured.

    Returns:
        The figure, sized to the number of changes.

    Raises:
        MissingExtraError: If matplotlib is not installed.

    Example:
        >>> gain = Gain(name="a flat head", group="cascade", values=[0.01, -0.01])
        >>> figure = plot_gains({"kept": [gain]}, title="One change", subtitle="two seeds")
        >>> [text.get_text() for text in figure.axes[0].texts][:3]
        ['One change', 'two seeds', 'kept']
    """
    rows = list(dict.fromkeys((one.group, one.name) for gains in series.values() for one in gains))
    groups = list(dict.fromkeys(group for group, _ in rows))
    height = 2 * MARGIN + HEAD + ROW * len(rows) + GROUP * len(groups) + FOOT
    figure, axes = headed_canvas(title=title, subtitle=subtitle, width=2 * MARGIN + NAMES + DOTS, height=height)
    draw_key(axes, dict(zip(series, SERIES, strict=False)), top=MARGIN + HEADING, marker="o")
    limit = _limit(series)
    _draw_grid(axes, top=MARGIN + HEAD, bottom=height - MARGIN - FOOT, limit=limit)
    y = MARGIN + HEAD
    for group in groups:
        axes.text(MARGIN, y + GROUP / 2, group, size=SIZE, weight="bold", va="center_baseline", **ink())
        y += GROUP
        for name in (name for own, name in rows if own == group):
            _draw_row(axes, (group, name), series, middle=y + ROW / 2, limit=limit)
            y += ROW
    return figure


def _limit(series: Mapping[str, Sequence[Gain]]) -> float:
    """How many points the axis reaches each way: beyond all means; a spread that is wider ends at the border."""
    means = [abs(float(np.mean(one.values))) * 100 for gains in series.values() for one in gains]
    return max(1.0, float(np.ceil(1.15 * max(means, default=1.0))))


def _place(points: float, limit: float) -> float:
    """Where a number of points stands, in inches from the left."""
    return MARGIN + NAMES + DOTS * (0.5 + 0.5 * float(np.clip(points / limit, -1.0, 1.0)))


def _draw_grid(axes: Axes, *, top: float, bottom: float, limit: float) -> None:
    """No change, half of the way and the whole of it, and what they stand for."""
    for points in (-limit, -limit / 2, 0.0, limit / 2, limit):
        x, words = _place(points, limit), f"{points:+g}".replace("-", "−").replace("+0", "0 points")
        axes.plot([x, x], [top, bottom], color=LINE if points else QUIET, linewidth=0.8, zorder=0)
        axes.text(x, bottom + 0.08, words, size=SMALL, ha="center", va="top", **ink(QUIET))


def _draw_row(
    axes: Axes, row: tuple[str, str], series: Mapping[str, Sequence[Gain]], *, middle: float, limit: float
) -> None:
    """A change's name and its dots, one below the other."""
    lettering = fit(row[1], width=NAMES - 0.3, height=ROW, size=SMALL, smallest=6.0)
    axes.text(MARGIN + 0.1, middle, lettering.text, size=lettering.size, va="center_baseline", **ink())
    for place, (gains, colour) in enumerate(zip(series.values(), SERIES, strict=False)):
        y = middle + 0.07 * (place - (len(series) - 1) / 2)
        for one in gains:
            if (one.group, one.name) == row:
                mean = 100 * float(np.mean(one.values))
                spread = 100 * float(np.std(one.values, ddof=1)) if len(one.values) > 1 else 0.0
                ends = [_place(mean - spread, limit), _place(mean + spread, limit)]
                axes.plot(ends, [y, y], color=colour, linewidth=1.4)
                axes.plot([_place(mean, limit)], [y], marker="o", markersize=5, color=colour)
