"""How a customer files the documents of each topic, beside what it declares.

Knows an audit; nothing of models or documents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hiercls.customers import Audit
from hiercls.errors import require
from hiercls.plots.canvas import BLUE, HEADING, INK, LINE, MARGIN, QUIET, SIZE, SMALL, headed_canvas, ink
from hiercls.plots.lettering import fit, width_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CELL_WIDTH, CELL_HEIGHT, NAMES = 0.75, 0.27, 2.4
"""In inches: a cell, a topic's name at most."""


def plot_filing(audit: Audit, *, title: str, subtitle: str) -> Figure:
    """Draw a cell for every topic and class, darker the more of the topic's documents are filed there.

    Where the YAML puts a topic there is a frame, in ink; a frame in blue is round what is surely filed elsewhere.

    Args:
        audit: What was found.
        title: What the figure says.
        subtitle: On which documents it was found.

    Returns:
        The figure, topics from top to bottom and classes from left to right.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    view = audit.view
    longest = min(NAMES, max(width_of(name, SMALL) for name in view.topics))
    left, top = MARGIN + longest + 0.15, MARGIN + HEADING + 0.45
    width, height = CELL_WIDTH * len(view.classes), CELL_HEIGHT * len(view.topics)
    figure, axes = headed_canvas(
        title=title, subtitle=subtitle, width=left + width + MARGIN, height=top + height + MARGIN
    )
    style: dict[str, Any] = {"va": "center_baseline", **ink()}
    for row, topic in enumerate(view.topics):
        lettering = fit(topic, width=longest, height=CELL_HEIGHT, size=SMALL, smallest=5.0)
        middle = top + (row + 0.5) * CELL_HEIGHT
        axes.text(left - 0.1, middle, lettering.text, size=lettering.size, ha="right", **style)
    for column, name in enumerate(view.classes):
        lettering = fit(name, width=CELL_WIDTH - 0.06, height=0.4, size=SMALL, smallest=4.0)
        middle = left + (column + 0.5) * CELL_WIDTH
        axes.text(middle, top - 0.22, lettering.text, size=lettering.size, ha="center", **style)
    _draw_cells(axes, audit, left=left, top=top)
    return figure


def _draw_cells(axes: Axes, audit: Audit, *, left: float, top: float) -> None:
    """The cells with their numbers, and frames round what is declared and what is found elsewhere."""
    rectangle = require("matplotlib.patches", extra="plots").Rectangle
    declared = audit.view.membership.toarray() > 0
    found = {(finding.about, finding.filed) for finding in audit.findings}
    for row, topic in enumerate(audit.view.topics):
        for column, name in enumerate(audit.view.classes):
            corner = left + column * CELL_WIDTH, top + row * CELL_HEIGHT
            share, size = float(audit.shares[row, column]), (CELL_WIDTH, CELL_HEIGHT)
            axes.add_patch(rectangle(corner, *size, facecolor=BLUE, alpha=0.6 * share, edgecolor="none"))
            axes.add_patch(rectangle(corner, *size, facecolor="none", edgecolor=LINE, linewidth=0.5))
            frame = BLUE if (topic, name) in found else INK if declared[row, column] else None
            if frame is not None:
                inner = corner[0] + 0.02, corner[1] + 0.02
                box = CELL_WIDTH - 0.04, CELL_HEIGHT - 0.04
                axes.add_patch(rectangle(inner, *box, facecolor="none", edgecolor=frame, linewidth=1.2, zorder=3))
            if share >= 0.005:
                middle = corner[0] + CELL_WIDTH / 2, corner[1] + CELL_HEIGHT / 2
                colour = INK if share > 0.3 else QUIET
                axes.text(*middle, f"{share:.0%}", size=SIZE - 2, ha="center", va="center_baseline", **ink(colour))
