"""Suggestions for misspelt names, within a bound on the time they take.

Knows names only.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from hiercls.errors import nearest

MAX_COMPARED = 50_000
"""How many names are compared in search of suggestions for misspelt ones, in all: a search is slow."""

MAX_SHOWN = 80
"""How many characters of a wrong name are shown: a document that stands where a label should may be long."""


def shortened(name: str) -> str:
    """A name as it is shown in a message.

    Args:
        name: Any text that stood where a name should.

    Returns:
        The name; only its beginning where it is long.

    Example:
        >>> shortened("A"), len(shortened("A" * 1000))
        ('A', 80)
    """
    return name if len(name) <= MAX_SHOWN else f"{name[: MAX_SHOWN - 1]}…"


@dataclass(slots=True)
class Hints:
    """Finds the nearest legal names, until so many names have been compared that it would take long.

    Args:
        left: How many names may still be compared.

    Example:
        >>> Hints().nearest("Sprots", ["Sport", "Science"])
        "did you mean 'Sport'?"
    """

    left: int = MAX_COMPARED

    def nearest(self, name: str, legal: Sequence[str]) -> str | None:
        """A hint with the nearest legal names; none where the search has become too long."""
        self.left -= len(legal)
        return nearest(name, legal) if self.left >= 0 else None

    def closest(self, name: str, legal: Sequence[str]) -> str | None:
        """The legal name nearest to a misspelt one, if any is near."""
        self.left -= len(legal)
        close = difflib.get_close_matches(name, legal, n=1, cutoff=0.6) if self.left >= 0 else []
        return close[0] if close else None
