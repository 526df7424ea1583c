"""Whether probabilities can be believed: what was said beside what was right, one panel a view.

Knows bins of probabilities; nothing of models or documents.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hiercls.errors import ConfigError
from hiercls.metrics.reliability import Reliability
from hiercls.plots.canvas import canvas
from hiercls.plots.lettering import families, fit, width_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, QUIET, DIAGONAL, GROUND = "#1F2430", "#6B7280", "#B8BEC8", "#F6F7F9"
AFTER, BEFORE = "#2F6DB5", "#9AA3AF"
"""The lines: as the probabilities are, and as they were."""

SIZE, SMALL, TITLE_SIZE = 10.0, 8.5, 14.0
MARGIN, HEAD, PANEL = 0.3, 1.0, 1.75
"""In inches: around the figure; above the panels; a panel's side."""

LEFT, ABOVE, BELOW, COLUMNS = 0.62, 0.52, 0.62, 4
"""In inches: what stands left of a panel, above and below it; and how many panels stand in a row."""


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
    words = max(width_of(title, TITLE_SIZE, bold=True), width_of(subtitle, SIZE), 3.4)
    row = ABOVE + PANEL + BELOW
    height = 2 * MARGIN + HEAD + row * math.ceil(len(diagrams) / n_columns)
    figure, axes = canvas(width=2 * MARGIN + max(n_columns * (LEFT + PANEL) + 0.1, words), height=height)
    axes.text(MARGIN, MARGIN, title, size=TITLE_SIZE, weight="bold", va="top", **_ink())
    axes.text(MARGIN, MARGIN + 0.3, subtitle, size=SIZE, va="top", **_ink(QUIET))
    _draw_key(axes, top=MARGIN + 0.66, with_before=any(diagram.before is not None for diagram in diagrams))
    for place, diagram in enumerate(diagrams):
        left = MARGIN + LEFT + (LEFT + PANEL) * (place % n_columns)
        _draw_panel(axes, diagram, left=left, top=MARGIN + HEAD + row * (place // n_columns) + ABOVE)
    return figure


def _ink(colour: str = INK) -> dict[str, Any]:
    """How all text is drawn: names are never read as formulas."""
    return {"color": colour, "family": families(), "parse_math": False}


def _draw_key(axes: Axes, *, top: float, with_before: bool) -> None:
    """What the lines mean."""
    left = MARGIN
    for colour, words in ((AFTER, "calibrated"), (BEFORE, "as trained")) if with_before else ((AFTER, "as it is"),):
        axes.plot([left, left + 0.22], [top + 0.08] * 2, color=colour, marker="o", markersize=4, linewidth=1.6)
        axes.text(left + 0.32, top + 0.08, words, size=SMALL, va="center_baseline", **_ink())
        left += 0.32 + width_of(words, SMALL) + 0.3


def _draw_panel(axes: Axes, diagram: Diagram, *, left: float, top: float) -> None:
    """A view's name, its grid, and its lines."""
    for words, size, y, colour in ((diagram.name, SIZE, -0.34, INK), (diagram.note, SMALL, -0.14, QUIET)):
        lettering = fit(words, width=PANEL, height=0.2, size=size, smallest=6.0)
        axes.text(left, top + y, lettering.text, size=lettering.size, va="center_baseline", **_ink(colour))
    _draw_grid(axes, left=left, top=top)
    if diagram.before is not None:
        _draw_line(axes, diagram.before, left=left, top=top, colour=BEFORE)
    _draw_line(axes, diagram.bins, left=left, top=top, colour=AFTER)
    said = [f"off by {100 * part.error:.1f}" for part in (diagram.bins, diagram.before) if part is not None]
    words = f"{said[0]} points" + (f", was {said[1].removeprefix('off by ')}" if len(said) > 1 else "")
    axes.text(left + PANEL, top + PANEL - 0.12, words, size=SMALL, ha="right", va="center_baseline", **_ink())


def _draw_grid(axes: Axes, *, left: float, top: float) -> None:
    """The panel's ground, its diagonal, and what the sides stand for."""
    right, bottom, middle = left + PANEL, top + PANEL, PANEL / 2
    axes.fill([left, right, right, left], [top, top, bottom, bottom], color=GROUND, linewidth=0, zorder=0)
    axes.plot([left, right], [bottom, top], color=DIAGONAL, linewidth=1.2, zorder=1)
    for percent in (0, 50, 100):
        way = PANEL * percent / 100
        number = f"{percent} %"
        axes.text(left + way, bottom + 0.06, number, size=SMALL - 1, ha="center", va="top", **_ink(QUIET))
        axes.text(left - 0.06, bottom - way, number, size=SMALL - 1, ha="right", va="center_baseline", **_ink(QUIET))
    axes.text(left + middle, bottom + 0.24, "probability said", size=SMALL, ha="center", va="top", **_ink())
    axes.text(left - 0.46, top + middle, "right", size=SMALL, ha="center", va="center", rotation=90, **_ink())


def _draw_line(axes: Axes, bins: Reliability, *, left: float, top: float, colour: str) -> None:
    """One line through the bins."""
    x, y = left + PANEL * bins.confidence, top + PANEL * (1 - bins.accuracy)
    axes.plot(x, y, color=colour, marker="o", markersize=3.5, linewidth=1.4, zorder=2)
