"""Whether probabilities can be believed: what was said beside what was right, one panel a view.

Knows bins of probabilities; nothing of models or documents.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hiercls.errors import ConfigError
from hiercls.metrics.reliability import Reliability
from hiercls.plots.canvas import (
    BLUE,
    FAINT,
    GREY,
    HEADING,
    INK,
    MARGIN,
    QUIET,
    SIZE,
    SMALL,
    draw_key,
    headed_canvas,
    ink,
)
from hiercls.plots.lettering import fit
from hiercls.plots.panel import Panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AFTER, BEFORE = BLUE, GREY
"""The lines: as the probabilities are, and as they were."""

HEAD, PANEL = 1.0, 1.75
"""In inches: above the panels; a panel's side."""

LEFT, ABOVE, BELOW, COLUMNS, NARROWEST = 0.62, 0.52, 0.62, 4, 4.0
"""In inches: what stands left of a panel, above and below it; how many panels stand in a row; the least width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagram:
    """One view's panel.

    Args:
        name: The level or customer.
        note: What stands below the name, such as how many documents it was measured on.
        bins: The view's probabilities beside what was right.
        before: The same before the calibration; None: it is not shown.
    """

    name: str
    note: str
    bins: Reliability
    before: Reliability | None = None


def plot_reliability(diagrams: Sequence[Diagram], *, title: str, subtitle: str) -> Figure:
    """Draw a panel for every view: on the diagonal, answers are right as often as their probabilities say.

    Args:
        diagrams: The views, in reading order.
        title: What the figure says.
        subtitle: On which documents it was measured.

    Returns:
        The figure, sized to the number of views.

    Raises:
        ConfigError: If there is no view.
        MissingExtraError: If matplotlib is not installed.

    Example:
        >>> from hiercls.metrics import reliability
        >>> diagram = Diagram(name="one", note="4 documents", bins=reliability([0.5, 0.5], [True, False]))
        >>> figure = plot_reliability([diagram], title="Calibration", subtitle="4 test documents")
        >>> [text.get_text() for text in figure.axes[0].texts][:2]
        ['Calibration', '4 test documents']
    """
    if not diagrams:
        raise ConfigError("expected a view at least to draw, got none")
    n_columns = min(COLUMNS, len(diagrams))
    row = ABOVE + PANEL + BELOW
    height = 2 * MARGIN + HEAD + row * math.ceil(len(diagrams) / n_columns)
    width = max(2 * MARGIN + n_columns * (LEFT + PANEL) + 0.1, NARROWEST)
    figure, axes = headed_canvas(title=title, subtitle=subtitle, width=width, height=height)
    before = any(diagram.before is not None for diagram in diagrams)
    lines = {"calibrated": AFTER, "as trained": BEFORE} if before else {"as it is": AFTER}
    draw_key(axes, lines, top=MARGIN + HEADING, marker="o")
    for place, diagram in enumerate(diagrams):
        left = MARGIN + LEFT + (LEFT + PANEL) * (place % n_columns)
        _draw_panel(axes, diagram, left=left, top=MARGIN + HEAD + row * (place // n_columns) + ABOVE)
    return figure


def _draw_panel(axes: Axes, diagram: Diagram, *, left: float, top: float) -> None:
    """A view's name, its grid, and its lines."""
    for words, size, y, colour in ((diagram.name, SIZE, -0.34, INK), (diagram.note, SMALL, -0.14, QUIET)):
        lettering = fit(words, width=PANEL, height=0.2, size=size, smallest=6.0)
        axes.text(left, top + y, lettering.text, size=lettering.size, va="center_baseline", **ink(colour))
    panel = Panel(left=left, top=top, width=PANEL, height=PANEL)
    panel.draw_ground(axes, across="probability said", upwards="right")
    panel.draw_line(axes, [0, 1], [0, 1], colour=FAINT, linewidth=1.2, zorder=1)
    for bins, colour in ((diagram.before, BEFORE), (diagram.bins, AFTER)):
        if bins is not None:
            panel.draw_line(
                axes, bins.confidence, bins.accuracy, colour=colour, marker="o", markersize=3.5, linewidth=1.4
            )
    said = [f"off by {100 * part.error:.1f}" for part in (diagram.bins, diagram.before) if part is not None]
    words = f"{said[0]} points" + (f", was {said[1].removeprefix('off by ')}" if len(said) > 1 else "")
    axes.text(left + PANEL, top + PANEL - 0.12, words, size=SMALL, ha="right", va="center_baseline", **ink())
