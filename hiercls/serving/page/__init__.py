"""The explorer: the page at ``/``, with all that it needs beside it, so that it asks nothing of the network.

Knows three files; knows no model. The page asks the same routes as anybody.
"""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter, Response

router = APIRouter(include_in_schema=False)
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-cache",
    "Referrer-Policy": "no-referrer",
}


def _file(name: str, kind: str) -> Response:
    """One of the files."""
    content = files(__package__).joinpath(name).read_bytes()
    return Response(content, media_type=f"text/{kind}; charset=utf-8", headers=_HEADERS)


@router.get("/")
def explorer() -> Response:
    """The page."""
    return _file("explorer.html", "html")


@router.get("/explorer.js")
def script() -> Response:
    """What makes it work."""
    return _file("explorer.js", "javascript")


@router.get("/explorer.css")
def style() -> Response:
    """What it looks like."""
    return _file("explorer.css", "css")
