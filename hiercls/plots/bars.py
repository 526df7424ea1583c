"""Probabilities of one document as bars, the likeliest on top.

Knows names and numbers; nothing of models or documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hiercls.errors import require
from hiercls.plots.canvas import BLUE, HEADING, LINE, MARGIN, QUIET, SIZE, SMALL, headed_canvas, ink
from hiercls.plots.lettering import width_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROW, LENGTH = 0.3, 3.6
"""In inches: a row, and the bar of probability 1."""


def plot_probabilities(probabilities: Mapping[str, float], *, title: str, subtitle: str) -> Figure:
    """Draw a bar for each class, the longest on top, with its probability beside it.

    Args:
        probabilities: Of the classes, by name.
        title: What the figure says.
        subtitle: Of which document.

    Returns:
        The figure.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    rectangle = require("matplotlib.patches", extra="plots").Rectangle
    left = MARGIN + max(width_of(name, SIZE) for name in probabilities) + 0.15
    top = MARGIN + HEADING + 0.1
    figure, axes = headed_canvas(
        title=title,
        subtitle=subtitle,
        width=left + LENGTH + 0.6 + MARGIN,
        height=top + ROW * len(probabilities) + MARGIN,
    )
    for row, (name, share) in enumerate(sorted(probabilities.items(), key=lambda item: -item[1])):
        upper = top + row * ROW
        axes.add_patch(rectangle((left, upper + 0.05), LENGTH, ROW - 0.1, facecolor=LINE, alpha=0.4))
        axes.add_patch(rectangle((left, upper + 0.05), LENGTH * share, ROW - 0.1, facecolor=BLUE))
        middle = upper + ROW / 2
        axes.text(left - 0.1, middle, name, size=SIZE, ha="right", va="center_baseline", **ink())
        axes.text(left + LENGTH + 0.1, middle, f"{share:.0%}", size=SMALL, va="center_baseline", **ink(QUIET))
    return figure
