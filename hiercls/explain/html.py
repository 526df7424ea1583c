"""A sheet as HTML: a fragment for notebooks, a page for files.

Everything that comes from outside is escaped, and nothing is loaded from anywhere.
"""

from __future__ import annotations

from html import escape
from itertools import zip_longest

from hiercls.explain.sheet import Panel, Sheet

_STYLE = (
    ".hiercls{font:14px/1.5 system-ui,sans-serif;max-width:60em}"
    ".hiercls table{border-collapse:collapse;margin:1em 0}"
    ".hiercls th{text-align:left;padding:0 1em 0 0}"
    ".hiercls th+th{font-weight:400;opacity:.7}"
    ".hiercls td{text-align:left;padding:.1em 1em .1em 0;vertical-align:top;font-variant-numeric:tabular-nums}"
    ".hiercls .text{white-space:pre-wrap;overflow-wrap:anywhere;border-left:3px solid #8884;padding-left:1em}"
    ".hiercls mark{color:inherit;border-radius:.2em}"
    ".hiercls .bar{display:inline-block;height:.7em;background:rgb(59,125,216)}"
)
_FOR, _AGAINST = "59,125,216", "230,130,30"


def page(sheet: Sheet) -> str:
    """A whole page.

    Args:
        sheet: What is shown.

    Returns:
        HTML that needs nothing else.
    """
    title = escape(f"{sheet.title} {sheet.subtitle}")
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{fragment(sheet)}</body></html>\n'


def fragment(sheet: Sheet) -> str:
    """A sheet as one element, with its style.

    Args:
        sheet: What is shown.

    Returns:
        HTML.

    Example:
        >>> sheet = Sheet(title="A<b>", subtitle="at one", pieces=(("x & y", 0.0),), panels=())
        >>> fragment(sheet).partition("</style>")[2]
        '<p><strong>A&lt;b&gt;</strong> at one</p><div class="text">x &amp; y</div></div>'
    """
    head = f"<p><strong>{escape(sheet.title)}</strong> {escape(sheet.subtitle)}</p>"
    text = "".join(_piece(piece, strength) for piece, strength in sheet.pieces)
    tables = "".join(map(_table, sheet.panels))
    return f'<div class="hiercls"><style>{_STYLE}</style>{head}<div class="text">{text}</div>{tables}</div>'


def _piece(piece: str, strength: float) -> str:
    """A piece of text, on the colour of what it speaks for."""
    if strength == 0:
        return escape(piece)
    colour = _FOR if strength > 0 else _AGAINST
    return f'<mark style="background:rgba({colour},{0.6 * abs(strength):.2f})">{escape(piece)}</mark>'


def _table(panel: Panel) -> str:
    """A table."""
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in (panel.caption, *panel.columns))
    lines = []
    for row, bar in zip_longest(panel.rows, panel.bars):
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in row)
        drawn = "" if bar is None else f'<td><span class="bar" style="width:{10 * bar:.2f}em"></span></td>'
        lines.append(f"<tr>{cells}{drawn}</tr>")
    return f"<table><tr>{heads}</tr>{''.join(lines)}</table>"
