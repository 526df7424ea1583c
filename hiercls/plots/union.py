"""What pooling brings: each customer's accuracy by one model for all, beside that of its own data alone.

Knows names and accuracies; nothing of models or documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hiercls.errors import require
from hiercls.plots.canvas import BLUE, HEADING, INK, LINE, MARGIN, QUIET, SIZE, SMALL, headed_canvas, ink
from hiercls.plots.lettering import fit, width_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

UNION, OWN = BLUE, "#C3C9D2"
"""The fills: what the figure is about, and what it is measured by."""

NAMES, BARS, BEHIND = 1.75, 4.4, 1.1
"""In inches: the columns of the names, of the bars, and of what stands behind them."""

HEAD, FOOT, GROUP, BAR = 1.0, 0.42, 0.74, 0.24
"""In inches, from top to bottom: above the bars, below them; a customer's share of the height, a bar's thickness."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One customer's two accuracies.

    Args:
        name: The customer.
        note: What stands below the name, such as how many documents it brought.
        union: Accuracy of the one model, from 0 to 1.
        own: Accuracy of its own data alone; None: it has none.
    """

    name: str
    note: str
    union: float
    own: float | None


def plot_union(pairs: Sequence[Pair], *, title: str, subtitle: str) -> Figure:
    """Draw two bars a customer: one model for all, and the customer's own data alone.

    Args:
        pairs: The customers from top to bottom.
        title: What the figure says.
        subtitle: On which documents it was measured.

    Returns:
        The figure, sized to the number of customers.

    Raises:
        MissingExtraError: If matplotlib is not installed.

    Example:
        >>> pairs = [Pair(name="one", note="9 documents", union=0.75, own=0.5)]
        >>> figure = plot_union(pairs, title="Pooling", subtitle="6 test documents")
        >>> [text.get_text() for text in figure.axes[0].texts][:2]
        ['Pooling', '6 test documents']
    """
    height = MARGIN + HEAD + GROUP * len(pairs) + FOOT
    width = 2 * MARGIN + NAMES + BARS + BEHIND
    figure, axes = headed_canvas(title=title, subtitle=subtitle, width=width, height=height)
    _draw_key(axes, top=MARGIN + HEADING)
    top = MARGIN + HEAD
    _draw_grid(axes, top=top, bottom=top + GROUP * len(pairs))
    for place, pair in enumerate(pairs):
        _draw_pair(axes, pair, middle=top + (place + 0.5) * GROUP)
    return figure


def _draw_key(axes: Axes, *, top: float) -> None:
    """What the two fills mean, in the order of the bars."""
    left = MARGIN
    for fill, words in ((UNION, "one model for all"), (OWN, "own data alone")):
        _draw_box(axes, left, top, width=0.16, height=0.16, fill=fill)
        axes.text(left + 0.24, top + 0.08, words, size=SMALL, va="center_baseline", **ink())
        left += 0.24 + width_of(words, SMALL) + 0.3


def _draw_grid(axes: Axes, *, top: float, bottom: float) -> None:
    """Thin lines at every fifth of the way, and what they stand for."""
    for percent in range(0, 101, 20):
        x = MARGIN + NAMES + BARS * percent / 100
        axes.plot([x, x], [top, bottom], color=LINE, linewidth=0.8, zorder=0)
        axes.text(x, bottom + 0.08, f"{percent} %", size=SMALL, ha="center", va="top", **ink(QUIET))


def _draw_pair(axes: Axes, pair: Pair, *, middle: float) -> None:
    """A customer's name, its bars and their numbers."""
    for words, size, y, colour in ((pair.name, SIZE, -0.1, INK), (pair.note, SMALL, 0.12, QUIET)):
        lettering = fit(words, width=NAMES - 0.2, height=0.2, size=size, smallest=6.0)
        axes.text(MARGIN, middle + y, lettering.text, size=lettering.size, va="center_baseline", **ink(colour))
    bars = [(pair.union, UNION)] if pair.own is None else [(pair.union, UNION), (pair.own, OWN)]
    y = middle - BAR * len(bars) / 2
    for value, fill in bars:
        _draw_box(axes, MARGIN + NAMES, y, width=BARS * value, height=BAR - 0.02, fill=fill)
        _draw_number(axes, value, y=y + BAR / 2 - 0.01, is_union=fill == UNION)
        y += BAR
    if pair.own is not None:
        gain = f"{100 * (pair.union - pair.own):+.1f} points".replace("-", "−")
        x = MARGIN + NAMES + BARS + BEHIND
        axes.text(x, middle, gain, size=SIZE, ha="right", va="center_baseline", **ink())


def _draw_number(axes: Axes, value: float, *, y: float, is_union: bool) -> None:
    """A bar's number: in its end, or behind it where the bar is too short."""
    words, end = f"{100 * value:.1f} %", MARGIN + NAMES + BARS * value
    fits = BARS * value > width_of(words, SIZE, bold=True) + 0.2
    align, x = ("right", end - 0.09) if fits else ("left", end + 0.09)
    colour = "white" if fits and is_union else INK
    weight = "bold" if is_union else "normal"
    axes.text(x, y, words, size=SIZE, weight=weight, ha=align, va="center_baseline", **ink(colour))


def _draw_box(axes: Axes, left: float, top: float, *, width: float, height: float, fill: str) -> None:
    rectangle = require("matplotlib.patches", extra="plots").Rectangle
    axes.add_patch(rectangle((left, top), width, height, facecolor=fill, edgecolor="none"))
