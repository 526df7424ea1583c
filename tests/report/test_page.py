"""The page: one file, that loads nothing, in which everything that comes from outside is text."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import math
import re
import shutil
import subprocess
from html import escape
from html.parser import HTMLParser

import numpy as np
import pytest

from hiercls.metrics import evaluate_view
from hiercls.report import render
from hiercls.taxonomy import Taxonomy

pytest.importorskip("plotly")
CHROMIUM = shutil.which("chromium")


class Page(HTMLParser):
    """The elements of a page, its text, and what its scripts and styles hold."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.raw: list[tuple[str, str]] = []
        self.text = ""
        self._inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, tuple(name for name, _ in attributes)))
        self.attributes += [(tag, name, value or "") for name, value in attributes]
        self._inside = tag
        if tag in {"script", "style"}:
            self.raw.append((tag, ""))

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside in {"script", "style"}:
            self.raw[-1] = (self._inside, self.raw[-1][1] + data)
        else:
            self.text += data

    @property
    def figures(self):
        return json.loads(self.raw[1][1])


EVIL = (
    '<script>alert("{0}")</script>',
    "</script><img src=x onerror=alert('{0}')>",
    "<b>{0}</b> & <a href='//x'>{{{{ 7*7 }}}}",
)


def renamed(tiny: Taxonomy, *, evil: bool) -> Taxonomy:
    """The tiny world under names that would be code, were they not escaped; or under as many that are harmless."""
    olds = [*tiny.hierarchy.nodes, *tiny.customers]
    olds += [f"{customer}:{name}" for customer in tiny.customers for name in tiny.view(customer).classes]
    told = [old.replace(":", " ") for old in olds]
    names = [EVIL[place % 3].format(name) if evil else f"the {name}" for place, name in enumerate(told)]
    data = tiny.renamed(dict(zip(olds, names, strict=True))).to_dict()
    return Taxonomy.from_dict({**data, "name": "<svg onload=alert(0)>" if evil else "harmless"})


def test_names_and_documents_are_text_wherever_they_stand(tiny, contents_of):
    evil, plain = (renamed(tiny, evil=evil) for evil in (True, False))
    text = "</script><script>alert(1)</script><!-- {% raw %}"
    page, harmless = Page(render(contents_of(evil, text=text))), Page(render(contents_of(plain)))
    assert page.tags == harmless.tags
    for name in (
        evil.name,
        *evil.topics,
        *evil.customers,
        *(evil.view(one).classes[0] for one in evil.customers),
        text,
    ):
        assert name in page.text
    (ring,) = page.figures["ring"]["data"]
    assert ring["labels"] == [
        escape(node) for node in evil.hierarchy.nodes
    ]  # a tree: every node once, and plotly takes no tag for its own


def test_nothing_is_loaded_from_anywhere(contents):
    page = Page(render(contents))
    for tag, name, value in page.attributes:
        assert name not in {"src", "srcset", "action", "data", "poster"}, (tag, name)
        assert name != "href" or value.startswith("#"), value
        assert "url(" not in value
    assert not {"link", "img", "iframe", "object", "base", "form"} & {tag for tag, _ in page.tags}
    for tag, text in page.raw:
        assert tag != "style" or not re.search(r"url\(|@import", text)


def test_the_browser_may_run_the_pages_own_scripts_alone(contents):
    page = Page(render(contents))
    (policy,) = [value for tag, name, value in page.attributes if name == "content" and "script-src" in value]
    scripts = [text for tag, text in page.raw if tag == "script"][1:]  # the first is data
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    assert re.findall(r"'sha256-([^']+)'", policy) == hashes
    assert policy.startswith("default-src 'none';")
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]


def test_every_figure_has_a_place_with_words_and_every_table_header_a_scope(contents):
    page = Page(render(contents))
    places = {value for tag, name, value in page.attributes if (tag, name) == ("div", "id")}
    assert places == set(page.figures)
    assert len(places) == 1 + 3 * len(contents.views) + len(contents.customers)
    assert {f"learning-{contents.views.index(part)}" for part in contents.customers} < places
    for tag, names in page.tags:
        assert tag != "div" or "id" not in names or {"role", "aria-label"} <= set(names)
        assert tag != "th" or "scope" in names
    assert ("html", "lang", "en") in page.attributes


def test_numbers_on_the_page_are_those_of_the_contents(contents):
    page = Page(render(contents))
    for part in contents.views:
        assert f"{100 * part.scores.accuracy:.1f} % right" in page.text
        number = contents.views.index(part)
        (cells,) = page.figures[f"squares-{number}"]["data"]
        counts = part.confusion.counts
        shares = counts / counts.sum(axis=1, keepdims=True).clip(1)
        assert np.square(cells["z"]) == pytest.approx(shares, abs=1e-3)
    known = [sector for sector in contents.sectors if not math.isnan(sector.accuracy)]
    texts = page.figures["ring"]["data"][0]["text"]
    assert [text for text in texts if text] == [f"{100 * sector.accuracy:.1f} %" for sector in known]


def test_a_view_that_no_label_decides_is_said_to_be_so(tiny, contents):
    part = contents.views[1]
    empty = dataclasses.replace(part, scores=evaluate_view(part.view, np.zeros(2, int), np.full(2, -1)))
    page = Page(render(dataclasses.replace(contents, views=[contents.views[0], empty])))
    assert "no label decides it" in page.text
    assert set(page.figures) == {"ring", "squares-0", "diagram-0", "curves-0"}


@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")
def test_a_browser_draws_it_and_names_stay_text(tiny, contents_of, tmp_path):
    taxonomy = renamed(tiny, evil=True)
    file = tmp_path / "report.html"
    file.write_text(render(contents_of(taxonomy, text=EVIL[0])), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1280,900", "--virtual-time-budget=4000"]
    command = [str(CHROMIUM), *options, f"--user-data-dir={tmp_path}", "--dump-dom", file.as_uri()]
    drawn = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    svg = drawn[drawn.index('class="plot') :]
    assert svg.count('class="main-svg"') >= 1 + 3 * len(taxonomy.views)
    ring = svg[svg.index('id="ring"') : svg.index('id="squares-0"')]
    said = " ".join(re.sub(r"<[^>]*>", "", text) for text in re.findall(r"<text[^>]*slicetext.*?</text>", ring))
    assert escape("<script>alert(", quote=False) in said
    for tag in ("<script>alert", "<img", "<a href='", "<b>B"):
        assert tag not in svg.split('<script type="application/json"')[0]
