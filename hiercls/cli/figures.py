"""Where figures go: which files they may be, and how they are written.

Knows files and matplotlib's figures; nothing of what is drawn.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hiercls.cli.app import note, warn
from hiercls.errors import ConfigError, require
from hiercls.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES = (".svg", ".png", ".pdf")


def check_figure(path: Path) -> None:
    """Find out before any work that a figure can be drawn.

    Args:
        path: Where it should go.

    Raises:
        ConfigError: If the file's ending is that of no figure.
        MissingExtraError: If matplotlib is not installed.
    """
    require("matplotlib", extra="plots")
    if path.suffix.lower() not in FIGURES:
        raise ConfigError(f"expected a figure that ends in {' or '.join(FIGURES)}, got '{path}'")


def write_figure(draw: Callable[[], Figure], path: Path) -> None:
    """Draw a figure and write it, whole or not at all; characters that no font draws are said on stderr.

    Args:
        draw: Draws it.
        path: Where it goes; its ending says as what.
    """
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("default")
        figure = draw()
        with replacing(path) as aside:
            figure.savefig(aside, format=path.suffix[1:].lower(), dpi=200)
    n_missing = len({str(warning.message) for warning in said if str(warning.message).startswith("Glyph ")})
    if n_missing:
        warn(f"no installed font draws {n_missing} of the characters; install one that does, such as Noto Sans CJK")
    note(f"wrote {path}")
