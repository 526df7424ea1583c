"""What is drawn: nothing is taken for markup, nothing moves the cursor, and everything that was found stands there."""

from __future__ import annotations

import io
from html.parser import HTMLParser

import pytest
from rich.console import Console

from hiercls.explain import Explanation
from hiercls.explain.duel import Duel, TermWeight
from hiercls.explain.neighbours import Neighbour
from hiercls.explain.result import TopicPart, WordEffect

EVIL = "<script>alert('1')</script>\"&\x1b[2J[bold]x[/bold]\u202e"


@pytest.fixture
def evil() -> Explanation:
    """Every string that comes from outside is one."""
    return Explanation(
        text=EVIL,
        view=EVIL,
        answer=EVIL,
        probability=0.5,
        topics=(TopicPart(topic=EVIL, probability=0.5, share=1.0),),
        words=(WordEffect(word=EVIL, spans=((0, len(EVIL)),), effect=-1.5),),
        n_words=1,
        duel=Duel(topic=EVIL, rival=EVIL, encoder=0.25, mix=0.0, terms=(TermWeight(term=EVIL, weight=0.5),)),
        neighbours=(Neighbour(text=EVIL, labels=(EVIL,), similarity=0.75, place=0),),
        n_documents=1,
    )


class Tags(HTMLParser):
    """Collects the elements and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.said = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag != "meta":
            self.open.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on") or name in {"src", "href"}]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.said += data


@pytest.mark.parametrize("whole", [False, True])
def test_script_tags_come_out_escaped(evil: Explanation, whole: bool) -> None:
    page = evil.to_html() if whole else evil._repr_html_()
    parser = Tags()
    parser.feed(page)
    assert parser.open == []
    assert "script" not in parser.tags
    assert "mark" in parser.tags
    assert parser.said.count("<script>alert('1')</script>\"&") == 10 + 2 * whole
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_the_terminal_obeys_nothing_that_a_text_says(evil: Explanation) -> None:
    out = io.StringIO()
    Console(file=out, force_terminal=True, color_system="256", width=400).print(evil)
    said = out.getvalue()
    assert "\x1b[2J" not in said
    assert "\u202e" not in said
    assert said.count("�[2J[bold]x[/bold]�") == 10
    assert "\x1b[1;" in said  # colours
    assert "\x1b" not in str(evil)


def test_everything_that_was_found_is_shown() -> None:
    found = Explanation(
        text="red sea\nblue",
        view="one",
        answer="ABC",
        probability=0.875,
        topics=(
            TopicPart(topic="A", probability=0.75, share=6 / 7),
            TopicPart(topic="B", probability=0.125, share=1 / 7),
        ),
        words=(
            WordEffect(word="red", spans=((0, 3),), effect=1.25),
            WordEffect(word="blue", spans=((8, 12),), effect=-0.5),
            WordEffect(word="sea", spans=((4, 7),), effect=0.001),
        ),
        n_words=3,
        duel=Duel(
            topic="A",
            rival="D",
            encoder=0.5,
            mix=-0.25,
            terms=tuple(TermWeight(term=f"t{n}", weight=1 / 2**n) for n in range(12)),
        ),
        neighbours=(Neighbour(text="red  hen", labels=("one:ABC",), similarity=0.5, place=3),),
        n_documents=1200,
    )
    said = str(found)
    lines = [line.split() for line in said.splitlines()]
    assert lines[0] == ["ABC", "at", "one:", "0.875"]
    assert ["A", "0.750", "85.7%", "█" * 17] in lines
    assert ["red", "+1.25"] in lines
    assert ["blue", "-0.50"] in lines
    assert not [line for line in lines if line[:1] == ["sea"] and len(line) == 2]
    assert ["2", "more", "words", "+0.00"] in lines
    assert ["together", "+2.25"] in lines
    assert ["the", "mix", "of", "topics", "-0.25"] in lines
    assert ["red", "hen", "0.50", "one:ABC"] in lines
    assert "nearest of 1,200 documents" in said
    assert "red sea\nblue" in said
    page = found.to_html()
    assert "<td>together</td><td>+2.25</td>" in page
    assert 'rgba(59,125,216,0.60)">red</mark> <mark' in page
    assert 'rgba(230,130,30,0.24)">blue</mark>' in page
