"""Views obey their algebra; slow loops say what the matrices must hold."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from hiercls.errors import ConfigError
from hiercls.taxonomy import View

TOPICS = ("A", "B", "C", "D")


def view(name="v", **members):
    return View.from_members(
        name, topics=TOPICS, members={key: map(TOPICS.index, found) for key, found in members.items()}
    )


PARTITION = view(AB="AB", CD="CD")
OTHER = view("w", A="A", BC="BC", D="D")
PARTIAL = view("p", AB="AB", C="C")
OVERLAPPING = view("o", AB="AB", BCD="BCD")
BOTH = view("b", AB="AB", BC="BC")


def test_kinds():
    views = (PARTITION, PARTIAL, OVERLAPPING, BOTH)
    assert [found.kind for found in views] == ["partition", "partial", "overlapping", "overlapping"]
    assert [found.is_partial for found in views] == [False, True, False, True]
    assert [found.is_overlapping for found in views] == [False, False, True, True]
    assert BOTH.scope.tolist() == [True, True, True, False]


def test_weights_are_the_membership_divided_by_its_row_sums():
    for found in (PARTITION, PARTIAL, OVERLAPPING, BOTH):
        membership = found.membership.toarray()
        sums = membership.sum(axis=1, keepdims=True)
        np.testing.assert_array_equal(found.weights.toarray(), membership / np.maximum(sums, 1))
        np.testing.assert_array_equal(found.weights.toarray().sum(axis=1), found.scope)


def test_classes_are_found_by_name():
    assert PARTITION.index("CD") == 1
    assert OVERLAPPING.topics_of("BCD") == ("B", "C", "D")
    assert OTHER.members("BC").tolist() == [1, 2]
    assert PARTITION.has("AB")
    with pytest.raises(ConfigError, match="unknown class 'Ab' of 'v'; did you mean 'AB'"):
        PARTITION.index("Ab")


def test_the_arrays_are_read_only_and_the_callers_are_left_alone():
    given = csr_array(np.eye(4))
    found = View(name="v", topics=TOPICS, classes=TOPICS, membership=given)
    given.data[0] = 5.0
    assert found.membership.toarray()[0, 0] == 1.0
    for array in (found.membership.data, found.weights.data, found.scope):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_a_membership_must_fit():
    with pytest.raises(ConfigError, match=r"expected a membership of shape \(4, 1\), got \(4, 4\)"):
        View(name="v", topics=TOPICS, classes=("A",), membership=csr_array(np.eye(4)))
    with pytest.raises(ConfigError, match="0 and 1 only"):
        View(name="v", topics=TOPICS, classes=TOPICS, membership=csr_array(2 * np.eye(4)))


def test_meet_holds_the_topics_that_a_class_of_each_shares():
    met = PARTITION.meet(OTHER)
    assert [met.topics_of(name) for name in met.classes] == [("A",), ("B",), ("C",), ("D",)]
    assert met.refines(PARTITION)
    assert met.refines(OTHER)
    assert met.name == "v ∧ w"
    assert OTHER.meet(PARTIAL).scope.tolist() == PARTIAL.scope.tolist()


def test_meet_keeps_classes_apart_whose_names_would_run_together():
    first, second = view(**{"a": "A", "a ∧ b": "BCD"}), view(**{"b ∧ c": "A", "c": "BCD"})
    assert len(set(first.meet(second).classes)) == 2


def test_refines():
    fine = view(A="A", B="B", CD="CD")
    assert fine.refines(PARTITION)
    assert not PARTITION.refines(fine)
    assert not OTHER.refines(PARTITION)
    assert PARTITION.refines(PARTITION)
    assert PARTITION.refines(view(ABCD="ABCD", A="A"))
    assert not PARTITION.refines(PARTIAL)


def test_coarsen_merges_and_refine_splits_again():
    coarse = OTHER.coarsen({"AD": ["A", "D"]}, name="x")
    assert (coarse.name, coarse.classes, coarse.topics_of("AD")) == ("x", ("AD", "BC"), ("A", "D"))
    assert OTHER.refines(coarse)
    fine = coarse.refine({"AD": {"A": ["A"], "D": ["D"]}})
    assert fine.classes == ("A", "D", "BC")
    assert fine.refines(OTHER)
    assert coarse.coarsen({"BC": ["AD", "BC"]}).classes == ("BC",)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"X": ["A", "Q"]}, "unknown class 'Q'"),
        ({"X": ["A"], "Y": ["A"]}, "class 'A' is merged into 'X' and into 'Y'"),
        ({"D": ["A", "BC"]}, "class 'D' stays"),
    ],
)
def test_coarsen_refuses(groups, message):
    with pytest.raises(ConfigError, match=message):
        OTHER.coarsen(groups)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"Q": {}}, "unknown class 'Q'"),
        ({"BC": {"B": ["B"]}}, "exactly its topics"),
        ({"BC": {"B": ["B"], "C": ["C", "D"]}}, "exactly its topics"),
        ({"BC": {"A": ["B"], "C": ["C"]}}, "class 'A' comes twice"),
    ],
)
def test_refine_refuses(parts, message):
    with pytest.raises(ConfigError, match=message):
        OTHER.refine(parts)


def test_views_over_other_topics_do_not_mix():
    other = View.from_members("z", topics="AB", members={"A": [0], "B": [1]})
    with pytest.raises(ConfigError, match="'v' and 'z' are not over the same topics"):
        PARTITION.meet(other)


def test_equality():
    assert view(AB="AB", CD="CD") == PARTITION
    assert hash(PARTITION) == hash(view(AB="AB", CD="CD"))
    assert view(AB="ABC", CD="D") != PARTITION
    assert view("w", AB="AB", CD="CD") != PARTITION
    assert PARTITION != "v"
