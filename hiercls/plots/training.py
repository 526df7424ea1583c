"""How training goes on: mean scores by epoch, with bands of their spread, a panel for each kind of task.

Knows numbers and names; nothing of what was trained.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiercls.errors import ConfigError
from hiercls.plots.canvas import BLUE, HEADING, MARGIN, SIZE, draw_key, headed_canvas, ink
from hiercls.plots.panel import Panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#6B7280", BLUE, "#C4622D", "#3C8D5A")
"""The lines' inks, in their order."""

LEFT, FOOT, WIDTH, HEIGHT = 0.62, 0.55, 3.6, 2.8
"""In inches: left of a panel, below it; the panel itself."""

KEY = MARGIN + HEADING
"""In inches: the top of the key."""


def plot_training(panels: Mapping[str, Mapping[str, ArrayLike]], *, every: int, title: str, subtitle: str) -> Figure:
    """Draw scores by epoch: the mean of some repeats as a line, a standard deviation above and below it as a band.

    Args:
        panels: For each panel its lines by name, each of shape (n_repeats, n_times), of shares between 0 and 1.
        every: Epochs from one time to the next; the first is after as many.
        title: What the figure says.
        subtitle: How it was measured.

    Returns:
        The figure.

    Raises:
        ConfigError: If there is no line, or more than can be told apart.
        MissingExtraError: If matplotlib is not installed.

    Example:
        >>> lines = {"alone": [[0.5, 0.7, 0.8]], "together": [[0.4, 0.7, 0.9]]}
        >>> figure = plot_training({"tiny": lines}, every=5, title="Training", subtitle="1 repeat")
        >>> [text.get_text() for text in figure.axes[0].texts][2:4]
        ['alone', 'together']
    """
    names = dict.fromkeys(name for lines in panels.values() for name in lines)
    if not 0 < len(names) <= len(COLOURS):
        raise ConfigError(f"expected 1 to {len(COLOURS)} lines, got {len(names)}")
    inks = dict(zip(names, COLOURS, strict=False))
    scores = {name: {line: np.asarray(f1, dtype=float) for line, f1 in lines.items()} for name, lines in panels.items()}
    top, width = KEY + 0.62, 2 * MARGIN + len(panels) * (LEFT + WIDTH)
    figure, axes = headed_canvas(title=title, subtitle=subtitle, width=width, height=top + HEIGHT + FOOT + MARGIN)
    draw_key(axes, inks, top=KEY)
    means = [values.mean(axis=0) for lines in scores.values() for values in lines.values()]
    for place, (name, lines) in enumerate(scores.items()):
        panel = Panel(
            left=MARGIN + LEFT + place * (LEFT + WIDTH),
            top=top,
            width=WIDTH,
            height=HEIGHT,
            right_share=every * max(map(len, means)),
            low=math.floor(10 * min(map(min, means))) / 10,
            high=math.ceil(10 * max(map(max, means))) / 10,
            name="{:g}".format,
        )
        axes.text(panel.left, top - 0.08, name, size=SIZE, weight="bold", va="bottom", **ink())
        panel.draw_ground(axes, across="epochs", upwards="" if place else "mean score", n_steps=5)
        for line, values in lines.items():
            _draw(axes, panel, values, every=every, colour=inks[line])
    return figure


def _draw(axes: Axes, panel: Panel, values: NDArray[np.float64], *, every: int, colour: str) -> None:
    """One line with its band."""
    epochs, mean = every * (1 + np.arange(values.shape[1])), values.mean(axis=0)
    panel.draw_line(axes, epochs, mean, colour=colour)
    if len(values) > 1:
        spread = values.std(axis=0, ddof=1)
        ends = (np.clip(mean + sign * spread, panel.low, panel.high) for sign in (-1, 1))
        (x, lower), (_, upper) = (panel.at(epochs, end) for end in ends)
        axes.fill_between(x, lower, upper, color=colour, alpha=0.2, linewidth=0, zorder=1)
