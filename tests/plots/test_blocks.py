"""A view as blocks."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiercls.plots.blocks import PALETTE, Block, blocks_of, colours_of
from hiercls.taxonomy import View

TOPICS = tuple("ABCDEF")


@st.composite
def views(draw):
    sets = draw(st.lists(st.sets(st.integers(0, 5), min_size=1), min_size=1, max_size=5))
    members = {f"k{index}": sorted(found) for index, found in enumerate(sets)}
    return View.from_members("v", topics=TOPICS, members=members)


@given(views())
def test_blocks_say_what_the_membership_says(view):
    blocks = blocks_of(view, TOPICS)
    for row, name in itertools.product(range(6), view.classes):
        held = [block for block in blocks if block.name == name and block.first <= row <= block.last]
        assert len(held) == view.membership[row, view.index(name)]
    for row in range(6):
        beside = [block for block in blocks if block.first <= row <= block.last]
        assert [block.lane for block in sorted(beside, key=lambda block: block.lane)] == list(range(beside[0].n_lanes))
        assert (beside[0].name is None) == (not view.scope[row])


@given(views())
def test_blocks_are_as_tall_as_they_can_be(view):
    blocks = blocks_of(view, TOPICS)
    for above, below in itertools.permutations(blocks, 2):
        same = (above.name, above.lane, above.n_lanes) == (below.name, below.lane, below.n_lanes)
        assert not (same and above.last + 1 == below.first)


def test_partial_and_overlapping_side_by_side():
    view = View.from_members("v", topics="ABCD", members={"AB": [0, 1], "B": [1], "D": [3]})
    assert blocks_of(view, "ABCD") == [
        Block(name="AB", first=0, last=0),
        Block(name="AB", first=1, last=1, lane=0, n_lanes=2),
        Block(name="B", first=1, last=1, lane=1, n_lanes=2),
        Block(name=None, first=2, last=2),
        Block(name="D", first=3, last=3),
    ]


def test_one_colour_a_class_and_all_different():
    view = View.from_members("v", topics="ABC", members={"AC": [0, 2], "B": [1]})
    blocks = blocks_of(view, "ABC")
    assert list(colours_of(blocks)) == ["AC", "B"]
    many = [Block(name=str(index), first=index, last=index) for index in range(len(PALETTE))]
    assert len(set(colours_of(many).values())) == len(PALETTE)


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("fill", PALETTE)
def test_names_are_readable_on_every_fill(fill):
    from hiercls.plots.taxonomy import INK

    assert (luminance(fill) + 0.05) / (luminance(INK) + 0.05) >= 4.5
