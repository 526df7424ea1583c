"""What is taken for what at one view, its classes in the order of the hierarchy.

Knows counts and the map; nothing of models or documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiercls.errors import ConfigError, require
from hiercls.metrics.arrays import pair_up
from hiercls.plots.canvas import BLUE, HEADING, INK, LINE, MARGIN, QUIET, SIZE, SMALL, headed_canvas, ink
from hiercls.plots.lettering import fit, width_of
from hiercls.taxonomy import Taxonomy, View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LARGEST, SIDE, NAMES, GROUPS = 0.5, 7.2, 2.0, 1.1
"""In inches: a cell at most, the square of all cells at most, a class's name at most, a group's name."""

LEGIBLE, NUMBERED = 0.1, 0.27
"""In inches: cells below the first have no name, cells below the second no number."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Confusion:
    """Counts of truths and answers at one view, ordered.

    Args:
        classes: The classes, those of a group beside each other.
        groups: The node of the hierarchy that each stands below; None: no single one.
        counts: Documents by their true class (rows) and their answer (columns), shape (n_classes, n_classes).
    """

    classes: tuple[str, ...]
    groups: tuple[str | None, ...]
    counts: NDArray[np.int64]


def confusion(predicted: ArrayLike, truth: ArrayLike, *, view: View, taxonomy: Taxonomy) -> Confusion:
    """Count what is taken for what, classes in the order of the hierarchy.

    A level's classes are grouped by their parents, a customer's by the nodes at the top that hold them whole; those
    that lie across several come last.

    Args:
        predicted: n_documents indices into the view's classes.
        truth: n_documents indices into the view's classes; documents with −1 are left out.
        view: The view.
        taxonomy: The map.

    Returns:
        The counts.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> tiny = Taxonomy.from_yaml(shipped("tiny"))
        >>> found = confusion([0, 1], [0, 0], view=tiny.view("three"), taxonomy=tiny)  # AB, CD, E, F below X and Y
        >>> found.classes, found.groups, found.counts[0].tolist()
        (('AB', 'E', 'F', 'CD'), ('X', 'Y', 'Y', None), [1, 0, 0, 1])
    """
    n_classes = len(view.classes)
    pairs = pair_up(predicted, truth, n_classes=n_classes)
    counts = np.bincount(pairs.truth * n_classes + pairs.predicted, minlength=n_classes**2).reshape(n_classes, -1)
    groups = _groups(view, taxonomy)
    places = [np.mean(np.flatnonzero(column)) for column in view.membership.toarray().T]
    known = list(dict.fromkeys(taxonomy.hierarchy.nodes))

    def key(place: int) -> tuple[int, float]:
        group = groups[place]
        return (len(known) if group is None else known.index(group), float(places[place]))

    order = sorted(range(n_classes), key=key)
    return Confusion(
        classes=tuple(view.classes[place] for place in order),
        groups=tuple(groups[place] for place in order),
        counts=counts[np.ix_(order, order)],
    )


def plot_confusion(found: Confusion, *, title: str, subtitle: str) -> Figure:
    """Draw a square for every true class and answer, darker the larger the part of the true class that it holds.

    Args:
        found: The counts.
        title: What the figure says.
        subtitle: On which documents it was measured.

    Returns:
        The figure; of many classes only the groups are named.

    Raises:
        ConfigError: If there is no class.
        MissingExtraError: If matplotlib is not installed.

    Example:
        >>> counts = np.array([[3, 1], [0, 4]])
        >>> found = Confusion(classes=("A", "B"), groups=("X", "X"), counts=counts)
        >>> figure = plot_confusion(found, title="Mistakes", subtitle="8 test documents")
        >>> [text.get_text() for text in figure.axes[0].texts][-4:]
        ['75', '25', '100', 'X']
    """
    n_classes = len(found.classes)
    if not n_classes:
        raise ConfigError("expected a class at least to draw, got none")
    cell = min(LARGEST, SIDE / n_classes)
    named = cell >= LEGIBLE
    size = min(SMALL, cell * 72 / 1.15)
    longest = min(NAMES, max(width_of(name, size) for name in found.classes)) if named else 0.0
    grouped = GROUPS if any(group is not None for group in found.groups) else 0.0
    left, top = MARGIN + 0.3 + grouped + longest + 0.1, MARGIN + HEADING + 0.3 + longest + 0.1
    side = cell * n_classes
    extent = {"width": left + side + MARGIN, "height": top + side + MARGIN}
    figure, axes = headed_canvas(title=title, subtitle=subtitle, **extent)
    words = {"size": SIZE, "ha": "center", "va": "center", **ink()}
    axes.text(left + side / 2, MARGIN + HEADING + 0.12, "answered, in % of the row", **words)
    axes.text(MARGIN + 0.1, top + side / 2, "true", rotation=90, **words)
    if named:
        _name_classes(axes, found.classes, left=left, top=top, cell=cell, size=size, longest=longest)
    _draw_cells(axes, found.counts, left=left, top=top, cell=cell)
    _draw_groups(axes, found.groups, left=left, top=top, cell=cell, names=left - longest - 0.2)
    return figure


