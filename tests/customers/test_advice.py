"""Advice on how to serve a customer: which way wins, how sure that is, and the curve that foretells more labels."""

from __future__ import annotations

import numpy as np
import pytest

from hiercls.customers.advice import MORE, Advice, advise
from hiercls.errors import ConfigError

TRUTH = np.arange(400) % 4


def knows(places):
    """A way that is right for some documents, whatever it is shown."""
    right = np.isin(np.arange(len(TRUTH)), places)
    return lambda inside, outside: np.where(right[outside], TRUTH[outside], (TRUTH[outside] + 1) % 4)


def learns(slope):
    """A way whose accuracy is .9 − slope / √n, exactly in turn over the documents."""

    def way(inside, outside):
        wrong = 1 - (0.9 - slope / np.sqrt(len(inside)))
        return np.where((outside * 0.6180339887) % 1 < wrong, (TRUTH[outside] + 1) % 4, TRUTH[outside])

    return way


def test_the_best_way_is_advised_and_equals_yield_to_the_simplest():
    ways = {"poor": knows(range(200)), "first": knows(range(300)), "second": knows(range(300))}
    found = advise(ways, TRUTH)
    assert found.ways[found.best] == "first"
    np.testing.assert_allclose(found.accuracy, [0.5, 0.75, 0.75])
    np.testing.assert_allclose(found.error, np.sqrt([0.25, 0.1875, 0.1875]) / 20, rtol=0.1)
    assert found.sureness == 1.0
    assert found.gain == 0.0
    assert f"'first': it is right for 75.0% ± {found.error[1]:.1%} of 400 documents" in str(found)
    assert "hardly worth it" in str(found)


def test_two_ways_that_are_right_elsewhere_leave_it_open():
    found = advise({"one": knows(range(201)), "other": knows(range(200, 400))}, TRUTH)
    assert found.ways[found.best] == "one"
    assert 0.4 < found.sureness < 0.65
    assert not found.is_sure
    assert "that is not sure" in str(found)


def test_what_more_labels_bring_is_read_off_the_curve():
    found = advise({"still": knows(range(280)), "learning": learns(4.0)}, TRUTH)
    expected = 4.0 * (320**-0.5 - (400 + MORE) ** -0.5)
    assert found.later == "learning"
    assert found.foretold[1] - found.accuracy[1] == pytest.approx(expected, abs=0.02)
    assert found.foretold[0] == found.accuracy[0]
    assert found.gain == pytest.approx(found.foretold[1] - found.accuracy[found.best])
    assert 0 < found.gain_error < 0.05


def test_threads_are_foreseen_whole_and_no_document_from_itself():
    groups = [f"thread {place // 8}" for place in range(len(TRUTH))]
    seen = np.zeros(len(TRUTH), dtype=int)

    def way(inside, outside):
        assert not {groups[place] for place in inside} & {groups[place] for place in outside}
        seen[outside] += 1
        return TRUTH[outside]

    advise({"way": way}, TRUTH, groups=groups)
    assert (seen == 3).all()


@pytest.mark.parametrize(("n", "groups"), [(19, None), (40, ["a"] * 20 + ["b"] * 20)])
def test_too_few_documents_are_refused(n, groups):
    with pytest.raises(ConfigError, match="20 labelled documents at least"):
        advise({"way": knows(range(400))}, TRUTH[:n], groups=groups)


def test_a_gain_within_its_error_is_hardly_worth_it():
    known = {"ways": ("a",), "accuracy": np.array([0.5]), "error": np.array([0.05]), "foretold": np.array([0.53])}
    rest = {"best": 0, "sureness": 1.0, "gain": 0.03, "n_documents": 40}
    assert "hardly" in str(Advice(**known, **rest, gain_error=0.04))
    assert "hardly" not in str(Advice(**known, **rest, gain_error=0.02))
