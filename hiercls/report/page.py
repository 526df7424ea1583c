"""A report as one HTML file: everything is inside it, and everything that comes from outside is escaped.

Knows jinja2 and plotly, through the extra ``report``; the words stand in ``page.html``.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterator
from importlib.resources import files

from hiercls.errors import require
from hiercls.explain.sheet import excerpt, printable
from hiercls.report import figures
from hiercls.report.contents import Contents

N_CHARACTERS = 400
"""How much of a document is shown."""


def render(contents: Contents) -> str:
    """Write the page.

    A policy in it forbids the browser to load anything, and to run any script but its own two.

    Args:
        contents: What it shows.

    Returns:
        HTML that needs nothing else.

    Raises:
        MissingExtraError: If jinja2 or plotly is not installed.
    """
    jinja2 = require("jinja2", extra="report")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False}
    environment.filters |= {"percent": figures.percent, "quoted": _quoted, "shade": _shade}
    scripts = [require("plotly.offline", extra="report").get_plotlyjs(), _file("page.js")]
    lowest = _lowest(contents)
    page: str = environment.from_string(_file("page.html")).render(
        contents=contents,
        lowest=lowest,
        colours=(figures.LOW, figures.MIDDLE, figures.HIGH, figures.UNKNOWN),
        figures=dict(_figures(contents, lowest=lowest)),
        style=_file("page.css"),
        scripts=scripts,
        hashes=[_hash(script) for script in scripts],
    )
    return page


def _figures(contents: Contents, *, lowest: float) -> Iterator[tuple[str, figures.Figure]]:
    """All figures by the id of their place on the page."""
    yield "ring", figures.ring(contents.sectors, lowest=lowest)
    for number, part in enumerate(contents.views):
        if part.is_decided:
            square = figures.squares(part.confusion)
            if square is not None:
                yield f"squares-{number}", square
            yield f"diagram-{number}", figures.diagram(part.reliability)
            yield f"curves-{number}", figures.curves(part.curves)
            if part.learning:
                yield f"learning-{number}", figures.learning(part.learning, union=part.scores.accuracy)


def _lowest(contents: Contents) -> float:
    """A whole tenth below every accuracy on the ring, which the lowest colour stands for; a half at most."""
    known = [sector.accuracy for sector in contents.sectors if not math.isnan(sector.accuracy)]
    return min(0.5, math.floor(10 * min(known, default=0.5) + 1e-9) / 10)


def _shade(accuracy: float, lowest: float) -> str:
    """The colour of an accuracy."""
    return figures.colour(accuracy, lowest=lowest)


def _quoted(text: str) -> str:
    """The beginning of a document, as it can be shown."""
    return printable(excerpt(text, n_characters=N_CHARACTERS)) or "(a document without text)"


def _file(name: str) -> str:
    """A file that stands beside this one."""
    return files(__package__ or "hiercls.report").joinpath(name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """What a content security policy calls a script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
