"""Text that fits its box: measured, wrapped and shrunk before anything is drawn.

Knows names and boxes in inches; nothing of what they stand for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from hiercls.errors import require

LINE_HEIGHT = 1.2
"""The distance between two lines, in units of the text's size."""

_FALLBACKS = ("Noto Sans CJK JP", "Noto Sans CJK SC", "WenQuanYi Zen Hei", "Hiragino Sans", "Microsoft YaHei")
_PIECE = re.compile(r"[^\s./_-]+[\s./_-]*|[\s./_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lettering:
    """A text as it is to be drawn.

    Args:
        text: The text, wrapped into lines; cut with ``…`` where even the smallest size did not fit.
        size: The text's size in points.
    """

    text: str
    size: float


@cache
def families() -> tuple[str, ...]:
    """The fonts to draw with: matplotlib's own first, then those installed that know more scripts."""
    installed = {font.name for font in require("matplotlib.font_manager", extra="plots").fontManager.ttflist}
    return ("DejaVu Sans", *(name for name in _FALLBACKS if name in installed))


@lru_cache(maxsize=100_000)
def _unit_width(text: str, *, bold: bool) -> float:
    """The width of a line in units of its size: measured once, since it grows with the size."""
    properties = require("matplotlib.font_manager", extra="plots").FontProperties(
        family=families()[:1], size=100.0, weight="bold" if bold else "normal"
    )
    measure = require("matplotlib.textpath", extra="plots").text_to_path
    return float(measure.get_text_width_height_descent(text, properties, ismath=False)[0]) / 100.0


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """The width of a line of text.

    Args:
        text: The line.
        size: Its size in points.
        bold: Whether it is drawn bold.

    Returns:
        The width in inches.
    """
    return _unit_width(text, bold=bold) * size / 72 if text else 0.0


def fit(text: str, *, width: float, height: float, size: float = 9.0, smallest: float = 5.0) -> Lettering:
    r"""Wrap and shrink a text until it fits a box.

    Args:
        text: What to write; lines break after spaces, dots, dashes, underscores and slashes.
        width: The box's width in inches.
        height: The box's height in inches.
        size: The size to begin with, in points.
        smallest: The size below which the text is cut instead, in points; a box that is lower than such a line
            holds one smaller line.

    Returns:
        The text in the largest size that fits.

    Example:
        >>> fit("Domestic Affairs", width=0.8, height=1.0)
        Lettering(text='Domestic\nAffairs', size=9.0)
    """
    highest = height * 72 / LINE_HEIGHT
    trial, smallest = min(size, highest), min(smallest, highest)
    while trial >= smallest:
        lines = wrap(text, width=width, size=trial)
        tall = len(lines) * trial * LINE_HEIGHT / 72
        if tall <= height and all(width_of(line, trial) <= width for line in lines):
            return Lettering(text="\n".join(lines), size=trial)
        trial -= 0.5
    return Lettering(text=_cut(text, width=width, size=smallest), size=smallest)


def wrap(text: str, *, width: float, size: float) -> list[str]:
    """Break a text into lines, each as full as it can be.

    Args:
        text: What to write.
        width: The width of a line in inches; a piece without a place to break may be wider.
        size: The text's size in points.

    Returns:
        The lines.
    """
    lines = [""]
    for piece in _PIECE.findall(text):
        if lines[-1] and width_of((lines[-1] + piece).rstrip(), size) > width:
            lines.append("")
        lines[-1] += piece
    return [line.rstrip() for line in lines]


def _cut(text: str, *, width: float, size: float) -> str:
    while text and width_of(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip() + "…" if text else ""
