"""How seconds grow: lines on log–log axes, each with its slope.

Knows numbers; nothing of what was timed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hiercls.errors import ConfigError
from hiercls.plots.canvas import BLUE, HEADING, INK, LINE, MARGIN, QUIET, SMALL, draw_key, headed_canvas, ink, key_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (BLUE, "#C4622D", "#3C8D5A", "#8A5BA6")
"""The lines' inks, in their order."""

LEFT, FOOT, WIDTH, HEIGHT = 0.62, 0.5, 6.4, 3.6
"""In inches: left of the panel, below it; the panel itself."""

KEY, KEY_LINE = MARGIN + HEADING, 0.24
"""In inches: the top of the key, and the height of a line of it."""


def plot_growth(lines: Mapping[str, tuple[Sequence[float], Sequence[float]]], *, title: str, subtitle: str) -> Figure:
    """Draw seconds over sizes, both relative to the smallest size: what is linear climbs as the dashed line.

    Args:
        lines: Sizes and seconds, both positive, by what they are called; at most four.
        title: What the figure says.
        subtitle: How it was measured.

    Returns:
        The figure.

    Raises:
        ConfigError: If there is no line, or more than can be told apart.
        MissingExtraError: If matplotlib is not installed.

    Example:
        >>> figure = plot_growth({"work (slope 1.00)": ([1, 10], [2, 20])}, title="Growth", subtitle="medians")
        >>> [text.get_text() for text in figure.axes[0].texts][-1]
        'work (slope 1.00)'
    """
    if not 0 < len(lines) <= len(COLOURS):
        raise ConfigError(f"expected 1 to {len(COLOURS)} lines, got {len(lines)}")
    relative = {name: [np.log10(np.asarray(part) / part[0]) for part in both] for name, both in lines.items()}
    highest = max(float(values.max()) for both in relative.values() for values in both)
    ticks = _ticks(min(float(both[1].min()) for both in relative.values()), highest)
    low, far = ticks[0], ticks[-1]
    inks = dict(zip(relative, COLOURS, strict=False))
    keys = _lines_of(list(inks), 2 * MARGIN + LEFT + WIDTH)
    top = KEY + KEY_LINE * len(keys) + 0.12
    size = {"width": 2 * MARGIN + LEFT + WIDTH, "height": top + HEIGHT + FOOT + MARGIN}
    figure, axes = headed_canvas(title=title, subtitle=subtitle, **size)

    def at(x: Any, y: Any) -> tuple[Any, Any]:
        return MARGIN + LEFT + WIDTH * np.asarray(x) / far, top + HEIGHT * (far - np.asarray(y)) / (far - low)

    _draw_ground(axes, at, ticks=ticks)
    for name, (sizes, seconds) in relative.items():
        axes.plot(*at(sizes, seconds), color=inks[name], marker="o", markersize=4, linewidth=1.6, zorder=2)
    for place, names in enumerate(keys):
        draw_key(axes, {name: inks[name] for name in names}, top=KEY + KEY_LINE * place, marker="o")
    return figure


def _ticks(low: float, high: float) -> list[float]:
    """The logarithms of the factors that are marked, from one below all values to one above, 1 among them.

    They are 1, 2, 5, 10 and so on within two powers of ten, else powers of ten.
    """
    steps = [0.0] if high - low > 2 else [0.0, math.log10(2), math.log10(5)]
    marks = [power + step for power in range(math.floor(low) - 1, math.ceil(high) + 2) for step in steps]
    first = max(mark for mark in marks if mark <= min(low, 0.0) + 1e-9)
    last = min(mark for mark in marks if mark >= high - 1e-9 and mark > 0)
    return [mark for mark in marks if first <= mark <= last]


def _lines_of(names: Sequence[str], width: float) -> list[list[str]]:
    """What the lines mean, in as many lines as that needs."""
    found: list[list[str]] = [[]]
    for name in names:
        if found[-1] and key_width([*found[-1], name]) > width - 2 * MARGIN:
            found.append([])
        found[-1].append(name)
    return found


def _draw_ground(axes: Axes, at: Any, *, ticks: Sequence[float]) -> None:
    """Thin lines at the factors that are marked, and what is linear."""
    quiet = {"size": SMALL - 1, **ink(QUIET)}
    low, far = ticks[0], ticks[-1]
    for tick in ticks:
        name = f"×{round(10**tick):,}" if tick >= 0 else f"×{10**tick:.6g}"
        if tick >= 0:
            x, y = at([tick, tick], [low, far])
            axes.plot(x, y, color=LINE, linewidth=0.6, zorder=0.5)
            axes.text(x[0], y[0] + 0.06, name, ha="center", va="top", **quiet)
        x, y = at([0, far], [tick, tick])
        axes.plot(x, y, color=LINE, linewidth=0.6, zorder=0.5)
        axes.text(x[0] - 0.06, y[0], name, ha="right", va="center_baseline", **quiet)
    axes.plot(*at([0, far], [0, far]), color=INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    x, y = at(far / 2, low)
    axes.text(x, y + 0.24, "size, by the smallest", size=SMALL, ha="center", va="top", **ink())
    x, y = at(0, (far + low) / 2)
    axes.text(x - 0.5, y, "by the first", size=SMALL, ha="center", va="center", rotation=90, **ink())
