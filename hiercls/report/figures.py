"""The report's figures as plotly reads them: plain data, which the page draws.

Knows scores and sectors; knows no HTML. plotly takes some tags in a text for itself, so every name is escaped here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

import numpy as np

from hiercls.metrics import Reliability, RiskCoverage
from hiercls.plots import Confusion
from hiercls.plots.canvas import BLUE, GREY, INK, LINE
from hiercls.report.sectors import Sector

Figure = dict[str, Any]
"""``data`` and ``layout``, as ``Plotly.newPlot`` takes them."""

LOW, MIDDLE, HIGH, UNKNOWN = "#D0702F", "#F4F1EA", "#3B78BD", "#E3E6EA"
"""The colours of low, middling, high and unknown accuracy; told apart in all forms of colour blindness."""

MOST_SECTORS, MOST_CELLS, NUMBERED = 1_200, 120, 25
"""Sectors that a ring can show; classes that a square can show, and those that it can show with numbers."""

LONGEST = 26
"""Characters of a name beside a square."""

LEAST, N_DRAWN = 0.01, 300
"""As in ``plots``: the least coverage that is drawn; points of a line, more could not be told apart."""


def ring(sectors: Sequence[Sector], *, lowest: float) -> Figure:
    """The sectors as rings, coloured by accuracy.

    Args:
        sectors: Parents before children; of too many, the deepest are left out.
        lowest: The accuracy of the lowest colour.

    Returns:
        The figure.
    """
    depth = max((len(sector.path) for sector in sectors), default=0)
    while len(sectors) > MOST_SECTORS and depth > 1:
        depth -= 1
        sectors = [sector for sector in sectors if len(sector.path) <= depth]
    return {
        "data": [
            {
                "type": "sunburst",
                "ids": [_id(sector.path) for sector in sectors],
                "parents": [_id(sector.path[:-1]) for sector in sectors],
                "labels": [escape(sector.name) for sector in sectors],
                "values": [sector.n_topics for sector in sectors],
                "text": [percent(sector.accuracy, unknown="") for sector in sectors],
                "hovertext": [_told(sector) for sector in sectors],
                "marker": {
                    "colors": [colour(sector.accuracy, lowest=lowest) for sector in sectors],
                    "line": {"color": "#FFFFFF", "width": 1.5},
                },
                "leaf": {"opacity": 1},
                "branchvalues": "total",
                "sort": False,
                "textinfo": "label+text",
                "hoverinfo": "text",
                "insidetextorientation": "auto",
                "insidetextfont": {"color": INK},
            }
        ],
        "layout": {"margin": {"t": 4, "r": 4, "b": 4, "l": 4}},
    }


def squares(found: Confusion) -> Figure | None:
    """What is taken for what, the blocks of the hierarchy framed; None where there are too many classes to see.

    Args:
        found: The counts.

    Returns:
        The figure.
    """
    n_classes = len(found.classes)
    if n_classes > MOST_CELLS:
        return None
    shares = found.counts / np.maximum(found.counts.sum(axis=1, keepdims=True), 1)
    names = [escape(shortened(name)) for name in found.classes]
    ends = [-0.5, n_classes - 0.5]
    axis = {"tickvals": list(range(n_classes)), "ticktext": names}
    hover = [
        [
            f"{escape(true)}<br>answered as {escape(said)}<br>{found.counts[row, column]:,} documents, "
            f"{percent(shares[row, column])}"
            for column, said in enumerate(found.classes)
        ]
        for row, true in enumerate(found.classes)
    ]
    return {
        "data": [
            {
                "type": "heatmap",
                "z": np.sqrt(shares).round(4).tolist(),  # the square root lets a few percent be seen
                "text": [[f"{100 * share:.0f}" if share >= 0.005 else "" for share in row] for row in shares],
                "texttemplate": "%{text}" if n_classes <= NUMBERED else "",
                "hovertext": hover,
                "hoverinfo": "text",
                "colorscale": [[0, "#FFFFFF"], [1, BLUE]],
                "zmin": 0,
                "zmax": 1,
                "showscale": False,
                "xgap": 1,
                "ygap": 1,
            }
        ],
        "layout": {
            "xaxis": {**axis, "range": ends, "tickangle": -90, "side": "top"},
            "yaxis": {**axis, "range": ends[::-1]},
            "shapes": _frames(found.groups),
        },
    }


def diagram(bins: Reliability) -> Figure:
    """What was promised beside what came true.

    Args:
        bins: The bins.

    Returns:
        The figure.
    """
    told = [
        f"said {percent(said)}, right {percent(right)}<br>{count:,} documents"
        for count, said, right in zip(bins.count.tolist(), bins.confidence, bins.accuracy, strict=True)
    ]
    diagonal = {"x": [0, 1], "y": [0, 1], "mode": "lines", "line": {"color": GREY, "dash": "dot"}, "hoverinfo": "skip"}
    points = {
        "x": bins.confidence.round(4).tolist(),
        "y": bins.accuracy.round(4).tolist(),
        "mode": "lines+markers",
        "line": {"color": BLUE, "width": 2},
        "marker": {"size": 6},
        "hovertext": told,
        "hoverinfo": "text",
    }
    return {"data": [diagonal, points], "layout": _shares("probability that was said", "of it right")}


def curves(named: Mapping[str, RiskCoverage]) -> Figure:
    """How often answers are wrong, by how much is answered.

    Args:
        named: Two at most, by what is done with uncertain documents.

    Returns:
        The figure.
    """
    lines, highest = [], 0.05
    for (name, curve), ink in zip(named.items(), (BLUE, GREY), strict=False):
        drawn = np.flatnonzero(curve.coverage >= min(LEAST, curve.coverage.max(initial=0.0)))
        drawn = drawn[np.unique(np.linspace(0, len(drawn) - 1, N_DRAWN).astype(int))] if len(drawn) else drawn
        coverage, risk = curve.coverage[drawn], curve.risk[drawn]
        highest = max(highest, float(risk.max(initial=0.0)))
        told = [f"{percent(x)} answered<br>{percent(y)} of it wrong" for x, y in zip(coverage, risk, strict=True)]
        lines.append(
            {
                "name": escape(name),
                "x": coverage.round(4).tolist(),
                "y": risk.round(4).tolist(),
                "mode": "lines",
                "line": {"color": ink, "width": 2},
                "hovertext": told,
                "hoverinfo": "text",
            }
        )
    layout = _shares("how much is answered", "of it wrong", high=math.ceil(20 * highest - 1e-9) / 20)
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    return {"data": lines, "layout": {**layout, "showlegend": len(lines) > 1, "legend": legend}}


def learning(by_size: Mapping[int, float], *, union: float) -> Figure:
    """How right own data alone is, by how many documents it has, and how right the one model is.

    Args:
        by_size: Accuracy by the number of own documents, rising.
        union: The one model's accuracy.

    Returns:
        The figure.
    """
    sizes, ends = list(by_size), [min(by_size), max(by_size)]
    own = {
        "name": "own data alone",
        "x": sizes,
        "y": [round(one, 4) for one in by_size.values()],
        "mode": "lines+markers",
        "line": {"color": GREY, "width": 2},
        "marker": {"size": 6},
        "hovertext": [f"{size:,} own documents<br>{percent(one)} right" for size, one in by_size.items()],
        "hoverinfo": "text",
    }
    model = {
        "name": "the model",
        "x": ends,
        "y": [round(union, 4)] * 2,
        "mode": "lines" if ends[0] < ends[1] else "markers",
        "line": {"color": BLUE, "width": 2},
        "hovertext": [f"the model<br>{percent(union)} right"] * 2,
        "hoverinfo": "text",
    }
    layout = _shares("own training documents", "right")
    across = {**layout["xaxis"], "type": "log", "tickformat": ",", "tickvals": sizes, "range": _decades(*ends)}
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    return {"data": [model, own], "layout": {**layout, "xaxis": across, "showlegend": True, "legend": legend}}


def _decades(first: int, last: int) -> list[float]:
    """The ends of a logarithmic axis, with some room."""
    return [math.log10(first) - 0.1, math.log10(last) + 0.1]


def colour(accuracy: float, *, lowest: float) -> str:
    """The colour of an accuracy, from ``lowest`` to 1.

    Args:
        accuracy: From 0 to 1; NaN: it is not known.
        lowest: The accuracy of the lowest colour, below 1.

    Returns:
        A colour.

    Example:
        >>> colour(1.0, lowest=0.5), colour(0.75, lowest=0.5), colour(float("nan"), lowest=0.5)
        ('#3b78bd', '#f4f1ea', '#E3E6EA')
    """
    if math.isnan(accuracy):
        return UNKNOWN
    place = 2 * max(0.0, accuracy - lowest) / (1 - lowest)
    first, second, part = (LOW, MIDDLE, place) if place < 1 else (MIDDLE, HIGH, place - 1)
    ends = [[int(one[start : start + 2], 16) for start in (1, 3, 5)] for one in (first, second)]
    return "#" + "".join(f"{round(a + part * (b - a)):02x}" for a, b in zip(*ends, strict=True))


def percent(share: float, *, unknown: str = "–") -> str:
    """A share in words.

    Args:
        share: From 0 to 1; NaN: it is not known.
        unknown: What is said then.

    Returns:
        Such as ``84.6 %``.
    """
    return unknown if math.isnan(share) else f"{100 * share:.1f} %"


def shortened(name: str) -> str:
    """A name that is short enough to stand beside a figure."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def _id(path: tuple[str, ...]) -> str:
    """A path as one string that no other path has."""
    return "".join(f"{len(name)}:{name}" for name in path)