def _groups(view: View, taxonomy: Taxonomy) -> list[str | None]:
    """The node that each class stands below; None where there is none."""
    if view.name == taxonomy.levels[0]:
        return [None] * len(view.classes)
    above = taxonomy.levels.index(view.name) - 1 if view.name in taxonomy.levels else 0
    level = taxonomy.view(taxonomy.levels[above])
    below = level.membership.toarray() > 0
    held = [(below[column > 0]).all(axis=0) for column in view.membership.toarray().T]
    return [level.classes[int(inside.argmax())] if inside.any() else None for inside in held]


def _name_classes(
    axes: Axes, classes: Sequence[str], *, left: float, top: float, cell: float, size: float, longest: float
) -> None:
    """The classes' names, left of their rows and above their columns."""
    for place, name in enumerate(classes):
        middle = (place + 0.5) * cell
        lettering = fit(name, width=longest + 0.01, height=max(cell, 0.12), size=size, smallest=min(size, 6.0))
        row: dict[str, Any] = {"ha": "right", "va": "center", "ma": "right"}
        axes.text(left - 0.1, top + middle, lettering.text, size=lettering.size, **row, **ink())
        column: dict[str, Any] = {"ha": "center", "va": "bottom", "rotation": 90}
        axes.text(left + middle, top - 0.1, lettering.text, size=lettering.size, **column, **ink())


def _draw_cells(axes: Axes, counts: NDArray[np.int64], *, left: float, top: float, cell: float) -> None:
    """The squares, and in them percentages of the true class where they can be read."""
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    side = cell * len(counts)
    colours = require("matplotlib.colors", extra="plots").LinearSegmentedColormap.from_list("shares", ["white", BLUE])
    box = (left, left + side, top + side, top)
    limits = axes.get_xlim(), axes.get_ylim()  # an image sets its own
    # The square root lets a few percent be seen.
    axes.imshow(np.sqrt(shares), cmap=colours, vmin=0, vmax=1, extent=box, aspect="auto", interpolation="nearest")
    axes.set(xlim=limits[0], ylim=limits[1])
    if cell < NUMBERED:
        return
    for row, column in np.argwhere(np.round(100 * shares) >= 1).tolist():
        at = left + (column + 0.5) * cell, top + (row + 0.5) * cell
        colour = "white" if shares[row, column] > 0.4 else INK
        number = f"{100 * shares[row, column]:.0f}"
        axes.text(*at, number, size=min(SMALL, cell * 22), ha="center", va="center", **ink(colour))


def _draw_groups(
    axes: Axes, groups: Sequence[str | None], *, left: float, top: float, cell: float, names: float
) -> None:
    """The frame, the lines between the groups, each group's block, and its name."""
    side = cell * len(groups)
    _draw_box(axes, left, top, side, colour=LINE)
    place = 0
    for group, members in groupby(groups):
        first, n_members = place, len(list(members))
        place += n_members
        if group is None:
            continue
        start, block = first * cell, n_members * cell
        _draw_box(axes, left + start, top + start, block, colour=INK)
        axes.plot([names + 0.02] * 2, [top + start + 0.03, top + start + block - 0.03], color=QUIET, linewidth=1.0)
        lettering = fit(group, width=GROUPS - 0.2, height=max(block, 0.12), size=SMALL, smallest=5.0)
        style: dict[str, Any] = {"ha": "right", "va": "center", "ma": "right"}
        axes.text(names - 0.05, top + start + block / 2, lettering.text, size=lettering.size, **style, **ink(QUIET))


def _draw_box(axes: Axes, left: float, top: float, side: float, *, colour: str) -> None:
    right, bottom = left + side, top + side
    axes.plot([left, right, right, left, left], [top, top, bottom, bottom, top], color=colour, linewidth=1.0, zorder=3)
