"""A sheet on a terminal, in colour where there is any.

Knows rich; what a text says is never taken for markup.
"""

from __future__ import annotations

from itertools import zip_longest

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from hiercls.explain.sheet import Panel, Sheet

FOR, AGAINST = "bold blue", "bold dark_orange3"
"""Two colours that are told apart by people who see no red or no green."""
FAINT = 0.1
"""Pieces of text of less strength are left plain."""
BAR = 20
"""Characters of the longest bar."""


def drawn(sheet: Sheet) -> Group:
    """A sheet, part below part.

    Args:
        sheet: What is shown.

    Returns:
        What rich prints.
    """
    head = Text.assemble((sheet.title, "bold"), f" {sheet.subtitle}")
    text = Text()
    for piece, strength in sheet.pieces:
        text.append(piece, style=_style(strength) if abs(strength) > FAINT else "")
    parts: list[RenderableType] = [head, Text(), text]
    for panel in sheet.panels:
        parts += [Text(), _table(panel)]
    return Group(*parts)


def _table(panel: Panel) -> Table:
    """A table without lines."""
    table = Table(box=None, pad_edge=False)
    table.add_column(Text(panel.caption), header_style="bold")
    for column in (*panel.columns, *([""] if panel.bars else [])):
        table.add_column(Text(column), header_style="dim")
    for (first, *others), tone, bar in zip_longest(panel.rows, panel.tones, panel.bars):
        cells = [Text(first), *(Text(cell, style=_style(tone)) for cell in others)]
        table.add_row(*cells, *([] if bar is None else [Text("█" * round(BAR * bar), style=FOR)]))
    return table


def _style(tone: float) -> str:
    """The colour of what speaks for or against."""
    if tone == 0:
        return ""
    return FOR if tone > 0 else AGAINST
