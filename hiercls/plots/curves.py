"""What caution buys: wrong answers against how much is answered, and right answers against how specific they are.

Knows curves; nothing of models or documents.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hiercls.decoding import OperatingCurve
from hiercls.errors import ConfigError
from hiercls.metrics import RiskCoverage
from hiercls.plots.canvas import BLUE, GREY, HEADING, INK, MARGIN, SMALL, draw_key, headed_canvas, ink
from hiercls.plots.panel import Panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (BLUE, GREY, "#C4622D", "#3C8D5A")
"""The curves' inks, in their order."""

KEY = MARGIN + HEADING
"""In inches: the top of the key."""

LEFT, FOOT, WIDTH, HEIGHT = 0.62, 0.55, 5.0, 3.4
"""In inches: left of the panel, below it; the panel itself."""

LEAST = 0.01
"""The least coverage that is drawn: below it a handful of documents makes the line jump."""

THRESHOLDS = (0.5, 0.8, 0.9, 0.95)
"""The thresholds that are marked on an operating curve."""


def plot_risk_coverage(curves: Mapping[str, RiskCoverage], *, title: str, subtitle: str) -> Figure:
    """Draw how often answers are wrong, for every part of the documents that is answered: the lower, the better.

    Args:
        curves: At most four, by what they are called.
        title: What the figure says.
        subtitle: On which documents it was measured.

    Returns:
        The figure.

    Raises:
        ConfigError: If there is no curve, or more than can be told apart.
        MissingExtraError: If matplotlib is not installed.

    Example:
        >>> from hiercls.metrics import risk_coverage
        >>> curves = {"no answer": risk_coverage([0.9, 0.8], [0, 1])}
        >>> figure = plot_risk_coverage(curves, title="Risk", subtitle="2 test documents")
        >>> [text.get_text() for text in figure.axes[0].texts][-1]
        'no answer (area 25.0 %)'
    """
    if not 0 < len(curves) <= len(COLOURS):
        raise ConfigError(f"expected 1 to {len(COLOURS)} curves, got {len(curves)}")
    drawn = {name: curve.coverage >= min(LEAST, curve.coverage.max(initial=0)) for name, curve in curves.items()}
    highest = max(curve.risk[drawn[name]].max(initial=0.0) for name, curve in curves.items())
    axes, figure, panel = _sheet(title, subtitle, high=_round_up(highest))
    panel.draw_ground(axes, across="how much is answered", upwards="of it wrong", n_steps=5)
    lines = {}
    for (name, curve), colour in zip(curves.items(), COLOURS, strict=False):
        panel.draw_line(axes, curve.coverage[drawn[name]], curve.risk[drawn[name]], colour=colour)
        lines[f"{name} (area {100 * curve.area:.1f} %)"] = colour
    draw_key(axes, lines, top=KEY)
    return figure


def plot_operating_curve(
    curve: OperatingCurve, *, title: str, subtitle: str, thresholds: Sequence[float] = THRESHOLDS
) -> Figure:
    """Draw how often answers are right, for every specificity that they can have; some thresholds are marked.

    Args:
        curve: The curve.
        title: What the figure says.
        subtitle: On which documents it was measured.
        thresholds: Those that are marked.

    Returns:
        The figure.

    Raises:
        MissingExtraError: If matplotlib is not installed.

    Example:
        >>> from hiercls.decoding import operating_curve
        >>> from hiercls.taxonomy import Taxonomy, shipped
        >>> tiny = Taxonomy.from_yaml(shipped("tiny"))
        >>> curve = operating_curve(np.log([[0.5, 0.3, 0.1, 0.05, 0.03, 0.02]]), [1], taxonomy=tiny)
        >>> figure = plot_operating_curve(curve, title="Right", subtitle="1 test document", thresholds=[0.9])
        >>> [text.get_text() for text in figure.axes[0].texts][-1]
        '90 %'
    """
    lowest = float(curve.correctness.min()) if len(curve.correctness) else 0.0
    axes, figure, panel = _sheet(title, subtitle, low=max(0.0, math.floor(10 * lowest - 1e-9) / 10))
    panel.draw_ground(axes, across="how specific the answers are", upwards="of them right", n_steps=5)
    draw_key(axes, {"a coarser answer where the finer is less probable than the share beside the dot": BLUE}, top=KEY)
    panel.draw_line(axes, curve.specificity, curve.correctness, colour=BLUE)
    for threshold in thresholds:
        point = min(int(np.searchsorted(curve.threshold, threshold)), len(curve.threshold) - 1)
        x, y = panel.at(curve.specificity[point], curve.correctness[point])
        axes.plot([x], [y], color=INK, marker="o", markersize=5, linewidth=0, zorder=3)
        axes.text(x - 0.08, y + 0.13, f"{100 * threshold:.3g} %", size=SMALL, ha="right", va="center", **ink())
    return figure


def _sheet(title: str, subtitle: str, *, low: float = 0.0, high: float = 1.0) -> tuple[Axes, Figure, Panel]:
    """An empty sheet with room for one panel."""
    top = KEY + 0.36
    size = {"width": 2 * MARGIN + LEFT + WIDTH, "height": top + HEIGHT + FOOT + MARGIN}
    figure, axes = headed_canvas(title=title, subtitle=subtitle, **size)
    return axes, figure, Panel(left=MARGIN + LEFT, top=top, width=WIDTH, height=HEIGHT, low=low, high=high)


def _round_up(share: float) -> float:
    """The next twentieth above, so that the steps of the panel are whole percents."""
    return max(0.05, math.ceil(20 * share - 1e-9) / 20)
