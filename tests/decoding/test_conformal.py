"""Conformal sets: MAPIE's on the flat case, the promise kept on random halves, and at views nobody calibrated for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from hiercls.decoding import conformal_rule, sets_at
from hiercls.errors import ConfigError
from hiercls.taxonomy import Taxonomy

QUICK = settings(derandomize=True, max_examples=30, deadline=None)

# MAPIE 1.6.0: SplitConformalClassifier(prefit=True, conformity_score="lac") on the first 40 of `documents(80)`, and
# predict_set on the other 40: its quantile, and the topics in all sets together. All 160 entries were the same as here.
MAPIE = [(0.8, 0.7616796611462036, 68), (0.9, 0.8553729376547209, 89), (0.95, 0.9625225236649976, 128)]


def documents(n: int, *, n_topics: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Log-probabilities, and topics drawn by them."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(n_topics) * 0.5, size=n)
    return np.log(probabilities), np.array([random.choice(n_topics, p=row) for row in probabilities])


@pytest.mark.parametrize(("coverage", "limit", "n_inside"), MAPIE)
def test_sets_of_fine_labels_are_mapie_s(coverage, limit, n_inside) -> None:
    logs, truth = documents(80)
    rule = conformal_rule(logs[:40], np.eye(4)[truth[:40]], coverage=coverage)
    assert rule.limits[0] == pytest.approx(limit, abs=1e-12)
    assert rule.sets(logs[40:]).sum() == n_inside
    assert (rule.n_documents, rule.n_coarse) == (40, 0)


@pytest.mark.parametrize("score", ["lac", "aps"])
@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_the_promise_is_kept_on_random_halves_and_at_every_view(tiny: Taxonomy, score, coverage) -> None:
    logs, truth = documents(600, n_topics=6)
    random, inside = np.random.default_rng(0), {name: [] for name in tiny.views}
    for _ in range(60):
        order = random.permutation(600)
        rule = conformal_rule(logs[order[:300]], np.eye(6)[truth[order[:300]]], coverage=coverage, score=score)
        others = order[300:]
        for name in tiny.views:
            classes = tiny.view(name).membership.toarray().argmax(axis=1)[truth[others]]
            mapped = sets_at(rule.sets(logs[others]), view=tiny.view(name))
            inside[name].append(mapped[np.arange(300), classes].mean())
    assert np.mean(inside["topic"]) == pytest.approx(coverage, abs=0.012)
    for name in tiny.views:
        assert np.mean(inside[name]) >= np.mean(inside["topic"])


def test_of_coarse_labels_the_strangest_topic_counts(tiny: Taxonomy) -> None:
    """By hand: labels {A, B} and {D}; the scores are 1 − .2 and 1 − .4."""
    logs = np.log([[0.5, 0.2, 0.1, 0.1, 0.05, 0.05], [0.2, 0.1, 0.1, 0.4, 0.1, 0.1]])
    labels = csr_array([[1.0, 0.5, 0, 0, 0, 0], [0, 0, 0, 1.0, 0, 0]])
    assert conformal_rule(logs, labels, coverage=0.6).limits[0] == pytest.approx(0.8)
    assert conformal_rule(logs, labels, coverage=0.3).limits[0] == pytest.approx(0.6)
    assert conformal_rule(logs, labels, coverage=0.6).n_coarse == 1
    fine, truth = documents(400, n_topics=6)
    rows = tiny.view("area").membership.toarray()
    coarse = rows @ rows.T
    sets = [conformal_rule(fine, table[truth], coverage=0.8).sets(fine) for table in (np.eye(6), coarse)]
    assert (sets[0] <= sets[1]).all()
    assert sets[1].sum() > sets[0].sum()


def test_too_few_documents_promise_nothing_less_than_everything() -> None:
    logs, truth = documents(8)
    rule = conformal_rule(logs, np.eye(4)[truth], coverage=0.9)
    assert math.isinf(rule.limits[0])
    assert rule.sets(logs).all()
    assert not math.isinf(conformal_rule(*[np.log([[0.5, 0.5]] * 9), np.eye(2)[[0] * 9]], coverage=0.9).limits[0])


def test_the_likeliest_first_score_by_hand() -> None:
    logs = np.log([[0.2, 0.5, 0.3]])
    rule = conformal_rule(logs, np.eye(3)[[2]], coverage=0.5, score="aps")
    assert rule.limits[0] == pytest.approx(0.5)
    assert rule.sets(logs).tolist() == [[False, True, True]]
    assert rule.sets(np.log([[0.2, 0.51, 0.29], [0.3, 0.4, 0.3]])).sum(axis=1).tolist() == [1, 2]


@QUICK
@given(data=st.data())
def test_sets_are_nested_in_their_promise_and_say_the_classes_of_their_topics(worlds, data) -> None:
    taxonomy = data.draw(worlds(tree=False))
    logs, truth = documents(30, n_topics=len(taxonomy.topics), seed=data.draw(st.integers(0, 99)))
    score = data.draw(st.sampled_from(["lac", "aps"]))
    before = np.zeros(logs.shape, dtype=bool)
    for coverage in (0.3, 0.6, 0.9, 0.99):
        sets = conformal_rule(logs, np.eye(logs.shape[1])[truth], coverage=coverage, score=score).sets(logs)
        assert (before <= sets).all()
        before = sets
        for name in taxonomy.views:
            view = taxonomy.view(name)
            expected = [
                [any(row[topic] for topic in view.members(found)) for found in view.classes] for row in sets.tolist()
            ]
            assert sets_at(sets, view=view).tolist() == expected


@pytest.mark.parametrize(
    ("logs", "labels", "options", "message"),
    [
        ([[0.0, -9.0]], [[1, 0]], {"coverage": 90}, "coverage between 0 and 1, got 90"),
        ([[0.0, -9.0]], [[1, 0]], {"coverage": 0.9, "score": "raps"}, "'lac' or 'aps', got 'raps'"),
        ([[0.0, -9.0]], [[0, 0]], {"coverage": 0.9}, "allow some topic, got none at position 0"),
        ([[0.0, -9.0]], [[1, 0, 0]], {"coverage": 0.9}, r"labels of shape \(1, 2\), got \(1, 3\)"),
        ([0.0, -9.0], [[1, 0]], {"coverage": 0.9}, "documents × 2 topics"),
    ],
)
def test_what_does_not_fit(logs, labels, options, message) -> None:
    with pytest.raises(ConfigError, match=message):
        conformal_rule(np.array(logs), np.array(labels), **options)


def test_sets_must_be_of_topics(tiny: Taxonomy) -> None:
    with pytest.raises(ConfigError, match=r"documents × 6 topics, got the shape \(1, 2\)"):
        sets_at([[True, False]], view=tiny.view("one"))
