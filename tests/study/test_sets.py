"""Promises over draws: the same as rule by rule, and what they tell of a model that is honest and one that lies."""

from __future__ import annotations

import numpy as np
import pytest

from hiercls.decoding import ROOT, climbing_rule, conformal_rule, stop
from hiercls.errors import ConfigError
from hiercls.study.sets import climbing_over_splits, coverage_elsewhere, coverage_over_halves
from hiercls.taxonomy import Taxonomy


def documents(n: int, *, seed: int = 0, sharpness: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(6) * 0.2, size=n)
    truth = (probabilities.cumsum(axis=1) < random.random((n, 1))).sum(axis=1).clip(max=5)
    logs = sharpness * np.log(probabilities + 1e-12)
    return logs - np.log(np.exp(logs).sum(axis=1, keepdims=True)), truth


def halves(n: int, n_halves: int, seed: int):
    random = np.random.default_rng(seed)
    orders = [random.permutation(n) for _ in range(n_halves)]
    return [(order[: n // 2], order[n // 2 :]) for order in orders]


def test_coverage_is_that_of_rules_found_one_by_one(tiny: Taxonomy) -> None:
    logs, truth = documents(200)
    found = coverage_over_halves(logs, truth, taxonomy=tiny, seed=7, promises=[0.9], n_halves=3)
    assert len(found) == 1 + 2 * 4
    for scores in found:
        view, covered, sizes = tiny.view(scores.view), [], []
        for here, there in halves(200, 3, 7):
            rule = conformal_rule(
                logs[here], np.eye(6)[truth[here]], coverage=0.9, view=tiny.view(scores.calibrated_at)
            )
            sets = rule.sets(logs[there], at=view)
            covered.append(sets[np.arange(100), view.membership.toarray().argmax(axis=1)[truth[there]]].mean())
            sizes.append(sets.sum(axis=1).mean())
        assert (scores.coverage, scores.lowest, scores.size) == pytest.approx(
            (np.mean(covered), np.min(covered), np.mean(sizes))
        )
        assert (scores.n_draws, scores.n_classes, scores.promised) == (3, len(view.classes), 0.9)


def test_promises_are_kept_everywhere_and_mapping_only_adds(tiny: Taxonomy) -> None:
    logs, truth = documents(1000)
    for scores in coverage_over_halves(logs, truth, taxonomy=tiny, seed=0):
        if scores.view == scores.calibrated_at:
            assert scores.coverage == pytest.approx(scores.promised, abs=0.01)
        else:
            assert scores.coverage >= scores.promised - 0.01
        assert scores.lowest <= scores.coverage


def test_of_another_kind_of_documents_nothing_is_promised(tiny: Taxonomy) -> None:
    (scores, *_) = coverage_elsewhere(*documents(1000), *documents(1000, seed=1, sharpness=5.0), taxonomy=tiny)
    assert (scores.view, scores.n_draws, scores.coverage) == ("topic", 1, scores.lowest)
    assert scores.coverage < 0.78


def test_a_customer_that_leaves_topics_out_is_promised_for_the_others(tiny: Taxonomy) -> None:
    some = tiny.with_customer({"customer": "some", "classes": {"AB": ["A", "B"], "D": ["D"]}, "partial": True})
    logs, truth = documents(1000)
    found = coverage_over_halves(logs, truth, taxonomy=some, seed=0, promises=[0.9], n_halves=20)
    by_view = {(scores.view, scores.calibrated_at): scores for scores in found}
    assert by_view["some", "some"].coverage == pytest.approx(0.9, abs=0.015)
    assert by_view["some", "topic"].coverage > 0.87


def test_climbing_is_that_of_rules_found_one_by_one(tiny: Taxonomy) -> None:
    logs, truth = documents(600)
    found = {s.rule: s for s in climbing_over_splits(logs, truth, taxonomy=tiny, seed=3, promises=[0.8], n_splits=4)}
    assert list(found) == ["climbing", "threshold", "topic or nothing"]
    nodes = tiny.hierarchy.nodes
    for name in ("climbing", "threshold"):
        kept, accuracies, shares, depths = [], [], [], []
        for here, there in halves(600, 4, 3):
            rule = climbing_rule(logs[here], np.eye(6)[truth[here]], taxonomy=tiny, accuracy=0.8)
            answers = stop(logs[there], taxonomy=tiny, threshold=rule.threshold if name == "climbing" else 0.8)
            said = [None if answer == ROOT else nodes[answer] for answer in answers]
            areas = ["XXXYYY"[topic] for topic in truth[there]]
            right = [s in (tiny.topics[t], area) for s, t, area in zip(said, truth[there], areas, strict=True) if s]
            accuracies.append(np.mean(right))
            kept.append(np.mean(right) >= 0.8)
            shares.append(len(right) / 300)
            depths.append(np.mean([0 if s is None else 1 + (s in tiny.topics) for s in said]))
        scores = found[name]
        assert (scores.kept, scores.accuracy, scores.answered, scores.depth) == pytest.approx(
            (np.mean(kept), np.mean(accuracies), np.mean(shares), np.mean(depths))
        )
    assert found["topic or nothing"].depth == pytest.approx(2 * found["topic or nothing"].answered)
    assert found["topic or nothing"].specificity == pytest.approx(found["topic or nothing"].answered)


def test_climbing_keeps_what_a_threshold_breaks_where_probabilities_lie_and_goes_deeper_where_not(tiny) -> None:
    honest = climbing_over_splits(*documents(2000), taxonomy=tiny, seed=0, promises=[0.85], n_splits=40)
    lying = climbing_over_splits(*documents(2000, sharpness=4.0), taxonomy=tiny, seed=0, promises=[0.85], n_splits=40)
    assert honest[0].kept >= 0.95
    assert lying[0].kept >= 0.95
    assert lying[1].kept < 0.1
    assert honest[1].kept >= 0.95
    assert honest[0].depth > honest[1].depth
    assert honest[0].depth > honest[2].depth


def test_what_does_not_fit(tiny: Taxonomy) -> None:
    logs, truth = documents(10)
    for wrong in (truth[:9], truth + 6, truth - 6):
        with pytest.raises(ConfigError, match="log-probabilities of 6 topics and a topic for each document"):
            coverage_over_halves(logs, wrong, taxonomy=tiny, seed=0)
