"""The sheet that every figure is drawn on, its heading and its key.

Knows inches, inks and words; knows nothing of what is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hiercls.errors import require
from hiercls.plots.lettering import families, width_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, QUIET, FAINT, LINE, GROUND = "#1F2430", "#6B7280", "#B8BEC8", "#D9DDE3", "#F6F7F9"
"""What is read; what stands beside it; what it is measured by; thin lines; what it stands on."""

BLUE, GREY = "#2F6DB5", "#9AA3AF"
"""What a figure is about, and what that is compared with."""

SIZE, SMALL, TITLE_SIZE = 10.0, 8.5, 14.0
"""In points."""

MARGIN, HEADING = 0.3, 0.62
"""In inches: around a figure; from the top of the title to where the next thing may stand."""


def canvas(*, width: float, height: float) -> tuple[Figure, Axes]:
    """A new figure, and axes that fill it and are measured in inches from its upper left corner."""
    figure: Figure = require("matplotlib.figure", extra="plots").Figure(figsize=(width, height), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    return figure, axes


def headed_canvas(*, title: str, subtitle: str, width: float, height: float) -> tuple[Figure, Axes]:
    """A canvas with a title, and below it a subtitle, at its upper left.

    Args:
        title: What the figure says.
        subtitle: On what it was measured.
        width: The width in inches that is needed, margins included; more is taken where the words need it.
        height: The height in inches, margins and heading included.

    Returns:
        The figure and its axes; below ``MARGIN + HEADING`` they are empty.
    """
    words = 2 * MARGIN + max(width_of(title, TITLE_SIZE, bold=True), width_of(subtitle, SIZE))
    figure, axes = canvas(width=max(width, words), height=height)
    axes.text(MARGIN, MARGIN, title, size=TITLE_SIZE, weight="bold", va="top", **ink())
    axes.text(MARGIN, MARGIN + 0.3, subtitle, size=SIZE, va="top", **ink(QUIET))
    return figure, axes


def ink(colour: str = INK) -> dict[str, Any]:
    """How all text is drawn: names are never read as formulas."""
    return {"color": colour, "family": families(), "parse_math": False}


KEY_MARK, KEY_GAP = 0.32, 0.3
"""In inches: what stands before a line's meaning, and between two of them."""


def key_width(lines: Sequence[str]) -> float:
    """How wide what :func:`draw_key` draws is.

    Args:
        lines: What the lines mean.

    Returns:
        Inches.

    Example:
        >>> key_width(["one", "two"]) > key_width(["one"]) > 0.3
        True
    """
    return sum(KEY_MARK + width_of(words, SMALL) for words in lines) + KEY_GAP * (len(lines) - 1)


def draw_key(axes: Axes, lines: Mapping[str, str], *, top: float, marker: str = "") -> None:
    """What the lines mean, side by side.

    Args:
        axes: Where to.
        lines: The colour of each, by what it means.
        top: The upper edge in inches.
        marker: The lines' marker, as matplotlib names it.
    """
    left = MARGIN
    for words, colour in lines.items():
        axes.plot([left, left + 0.22], [top + 0.08] * 2, color=colour, marker=marker, markersize=4, linewidth=1.6)
        axes.text(left + KEY_MARK, top + 0.08, words, size=SMALL, va="center_baseline", **ink())
        left += key_width([words]) + KEY_GAP
