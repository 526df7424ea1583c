"""Several labels that all hold: which topics they leave absent, what they say of any view, and contradictions."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from hiercls.data.rows import Row
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.multilabels import ABSENT, PRESENT, UNKNOWN, Multilabels, resolve_multilabels


def row(*labels, **fields):
    return Row(text="…", labels=tuple(labels), **fields)


def labels_of(taxonomy, *rows) -> Multilabels:
    resolution = resolve_multilabels(taxonomy, rows)
    assert resolution.problems == ()
    return resolution.labels


@pytest.fixture(scope="module")
def wide(tiny: Taxonomy) -> Taxonomy:
    """The tiny world with a partial and an overlapping customer."""
    partial = {"customer": "part", "classes": {"AB": ["A", "B"], "D": "D"}, "partial": True}
    overlapping = {"customer": "over", "classes": {"AB": ["A", "B"], "BC": ["B", "C"], "Y": "Y"}, "overlapping": True}
    return tiny.with_customer(partial).with_customer(overlapping)


SAYINGS = [
    row(("topic", "A"), ("topic", "E")),
    row(("topic", "A"), ("topic", "E"), complete=()),
    row(("one", "ABC"), ("one", "EF")),
    row(("part", "AB")),
    row(("part", "D"), complete=()),
    row(("over", "AB"), ("over", "BC")),
    row(("over", "AB")),
    row(("one", "ABC"), ("two", "A")),
    row(("one", "ABC"), ("two", "A"), ("two", "BC"), complete=("one",)),
    row(complete=("part",)),
    row(complete=(None,)),
]


def test_the_truth_at_any_view_is_what_all_worlds_that_fit_the_labels_agree_on(wide: Taxonomy) -> None:
    """Enumerate the sets of topics that a document may have by its labels: a class holds if it does in all of them."""
    labels = labels_of(wide, *SAYINGS)
    for name in wide.views:
        view = wide.view(name)
        told = labels.truth(view.membership)
        for place, saying in enumerate(SAYINGS):
            fits = [held for held in map(set, _subsets(range(6))) if _fits(wide, saying, held)]
            assert fits
            for position, one in enumerate(view.classes):
                members = set(view.members(one).tolist())
                held = {bool(members & topics) for topics in fits}
                expected = UNKNOWN if len(held) > 1 else PRESENT if held == {True} else ABSENT
                assert told[place, position] == expected, (saying.labels, name, one)


def _subsets(topics):
    return [[t for t, is_in in zip(topics, bits, strict=True) if is_in] for bits in product([0, 1], repeat=len(topics))]


def _fits(taxonomy: Taxonomy, saying: Row, held: set[int]) -> bool:
    listed = {(view or "topic", name) for view, name in saying.labels}
    whole = {view for view, _ in listed} if saying.complete is None else {view or "topic" for view in saying.complete}
    for name in {view for view, _ in listed} | whole:
        view = taxonomy.view(name)
        for one in view.classes:
            holds = bool(set(view.members(one).tolist()) & held)
            if (name, one) in listed and not holds:
                return False
            if (name, one) not in listed and name in whole and holds:
                return False
    return True


def test_taking_documents_takes_what_they_say(wide: Taxonomy) -> None:
    labels, view = labels_of(wide, *SAYINGS, *SAYINGS), wide.view("one")
    order = np.random.default_rng(0).permutation(len(labels))
    assert len(labels.base_of) == len(SAYINGS)  # what is said twice is kept once
    np.testing.assert_array_equal(labels.take(order).truth(view.membership), labels.truth(view.membership)[order])
    assert labels.take(order).views == tuple(labels.views[place] for place in order)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (row(("one", "D"), ("two", "F")), "no topic is left of 'one:D', 'two:F'"),
        (row(("topic", "A"), ("topic", "D"), ("one", "ABC")), "no topic is left of 'topic:D'"),
        (row(("one", "AB")), "'AB' is no class of 'one'; write 'three:AB'"),
        (row(), "the row has no label"),
        (row(complete=()), "the row has no label"),
        (row(complete=("onn",)), "unknown view 'onn'"),
        (row(("one", "D"), customer="acme"), "unknown customer 'acme'"),
    ],
)
def test_rows_that_mean_nothing_are_problems(tiny: Taxonomy, bad: Row, said: str) -> None:
    resolution = resolve_multilabels(tiny, [row(("one", "D")), bad])
    assert resolution.kept.tolist() == [0]
    (problem,) = resolution.problems
    assert str(problem).startswith(f"at row 2: {said}")


def test_labels_of_several_views_that_are_not_complete_do_not_contradict_each_other(tiny: Taxonomy) -> None:
    labels = labels_of(tiny, row(("one", "D"), ("two", "F"), complete=()))
    assert labels.truth(tiny.view("topic").membership).tolist() == [[-1, -1, -1, 1, -1, 1]]


def test_arrays_hold_all_but_the_views(wide: Taxonomy) -> None:
    labels = labels_of(wide, *SAYINGS, SAYINGS[0])
    arrays = labels.to_arrays()
    again = Multilabels.from_arrays(arrays, n_topics=6)
    assert all(array.dtype in (np.int64, bool) for array in arrays.values())
    assert again.views == (frozenset(),) * len(labels)
    for name in wide.views:
        membership = wide.view(name).membership
        np.testing.assert_array_equal(again.truth(membership), labels.truth(membership))
    for name, array in again.to_arrays().items():
        np.testing.assert_array_equal(array, arrays[name])


@pytest.mark.parametrize("saying", [-1, 2])
def test_arrays_that_do_not_fit_are_refused(wide: Taxonomy, saying: int) -> None:
    arrays = labels_of(wide, *SAYINGS[:2]).to_arrays()
    with pytest.raises(ValueError, match="lists of labels of 7 topics"):
        Multilabels.from_arrays(arrays, n_topics=7)
    with pytest.raises(ValueError, match="lists of labels of 6 topics"):
        Multilabels.from_arrays({**arrays, "saying_of": np.array([0, saying])}, n_topics=6)
