"""A rectangle on the sheet in which shares are drawn: from left to right and from bottom to top.

Knows inches and shares; knows nothing of what is drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from hiercls.plots.canvas import GROUND, LINE, QUIET, SMALL, ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes

N_DRAWN = 2000
"""Points of a line that are drawn; more could not be told apart."""


def percent(share: float) -> str:
    """A share in words, such as ``50 %``."""
    return f"{100 * share:.3g} %"


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A rectangle, and the shares at its sides.

    Args:
        left: Its left edge in inches.
        top: Its upper edge.
        width: Its width.
        height: Its height.
        right_share: What its right edge stands for; the left one is 0.
        low: What its lower edge stands for.
        high: What its upper edge stands for.
        name: What a place between left and right is called.
    """

    left: float
    top: float
    width: float
    height: float
    right_share: float = 1.0
    low: float = 0.0
    high: float = 1.0
    name: Callable[[float], str] = percent

    def at(self, x: ArrayLike, y: ArrayLike) -> tuple[Any, Any]:
        """Where shares stand on the sheet, in inches."""
        up = (np.asarray(y) - self.low) / (self.high - self.low)
        return self.left + self.width * np.asarray(x) / self.right_share, self.top + self.height * (1 - up)

    def draw_ground(self, axes: Axes, *, across: str, upwards: str, n_steps: int = 2) -> None:
        """Its ground, thin lines at even steps with their percentages, and what the sides stand for.

        Args:
            axes: Where to.
            across: What the shares from left to right are.
            upwards: What those from bottom to top are.
            n_steps: Steps on each side.
        """
        right, bottom = self.left + self.width, self.top + self.height
        corners = [self.left, right, right, self.left], [self.top, self.top, bottom, bottom]
        axes.fill(*corners, color=GROUND, linewidth=0, zorder=0)
        quiet = {"size": SMALL - 1, **ink(QUIET)}
        for part in np.linspace(0, 1, n_steps + 1).tolist():
            x, y = self.left + self.width * part, bottom - self.height * part
            if n_steps > 2:
                axes.plot([x, x], [self.top, bottom], color=LINE, linewidth=0.6, zorder=0.5)
                axes.plot([self.left, right], [y, y], color=LINE, linewidth=0.6, zorder=0.5)
            axes.text(x, bottom + 0.06, self.name(part * self.right_share), ha="center", va="top", **quiet)
            number = percent(self.low + part * (self.high - self.low))
            axes.text(self.left - 0.06, y, number, ha="right", va="center_baseline", **quiet)
        middle = (self.left + self.width / 2, self.top + self.height / 2)
        axes.text(middle[0], bottom + 0.24, across, size=SMALL, ha="center", va="top", **ink())
        axes.text(self.left - 0.46, middle[1], upwards, size=SMALL, ha="center", va="center", rotation=90, **ink())

    def draw_line(self, axes: Axes, x: ArrayLike, y: ArrayLike, *, colour: str, **style: Any) -> None:
        """A line through points, of which no more are drawn than can be told apart."""
        points = np.stack([np.asarray(x, dtype=float), np.asarray(y, dtype=float)])
        if points.shape[1] > N_DRAWN:
            points = points[:, np.linspace(0, points.shape[1] - 1, N_DRAWN).astype(int)]
        axes.plot(*self.at(*points), color=colour, **{"linewidth": 1.6, "zorder": 2, **style})
