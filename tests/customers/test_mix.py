"""A customer's mix of topics against QuaPy, a slow EM, enumeration and simulation."""

from __future__ import annotations

import warnings
from itertools import product

import numpy as np
import pytest
from scipy.stats import beta

from hiercls.customers import black_box_mix, estimate_mix
from hiercls.errors import ConfigError

POOLED = np.array([0.3, 0.1, 0.1, 0.2, 0.2, 0.1])


def documents(n: int, mix: np.ndarray, *, seed: int, noise: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Topics drawn from a mix, and log p(t|x) under the pooled one, exactly: x is the topic's corner plus noise."""
    random = np.random.default_rng(seed)
    topics = random.choice(6, size=n, p=mix)
    x = 2 * np.eye(6)[topics] + noise * random.standard_normal((n, 6))
    logits = 2 * x / noise**2 + np.log(POOLED)
    return topics, logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def labelled(tiny, name: str, topics: np.ndarray) -> np.ndarray:
    """The column of each document's class."""
    weights = tiny.view(name).weights.toarray()
    return weights.T[weights[topics].argmax(axis=1)]


def estimated(logs: np.ndarray, **settings):
    return estimate_mix(logs, names=tuple("ABCDEF"), pooled=POOLED, **settings)


def test_without_labels_it_is_the_em_of_quapy():
    _, logs = documents(500, np.array([0.05, 0.4, 0.05, 0.1, 0.3, 0.1]), seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from quapy.method.aggregative import EMQ

        shares, _ = EMQ.EM(POOLED, np.exp(logs), epsilon=1e-12)
    np.testing.assert_allclose(estimated(logs, pseudo_documents=0).shares, shares, atol=1e-6)


@pytest.mark.parametrize("pseudo", [0.0, 7.0])
def test_it_is_a_slow_em_over_documents_with_and_without_labels(tiny, pseudo):
    topics, logs = documents(60, np.full(6, 1 / 6), seed=1)
    weights = labelled(tiny, "one", topics)
    weights[::3] = 1
    shares = np.full(6, 1 / 6)
    for _ in range(3000):
        counts = pseudo * POOLED
        for row, weight in zip(logs, weights, strict=True):
            joint = [shares[t] / POOLED[t] * np.exp(row[t]) * weight[t] for t in range(6)]
            counts = counts + np.array(joint) / sum(joint)
        shares = counts / counts.sum()
    found = estimated(logs, weights=weights, pseudo_documents=pseudo)
    np.testing.assert_allclose(found.shares, shares, atol=1e-7)
    assert (found.n_documents, found.n_labelled) == (60, 40)


def test_no_mix_on_a_grid_is_likelier(tiny):
    topics, logs = documents(12, np.full(6, 1 / 6), seed=2)
    weights = labelled(tiny, "two", topics)

    def likelihood(mix: np.ndarray) -> float:
        return float(np.log((np.exp(logs) * weights * mix / POOLED).sum(axis=1)).sum() + 3 * POOLED @ np.log(mix))

    best = likelihood(estimated(logs, weights=weights, pseudo_documents=3).shares)
    grid = (np.array(parts) / sum(parts) for parts in product([1, 3, 9], repeat=6))
    assert all(likelihood(mix) < best for mix in grid)


def test_where_topics_are_told_intervals_are_those_of_the_dirichlet_distribution():
    topics, logs = documents(40, POOLED, seed=3)
    weights = np.eye(6)[topics]
    found = estimated(np.zeros_like(logs), weights=weights, pseudo_documents=6, level=0.8)
    counts = 6 * POOLED + weights.sum(axis=0)
    np.testing.assert_allclose(found.shares, counts / 46, atol=1e-7)
    for end, probability in ((found.lower, 0.1), (found.upper, 0.9)):
        np.testing.assert_allclose(end, beta.ppf(probability, counts, 46 - counts), atol=0.025)


@pytest.mark.parametrize("with_labels", [False, True])
def test_intervals_hold_a_skewed_mix_about_as_often_as_they_say(tiny, with_labels):
    mix = np.array([0.05, 0.45, 0.05, 0.05, 0.3, 0.1])
    held = []
    for seed in range(25):
        topics, logs = documents(300, mix, seed=seed)
        weights = labelled(tiny, "one", topics) if with_labels else None
        found = estimated(logs, weights=weights, pseudo_documents=1)
        held.append((found.lower <= mix) & (mix <= found.upper))
    assert 0.8 < np.mean(held) < 0.98  # 150 intervals at .9


def test_a_skewed_mix_is_found_and_a_right_prior_files_better():
    mix = np.array([0.02, 0.6, 0.02, 0.02, 0.32, 0.02])
    topics, logs = documents(800, mix, seed=4, noise=1.5)
    found = estimated(logs)
    assert np.abs(found.shares - mix).max() < 0.12
    assert found.differs[[0, 1]].all()
    corrected = logs + np.log(found.shares) - np.log(POOLED)
    assert (corrected.argmax(axis=1) == topics).mean() > (logs.argmax(axis=1) == topics).mean() + 0.05


def test_the_pooled_mix_is_left_alone():
    _, logs = documents(50, POOLED, seed=5)
    assert np.abs(estimated(logs, pseudo_documents=1e6).shares - POOLED).max() < 1e-4
    assert estimated(logs).differs.sum() <= 2


def test_topics_out_of_scope_have_no_share(tiny):
    _, logs = documents(50, POOLED, seed=6)
    found = estimated(logs, scope=[True, True, False, True, True, False])
    assert found.shares[[2, 5]].tolist() == found.upper[[2, 5]].tolist() == [0, 0]
    assert set(found.prior) == set("ABDE")
    assert found.shares.sum() == pytest.approx(1)


def test_a_label_that_the_text_contradicts_wins_and_breaks_nothing():
    logs = np.array([[0.0, *[-500.0] * 5]] * 3)
    found = estimated(logs, weights=np.eye(6)[[1, 1, 1]], pseudo_documents=0)
    assert np.isfinite(found.shares).all()
    assert found.shares.argmax() == 1


def test_the_older_way_agrees_on_many_documents():
    mix = np.array([0.02, 0.6, 0.02, 0.02, 0.32, 0.02])
    _, logs = documents(4000, mix, seed=7)
    truth, heldout = documents(4000, POOLED, seed=8)
    found = black_box_mix(logs, heldout=heldout, truth=truth, pooled=POOLED)
    np.testing.assert_allclose(found, mix, atol=0.03)
    np.testing.assert_allclose(found, estimated(logs).shares, atol=0.05)


@pytest.mark.parametrize("wrong", [{"level": 1.0}, {"pseudo_documents": -1}])
def test_what_cannot_be_is_said(wrong):
    with pytest.raises(ConfigError, match="expected 0 < level < 1"):
        estimated(np.zeros((2, 6)), **wrong)
    with pytest.raises(ConfigError, match="expected documents"):
        estimated(np.zeros((0, 6)))
    with pytest.raises(ConfigError, match="1 labels, the first of document 1, are of no topic in scope"):
        estimated(np.zeros((2, 6)), weights=np.eye(6)[:2], scope=np.eye(6)[0])
