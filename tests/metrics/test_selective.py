"""Risk–coverage against a slow loop over all orders of ties, and by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiercls.errors import ConfigError
from hiercls.metrics import hierarchical_risk_coverage, risk_coverage

QUICK = settings(derandomize=True, max_examples=40, deadline=None)
ANSWERS = st.lists(st.tuples(st.sampled_from([0.2, 0.5, 0.9]), st.integers(0, 1)), min_size=1, max_size=6)


@QUICK
@given(answers=ANSWERS)
def test_the_area_is_the_mean_over_all_orders_of_ties(answers) -> None:
    areas = []
    for order in itertools.permutations(answers):
        if all(first[0] >= second[0] for first, second in itertools.pairwise(order)):
            losses = [loss for _, loss in order]
            areas.append(np.mean([np.mean(losses[: n + 1]) for n in range(len(losses))]))
    confidence, loss = zip(*answers, strict=True)
    assert risk_coverage(confidence, loss).area == pytest.approx(np.mean(areas))


@QUICK
@given(answers=ANSWERS, seed=st.integers(0, 10))
def test_the_order_of_documents_changes_nothing(answers, seed) -> None:
    array = np.array(answers)
    moved = np.random.default_rng(seed).permutation(array)
    assert risk_coverage(*array.T).area == pytest.approx(risk_coverage(*moved.T).area)
    np.testing.assert_allclose(risk_coverage(*array.T).risk, risk_coverage(*moved.T).risk)


def test_the_end_of_the_curve_is_the_mean_loss() -> None:
    curve = risk_coverage([3.0, 2.0, 1.0, 0.0], [0.0, 0.5, 0.0, 1.0])
    assert curve.risk.tolist() == [0.0, 0.25, 0.5 / 3, 0.375]
    assert curve.coverage.tolist() == [0.25, 0.5, 0.75, 1.0]


def test_a_hierarchical_curve_by_hand() -> None:
    """Risks 0 at .5 and .5 at 1: a triangle of half width. From .2 on, the least coverage's risk holds below it."""
    assert hierarchical_risk_coverage([1.0, 0.5, 0.0], [0.5, 0.0, 0.0]).area == pytest.approx(0.5 * 0.5 / 2)
    assert hierarchical_risk_coverage([0.2, 0.6], [0.1, 0.3]).risk == pytest.approx([0.5, 0.5])
    assert hierarchical_risk_coverage([0.2, 0.6], [0.1, 0.3]).area == pytest.approx(0.5)
    assert hierarchical_risk_coverage([0.6, 0.0, 0.2], [0.3, 0.0, 0.1]).coverage.tolist() == [0.2, 0.6]


def test_where_all_or_nothing_is_answered_the_hierarchical_risk_is_the_plain_one() -> None:
    loss = np.array([0, 0, 1, 0, 1])
    plain = risk_coverage(np.arange(5)[::-1], loss)
    points = [(n / 5, loss[:n].sum() / 5) for n in range(6)]
    assert hierarchical_risk_coverage(*zip(*points, strict=True)).risk == pytest.approx(plain.risk)


def test_nothing_answered_has_no_area() -> None:
    assert math.isnan(risk_coverage([], []).area)
    nothing = hierarchical_risk_coverage([0.0], [0.0])
    assert math.isnan(nothing.area)
    assert (nothing.coverage.tolist(), nothing.risk.tolist()) == ([], [])


def test_a_single_answer_is_the_whole_curve() -> None:
    curve = risk_coverage([0.3], [1.0])
    assert (curve.coverage.tolist(), curve.risk.tolist(), curve.area) == ([1.0], [1.0], 1.0)


@pytest.mark.parametrize(
    ("function", "arrays", "message"),
    [
        (risk_coverage, ([1.0], [1.0, 0.0]), r"got 'confidence' of shape \(1,\) and 'loss' of shape \(2,\)"),
        (risk_coverage, ([[1.0]], [[1.0]]), "vectors of one length"),
        (risk_coverage, ([math.nan], [1.0]), "numbers in 'confidence' and 'loss', got NaN"),
        (hierarchical_risk_coverage, ([1.5], [1.0]), "^expected coverages from 0 to 1"),
        (hierarchical_risk_coverage, ([-0.1], [1.0]), "^expected coverages from 0 to 1"),
    ],
)
def test_what_does_not_fit(function, arrays, message) -> None:
    with pytest.raises(ConfigError, match=message):
        function(*arrays)
