"""The threshold that keeps a promised accuracy: a slow search as the reference, and the promise by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from hiercls.decoding import ROOT, climbing_rule, stop
from hiercls.decoding.climbing import N_STARTS, THRESHOLDS, answers_tried, lowest_sure
from hiercls.errors import ConfigError
from hiercls.metrics import ancestor_matrix
from hiercls.taxonomy import Taxonomy

QUICK = settings(derandomize=True, max_examples=20, deadline=None)


def documents(n: int, *, n_topics: int = 6, seed: int = 0, sharpness: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Log-probabilities, and topics drawn by them before they were made too sure."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(n_topics) * 0.15, size=n)
    truth = (probabilities.cumsum(axis=1) < random.random((n, 1))).sum(axis=1).clip(max=n_topics - 1)
    logs = sharpness * np.log(probabilities + 1e-12)
    return logs - np.log(np.exp(logs).sum(axis=1, keepdims=True)), truth


@QUICK
@given(data=st.data(), tree=st.booleans())
def test_all_thresholds_are_answered_at_once_as_one_by_one(worlds, data, tree) -> None:
    taxonomy = data.draw(worlds(tree=tree))
    logs, _ = documents(9, n_topics=len(taxonomy.topics), seed=data.draw(st.integers(0, 99)))
    found = answers_tried(logs, taxonomy=taxonomy)
    for place in (0, 100, 250, 300, 400, -2, -1):
        assert (found[:, place] == stop(logs, taxonomy=taxonomy, threshold=THRESHOLDS[place])).all()


@pytest.mark.parametrize("accuracy", [0.7, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("sharpness", [1.0, 3.0])
def test_thresholds_fall_from_fixed_starts_until_a_test_fails(tiny: Taxonomy, accuracy, sharpness) -> None:
    logs, truth = documents(700, sharpness=sharpness)
    closure = ancestor_matrix(tiny).toarray() > 0
    reached = []
    for power in range(1, N_STARTS + 1):
        for threshold in (tried for tried in THRESHOLDS if tried <= 1 - (1 - accuracy) ** power):
            answers = stop(logs, taxonomy=tiny, threshold=threshold)
            answered = answers != ROOT
            n_right = int(closure[truth[answered], answers[answered]].sum())
            n_answered = int(answered.sum())
            sure = n_answered and binomtest(n_right, n_answered, accuracy, alternative="greater").pvalue <= 0.01 / 4
            if not sure:
                break
            reached.append((threshold, n_answered, n_right))
    rule = climbing_rule(logs, np.eye(6)[truth], taxonomy=tiny, accuracy=accuracy)
    assert (rule.threshold, rule.n_answered, rule.n_right) == min(reached, default=(math.inf, 0, 0))
    assert (rule.n_documents, rule.accuracy, rule.confidence) == (700, accuracy, 0.99)


@pytest.mark.parametrize("sharpness", [1.0, 4.0])
def test_the_promise_is_broken_at_most_as_seldom_as_said_also_where_probabilities_lie(tiny, sharpness) -> None:
    """The true accuracy at the threshold, on many more documents: below the promise in 1 % of draws, save by chance."""
    closure = ancestor_matrix(tiny).toarray() > 0
    many, truths = documents(20_000, seed=99, sharpness=sharpness)
    everywhere = answers_tried(many, taxonomy=tiny)
    answered = everywhere != ROOT
    right = closure[truths[:, None], everywhere] & answered
    accuracies = right.sum(axis=0) / np.maximum(answered.sum(axis=0), 1)
    broken, shares = 0, []
    for seed in range(80):
        logs, truth = documents(1000, seed=seed, sharpness=sharpness)
        rule = climbing_rule(logs, np.eye(6)[truth], taxonomy=tiny, accuracy=0.85)
        if not math.isinf(rule.threshold):
            place = THRESHOLDS.tolist().index(rule.threshold)
            broken += accuracies[place] < 0.85
            shares.append(answered[:, place].mean())
    assert broken <= 2
    assert np.mean(shares) > 0.5
    plain = answered.mean(axis=0)[np.argmin(abs(THRESHOLDS - 0.85))]
    if sharpness == 1.0:
        assert np.mean(shares) > plain  # where probabilities can be believed, more is answered than they alone allow
    else:
        assert accuracies[np.argmin(abs(THRESHOLDS - 0.85))] < 0.8


def test_a_coarse_label_is_met_where_all_its_topics_are(tiny: Taxonomy) -> None:
    row = np.log([0.5, 0.3, 0.1, 0.05, 0.03, 0.02])
    fine = climbing_rule(np.tile(row, (300, 1)), np.eye(6)[[0] * 300], taxonomy=tiny, accuracy=0.9)
    coarse = climbing_rule(np.tile(row, (300, 1)), np.tile([1, 1, 0, 0, 0, 0], (300, 1)), taxonomy=tiny, accuracy=0.9)
    assert (fine.threshold, fine.n_right) == (0.0, 300)  # A is always right
    assert 0.5 < coarse.threshold < 0.52  # X is


def test_what_cannot_be_promised_is_no_answer(tiny: Taxonomy) -> None:
    logs, truth = documents(20)
    rule = climbing_rule(logs, np.eye(6)[truth], taxonomy=tiny, accuracy=0.9)
    assert (rule.threshold, rule.n_answered, rule.n_right) == (math.inf, 0, 0)
    assert (stop(logs, taxonomy=tiny, threshold=rule.threshold) == ROOT).all()
    none = np.zeros(len(THRESHOLDS))
    assert lowest_sure(none, none, accuracy=0.5, confidence=0.9) is None


@pytest.mark.parametrize(
    ("options", "message"),
    [({"accuracy": 90}, "an accuracy between 0 and 1, got 90"), ({"accuracy": 0.9, "confidence": 1}, "a confidence")],
)
def test_what_does_not_fit(tiny: Taxonomy, options, message) -> None:
    logs, truth = documents(5)
    with pytest.raises(ConfigError, match=message):
        climbing_rule(logs, np.eye(6)[truth], taxonomy=tiny, **options)
