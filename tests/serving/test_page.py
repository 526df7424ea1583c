"""The explorer's files: served with a policy that lets nothing in from elsewhere, and written so that it can hold."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

FILES = {"/": "html", "/explorer.js": "javascript", "/explorer.css": "css"}


@pytest.fixture
def page(serve, tokens):
    """What each file says; no token is needed."""
    client = serve(tokens=tokens)
    return {path: client.get(path) for path in FILES}


def test_the_files_are_served_under_a_strict_policy(page):
    for path, response in page.items():
        assert response.status_code == 200
        assert response.headers["content-type"] == f"text/{FILES[path]}; charset=utf-8"
        policy = dict(part.strip().split(" ", 1) for part in response.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"


def test_nothing_comes_from_the_network_and_nothing_is_inline(page):
    for response in page.values():
        assert not re.search(r"https?://|//cdn|@import|url\(", response.text)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon[a-z]+=", page["/"].text)


def test_what_comes_from_outside_is_never_markup(page):
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", page["/explorer.js"].text)


def test_every_field_has_a_label_and_every_part_that_the_script_names_is_there(page):
    html, script = page["/"].text, page["/explorer.js"].text
    ids = re.findall(r'\bid="([\w-]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'element\("([\w-]+)"\)', script)) <= set(ids)
    fields = re.findall(r'<(?:input|textarea)[^>]*\bid="([\w-]+)"', html)
    assert fields
    assert set(fields) <= set(re.findall(r'<label for="([\w-]+)"', html))
    named = re.findall(r'aria-(?:labelledby|describedby)="([\w-]+)"', html)
    assert set(named) <= set(ids)


def luminance(colour):
    """The relative luminance of ``#rrggbb``, as WCAG defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_text_stands_out_by_day_and_by_night(page):
    schemes = re.findall(r":root \{(.*?)\}", page["/explorer.css"].text, re.DOTALL)
    assert len(schemes) == 2
    for scheme in schemes:
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", scheme))
        for ink, paper in [(i, p) for i in ("ink", "faint", "accent", "wrong") for p in ("paper", "panel")]:
            dark, light = sorted(luminance(colours[name]) for name in (ink, paper))
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, paper)


def test_the_files_lie_in_the_package():
    assert {one.name for one in files("hiercls.serving.page").iterdir()} >= {
        "explorer.html", "explorer.js", "explorer.css"
    }  # fmt: skip
