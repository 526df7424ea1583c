"""Sets for several topics: the rule against enumeration of all that may be true, and its promise over random splits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from hiercls.decoding import recall_rule, sets_at
from hiercls.decoding.recall import any_of
from hiercls.errors import ConfigError
from hiercls.model.multilabel import SeveralTopics
from hiercls.taxonomy import Taxonomy

OVER = {"customer": "over", "overlapping": True, "classes": {"ABC": ["A", "B", "C"], "CDEF": ["C", "D", "E", "F"]}}
PART = {"customer": "part", "partial": True, "classes": {"AB": ["A", "B"], "D": "D"}}


def sigmoids(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Log p(t|x), and which topics hold: about as often as is said, so that neither is sure."""
    random = np.random.default_rng(seed)
    odds = random.normal(size=(n, 6)) * 2 - 1
    return -np.log1p(np.exp(-odds)), random.random((n, 6)) < 1 / (1 + np.exp(-odds - 0.3))


def part_missed(true: np.ndarray, chosen: np.ndarray) -> float:
    return float((true & ~chosen).sum() / true.sum()) if true.any() else 0.0


def worst_excess(known: np.ndarray, chosen: np.ndarray, holds: bool, bearable: float) -> float:
    """How much more is missed than is bearable, the largest over everything that may be true; 0 of what has none."""
    options = [(False, True) if value < 0 else (bool(value),) for value in known]
    worlds = [np.array(true) for true in itertools.product(*options) if any(true) or not holds]
    return max(part_missed(true, chosen) - bearable if true.any() else 0.0 for true in worlds)


@pytest.mark.parametrize("coverage", [0.5, 0.7, 0.9, 0.99])
@pytest.mark.parametrize("seed", range(3))
def test_the_threshold_is_the_highest_under_which_the_worst_that_may_be_true_is_bearable(
    coverage: float, seed: int
) -> None:
    logs, held = sigmoids(40, seed)
    logs = np.log(np.exp(logs).round(1).clip(0.1, 0.9))  # many classes are equally probable
    known = held.astype(int)
    known[np.random.default_rng(seed).random(known.shape) < 0.2] = -1
    some = held.any(axis=1) & ((known == 1).any(axis=1) | (np.arange(40) % 2 == 0))  # half of the rest is not told
    rule = recall_rule(logs, known, coverage=coverage, holding=some)

    def excess(threshold: float) -> float:
        """Over the documents that have a class, of any number: Σ L + 1 − (1 − coverage)(n + 1)."""
        documents = zip(known, np.exp(logs), some, strict=True)
        return sum(worst_excess(row, p >= threshold, holds, 1 - coverage) for row, p, holds in documents) + coverage

    legal = [t for t in [0.0, *np.unique(np.exp(logs)), np.inf] if excess(t) <= 1e-12]
    assert rule.threshold == pytest.approx(max(legal, default=0.0))
    assert rule.n_coarse == (known < 0).any(axis=1).sum()
    np.testing.assert_array_equal(rule.sets(logs), np.exp(logs) >= rule.threshold)


@pytest.mark.parametrize("view", ["topic", "area", "one", "over", "part"])
def test_so_large_a_part_of_the_true_classes_is_in_the_sets_where_they_are_calibrated(
    tiny: Taxonomy, view: str
) -> None:
    tiny = tiny.with_customer(OVER).with_customer(PART)
    at = tiny.view(view)
    kept = []
    for seed in range(60):
        logs, held = sigmoids(260, seed)
        true = sets_at(held, view=at)
        rule = recall_rule(logs[:60], true[:60].astype(int), coverage=0.8, view=at)
        sets = rule.sets(logs[60:])
        kept.append(np.mean([1 - part_missed(*pair) for pair in zip(true[60:], sets, strict=True) if pair[0].any()]))
    error = np.std(kept) / np.sqrt(len(kept))
    assert 0.8 - 3 * error < np.mean(kept) < 0.8 + 2 / 31 + 3 * error  # theorem 2 of the source


@pytest.mark.parametrize("view", ["area", "one", "two", "over"])
def test_a_mapped_set_keeps_all_classes_of_every_topic_in_it(tiny: Taxonomy, view: str) -> None:
    """Document by document, counted by topics; by the view's own classes it need not be so."""
    at = tiny.with_customer(OVER).view(view)
    logs, held = sigmoids(400, 1)
    rule = recall_rule(logs[:200], held[:200].astype(int), coverage=0.7)
    fine, coarse, wide = rule.sets(logs), rule.sets(logs, at=at), any_of(logs, at) >= rule.threshold
    lost = 0
    for true, inside, classes in zip(held, fine, coarse, strict=True):
        whole = [all(classes[k] for k in at.membership[[t], :].nonzero()[1]) for t in range(6)]
        assert part_missed(true, np.array(whole)) <= part_missed(true, inside)
        lost += part_missed(true @ at.membership > 0, classes) > part_missed(true, inside) + 1e-9
    assert lost > 0 or view == "over"
    assert (coarse <= wide).all()
    assert (coarse < wide).any()


def test_probabilities_are_those_of_the_task(tiny: Taxonomy) -> None:
    logs, _ = sigmoids(50, 2)
    logs[0] = [0.0, -50.0, -1e-12, -30.0, -2.0, -0.1]
    for name in (*tiny.views, "over"):
        view = tiny.with_customer(OVER).view(name)
        expected = SeveralTopics().classes(torch.from_numpy(logs), view).exp()
        np.testing.assert_allclose(any_of(logs, view), expected, rtol=1e-9)


def test_too_few_documents_promise_everything() -> None:
    logs, held = sigmoids(8, 3)
    assert recall_rule(logs, held.astype(int), coverage=0.9).sets(logs).all()
    assert recall_rule(logs, np.zeros((8, 6), dtype=int), coverage=0.5).sets(logs).all()  # no document to learn from
    assert recall_rule(logs, np.zeros((8, 6), dtype=int), coverage=0.5).n_documents == 0
    assert recall_rule(logs[:0], np.zeros((0, 6), dtype=int), coverage=0.5).sets(logs).all()


def test_what_does_not_fit_is_said() -> None:
    logs, held = sigmoids(8, 3)
    with pytest.raises(ConfigError, match="expected truths of the shape"):
        recall_rule(logs, held[:, :3], coverage=0.5)
    with pytest.raises(ConfigError, match="coverage between 0 and 1"):
        recall_rule(logs, held.astype(int), coverage=1.0)
