"""What is shown of an explanation, whatever it is drawn on: pieces of text and tables of words.

Knows strings and strengths; knows no model, no terminal and no HTML. What cannot be printed is replaced here, once.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A table.

    Args:
        caption: What it is about, which heads the first column.
        columns: What heads the other columns, all of them numbers or names.
        rows: Cells, as many a row as columns and one.
        tones: For each row what it speaks: above 0 for the class, below against it, 0 neither.
        bars: For each row the length of a bar, 0 to 1; empty: there are none.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    tones: tuple[float, ...]
    bars: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """All that is shown.

    Args:
        title: The class.
        subtitle: The view and the probability.
        pieces: The text in pieces, each with its strength from −1 (against the class) to 1 (for it).
        panels: The tables.
    """

    title: str
    subtitle: str
    pieces: tuple[tuple[str, float], ...]
    panels: tuple[Panel, ...]


def excerpt(text: str, *, n_characters: int = 160) -> str:
    r"""The beginning of a text on one line.

    Args:
        text: The text.
        n_characters: How much of it.

    Returns:
        The beginning, with an ellipsis where there is more.

    Example:
        >>> excerpt("Dear all,\n  what a day", n_characters=12)
        'Dear all, w…'
    """
    read = text[: 4 * n_characters]
    line = " ".join(read.split())
    return line if len(line) <= n_characters and len(read) == len(text) else f"{line[: n_characters - 1]}…"


def printable(text: str) -> str:
    r"""A text whose control characters are shown instead of obeyed; new lines stay.

    Args:
        text: The text.

    Returns:
        The same, with a replacement character for whatever cannot be printed.

    Example:
        >>> printable("a\x1b[2Jb\tc")
        'a�[2Jb c'
    """
    plain = text.replace("\r\n", "\n").replace("\t", " ").replace("\N{NO-BREAK SPACE}", " ")
    return "".join(
        letter if letter == "\n" or letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in plain
    )