def _told(sector: Sector) -> str:
    """What is said of a sector that is pointed at."""
    topics = f"{sector.n_topics:,} topic{'s' * (sector.n_topics != 1)}"
    if math.isnan(sector.accuracy):
        return f"<b>{escape(sector.name)}</b><br>{topics}<br>no labelled document"
    return (
        f"<b>{escape(sector.name)}</b><br>{topics}<br>{percent(sector.accuracy)} of {sector.n_documents:,} documents "
        "right"
    )


def _frames(groups: Sequence[str | None]) -> list[dict[str, Any]]:
    """A frame around the classes of each group."""
    frames, place = [], 0
    for group, members in groupby(groups):
        first, place = place, place + len(list(members))
        if group is not None:
            ends = {"x0": first - 0.5, "x1": place - 0.5, "y0": first - 0.5, "y1": place - 0.5}
            frames.append({"type": "rect", **ends, "line": {"color": INK, "width": 1}})
    return frames


def _shares(across: str, upwards: str, *, high: float = 1.0) -> dict[str, Any]:
    """Axes of shares."""
    common = {"tickformat": ".0%", "zeroline": False, "gridcolor": LINE, "nticks": 6}
    return {
        "xaxis": {**common, "title": {"text": across}, "range": [0, 1.02]},
        "yaxis": {**common, "title": {"text": upwards}, "range": [0, 1.02 * high]},
        "showlegend": False,
    }
