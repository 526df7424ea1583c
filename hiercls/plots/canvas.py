"""The sheet that every figure is drawn on.

Knows inches; knows nothing of what is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hiercls.errors import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def canvas(*, width: float, height: float) -> tuple[Figure, Axes]:
    """A new figure, and axes that fill it and are measured in inches from its upper left corner."""
    figure: Figure = require("matplotlib.figure", extra="plots").Figure(figsize=(width, height), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    return figure, axes
