"""Adapting to a customer against enumeration and simulation."""

from __future__ import annotations

import time
from itertools import product

import numpy as np
import pytest

from hiercls.customers import adapt_customer
from hiercls.customers.adapt import DECLARED_DOCUMENTS, MISFILED
from hiercls.errors import ConfigError

POOLED = np.full(6, 1 / 6)


def documents(n: int, mix: np.ndarray, filing: np.ndarray, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Log p(t|x), exact under the pooled mix, of documents drawn from a mix, and their classes by a filing."""
    random = np.random.default_rng(seed)
    topics = random.choice(6, size=n, p=mix)
    logits = 2 * (2 * np.eye(6)[topics] + 1.2 * random.standard_normal((n, 6))) / 1.2**2
    labels = np.array([random.choice(filing.shape[1], p=filing[topic]) for topic in topics])
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True), labels


def accuracy(found, logs: np.ndarray, labels: np.ndarray, *, adapted: bool = True) -> float:
    """How many are right with what was found, or as declared; by hand."""
    mix, filing = (found.mix, found.filing) if adapted else (POOLED, found.view.weights.toarray())
    shares = np.exp(logs) * mix / POOLED
    return float((((shares / shares.sum(axis=1, keepdims=True)) @ filing).argmax(axis=1) == labels).mean())


@pytest.fixture
def view(tiny):
    return tiny.view("two")


def moved(view) -> np.ndarray:
    """Topic C is filed under F."""
    filing = view.weights.toarray()
    filing[2] = np.eye(4)[3]
    return filing


def test_no_filing_on_a_grid_is_likelier(view):
    logs, labels = documents(40, POOLED, moved(view), seed=0)
    found = adapt_customer(logs, labels, view=view, pooled=POOLED)
    shares = np.exp(logs) * found.mix / POOLED
    shares /= shares.sum(axis=1, keepdims=True)
    declared = view.weights.toarray()

    def likelihood(row: np.ndarray) -> float:
        filing = found.filing.copy()
        filing[2] = row
        fit = np.log((shares @ filing)[np.arange(40), labels]).sum()
        return fit + DECLARED_DOCUMENTS * np.log(row[declared[2] > 0]).sum()

    with np.errstate(divide="ignore"):
        best = likelihood(found.filing[2])
        rows = [np.array(parts) / sum(parts) for parts in product([0, 0.3, 1, 3, 9], repeat=4) if sum(parts)]
        assert max(likelihood(row) for row in rows) < best + 0.05  # shares below 1 % are cut


def test_a_topic_filed_elsewhere_is_found_and_others_are_answered_better(view):
    logs, labels = documents(100, POOLED, moved(view), seed=1)
    found = adapt_customer(logs, labels, view=view, pooled=POOLED)
    assert found.helps
    assert found.moved[0][:2] == ("C", "F")
    assert found.moved[0][2] > 0.6
    new = documents(1000, POOLED, moved(view), seed=2)
    assert accuracy(found, *new) > accuracy(found, *new, adapted=False) + 0.08
    assert "adapting to 'two' by 'filing' helps" in str(found)


@pytest.mark.parametrize("method", ["prior", "filing"])
def test_a_skewed_mix_is_found(view, method):
    mix = np.array([0.02, 0.02, 0.6, 0.02, 0.32, 0.02])
    found = adapt_customer(
        *documents(100, mix, view.weights.toarray(), seed=3), view=view, pooled=POOLED, method=method
    )
    assert found.helps
    assert np.abs(found.mix - mix).max() < 0.2
    new = documents(1000, mix, view.weights.toarray(), seed=4)
    assert accuracy(found, *new) > accuracy(found, *new, adapted=False) + 0.02


def test_the_prior_alone_keeps_to_the_classes(view):
    found = adapt_customer(*documents(100, POOLED, moved(view), seed=1), view=view, pooled=POOLED, method="prior")
    assert found.moved == ()
    np.testing.assert_array_equal(found.filing, view.weights.toarray())


def test_a_customer_that_does_as_it_declares_is_left_as_it_was_or_hardly_changed(view):
    new = documents(2000, POOLED, view.weights.toarray(), seed=5)
    losses = []
    for seed in range(30):
        few = documents(100, POOLED, view.weights.toarray(), seed=100 + seed)
        found = adapt_customer(*few, view=view, pooled=POOLED)
        losses.append(found.helps and accuracy(found, *new, adapted=False) - accuracy(found, *new))
    assert np.mean(np.array(losses) > 0.01) <= 0.05
    assert np.mean(losses) < 0.002


def test_the_trial_foresees_documents_from_others_alone(view):
    logs, labels = documents(50, POOLED, moved(view), seed=6)
    found = adapt_customer(logs, labels, view=view, pooled=POOLED, seed=3)
    folds, gains = np.random.default_rng(3).permutation(50) % 5, np.zeros(50)
    for fold in range(5):
        here, there = folds == fold, folds != fold
        one = adapt_customer(logs[there], labels[there], view=view, pooled=POOLED)
        for place in np.flatnonzero(here):
            said = []
            for mix, filing in ((one.mix, one.filing), (POOLED, view.weights.toarray())):
                shares = np.exp(logs[place]) * mix / POOLED
                said.append((1 - MISFILED) * (shares / shares.sum()) @ filing[:, labels[place]] + MISFILED / 4)
            gains[place] = np.log(said[0] / said[1])
    assert found.gain == pytest.approx(gains.mean(), abs=1e-6)
    assert found.error == pytest.approx(gains.std(ddof=1) / np.sqrt(50), abs=1e-6)


def test_a_partial_customer_keeps_to_the_topics_it_names(tiny):
    half = tiny.with_customer("{customer: half, partial: true, classes: {First: [A, B], Second: [E]}}").view("half")
    filing = np.full((6, 2), 0.5)
    filing[[0, 1, 4]] = [[1, 0], [0, 1], [0, 1]]
    mix = np.array([1, 1, 0, 0, 1, 0]) / 3
    found = adapt_customer(*documents(200, mix, filing, seed=7), view=half, pooled=POOLED)
    assert found.mix[[2, 3, 5]].tolist() == [0, 0, 0]
    assert not found.filing[[2, 3, 5]].any()
    assert found.filing[1, 1] > 0.8


def test_few_documents_change_nothing_and_it_is_quick(view):
    logs, labels = documents(9, POOLED, moved(view), seed=8)
    found = adapt_customer(logs, labels, view=view, pooled=POOLED)
    assert not found.helps
    assert "10 documents or more are needed" in str(found)
    logs, labels = documents(100, POOLED, view.weights.toarray(), seed=9)
    start = time.process_time()
    found = adapt_customer(logs, labels, view=view, pooled=POOLED)
    assert time.process_time() - start < 1
    with pytest.raises(ConfigError, match="one of prior, filing, got 'heads'"):
        adapt_customer(logs, labels, view=view, pooled=POOLED, method="heads")
    with pytest.raises(ConfigError, match="to adapt to, got none"):
        adapt_customer(logs[:0], labels[:0], view=view, pooled=POOLED)
