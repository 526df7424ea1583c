"""The two judges of words, against scikit-learn, loops and the closed form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.linear_model import Ridge
from sklearn.naive_bayes import ComplementNB, MultinomialNB

from hiercls.training import words as training_words
from hiercls.training.words import ENCODING_SHARE, Features, log_odds, ridge


def world(seed: int = 0) -> tuple[csr_array, np.ndarray]:
    random = np.random.default_rng(seed)
    return csr_array(random.random((9, 5)) * (random.random((9, 5)) < 0.6)), np.arange(9) % 3


def test_with_known_topics_they_are_scikit_learns_naive_bayes_minus_its_complement() -> None:
    features, topics = world()
    inside = MultinomialNB(alpha=0.1).fit(features, topics).feature_log_prob_
    outside = -ComplementNB(alpha=0.1).fit(features, topics).feature_log_prob_  # scikit-learn holds its negative
    found = log_odds(features, csr_array(np.eye(3)[topics]), np.ones(9), smoothing=0.1)
    np.testing.assert_allclose(found, (inside - outside).T, atol=1e-5)


@pytest.mark.parametrize("order", ["C", "F"])
def test_scores_do_not_depend_on_how_weights_lie_in_memory(order) -> None:
    words, _ = world()
    weights = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32, order=order)
    weights.flags.writeable = False
    found = Features(words=words, encodings=np.empty((9, 0))).scores(weights[::-1])
    np.testing.assert_allclose(found, words @ weights[::-1], atol=1e-6)


def test_shared_documents_count_in_parts() -> None:
    features, _ = world()
    shares = np.random.default_rng(1).dirichlet(np.ones(3), size=9)
    expected = np.empty((5, 3))
    dense = features.toarray()
    for topic in range(3):
        inside = [sum(shares[i, topic] * dense[i, w] for i in range(9)) + 0.5 for w in range(5)]
        outside = [sum((1 - shares[i, topic]) * dense[i, w] for i in range(9)) + 0.5 for w in range(5)]
        for w in range(5):
            expected[w, topic] = np.log(inside[w] / sum(inside)) - np.log(outside[w] / sum(outside))
    found = log_odds(features, csr_array(shares), np.ones(9), smoothing=0.5)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("width", [0, 4, 20])  # fewer features than documents, as many, more
def test_ridge_regression_equals_scikit_learns(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_words, "TOLERANCE", 1e-7)
    words, _ = world()
    random = np.random.default_rng(2)
    encodings, weights = random.normal(size=(9, width)), random.random(9) + 0.5
    shares = random.dirichlet(np.ones(3), size=9)
    features = Features(words=words, encodings=encodings)
    found = ridge(features, csr_array(weights[:, None] * shares), weights)
    together = np.hstack([words.toarray(), ENCODING_SHARE / np.sqrt(max(1, width)) * encodings])
    expected = Ridge(alpha=1.0, fit_intercept=False).fit(together, shares, sample_weight=weights)
    np.testing.assert_allclose(found, expected.coef_.T, atol=1e-5)
    np.testing.assert_allclose(features.scores(found), expected.predict(together), atol=1e-5)
    np.testing.assert_allclose(features.scores(found[:5]), together[:, :5] @ expected.coef_.T[:5], atol=1e-5)


def test_ridge_regression_stops_near_the_solution(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    for n_documents in (40, 400):
        words = csr_array(random.random((n_documents, 150)) * (random.random((n_documents, 150)) < 0.2))
        features = Features(words=words, encodings=random.normal(size=(n_documents, 3)))
        shares, weights = csr_array(random.dirichlet(np.ones(4), size=n_documents)), np.ones(n_documents)
        found = ridge(features, shares, weights)
        with monkeypatch.context() as patch:
            patch.setattr(training_words, "TOLERANCE", 1e-7)
            exact = ridge(features, shares, weights)
        assert 0 < np.linalg.norm(found - exact) < 0.02 * np.linalg.norm(exact)


def test_scores_are_measured_from_the_mean_where_they_are_centred() -> None:
    words, _ = world()
    random = np.random.default_rng(3)
    features = Features(words=words, encodings=random.normal(size=(9, 4)))
    weights = random.normal(size=(9, 3)).astype(np.float32)
    for judge in (weights, weights[:5]):
        scores = features.scores(judge).numpy()
        found = features.centred().take(np.array([2, 5]))
        np.testing.assert_allclose(found.scores(judge), (scores - scores.mean(axis=0))[[2, 5]], atol=1e-5)
        np.testing.assert_allclose(found.offset(judge), -scores.mean(axis=0), atol=1e-5)
    assert not features.offset(weights).any()
