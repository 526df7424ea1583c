"""Suggestions for wrong names: how many are searched for, and how much of a name is shown."""

from __future__ import annotations

import pytest

from hiercls.taxonomy.hints import MAX_SHOWN, Hints, shortened


@pytest.mark.parametrize("search", ["nearest", "closest"])
def test_no_more_names_are_compared_than_may_be(search):
    hints = Hints(left=5)
    assert [getattr(hints, search)("Sprots", ["Sport", "Science"]) is None for _ in range(3)] == [False, False, True]
    exact = Hints(left=2)
    assert getattr(exact, search)("Sprots", ["Sport", "Science"]) is not None


def test_a_name_of_80_characters_is_shown_whole():
    assert shortened("a" * MAX_SHOWN) == "a" * MAX_SHOWN
    assert shortened("a" * (MAX_SHOWN + 1)) == "a" * (MAX_SHOWN - 1) + "…"
