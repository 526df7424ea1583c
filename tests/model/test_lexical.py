"""Odds of words and joined opinions, against loops and scikit-learn."""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import csr_array
from sklearn.naive_bayes import ComplementNB, MultinomialNB

from hiercls.model.lexical import LexicalBranch, join, log_odds
from hiercls.model.terms import LexicalConfig, Terms


def world(seed: int = 0) -> tuple[csr_array, np.ndarray]:
    random = np.random.default_rng(seed)
    return csr_array(random.random((9, 5)) * (random.random((9, 5)) < 0.6)), np.arange(9) % 3


def centred(odds: np.ndarray) -> np.ndarray:
    result: np.ndarray = odds - odds.mean(axis=1, keepdims=True)
    return result


def test_with_known_topics_they_are_scikit_learns_naive_bayes_minus_its_complement() -> None:
    features, topics = world()
    inside = MultinomialNB(alpha=0.1).fit(features, topics).feature_log_prob_
    outside = -ComplementNB(alpha=0.1).fit(features, topics).feature_log_prob_  # scikit-learn holds its negative
    found = log_odds(features, csr_array(np.eye(3)[topics]), smoothing=0.1)
    np.testing.assert_allclose(found, centred((inside - outside).T), atol=1e-5)


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
    np.testing.assert_allclose(log_odds(features, csr_array(shares), smoothing=0.5), centred(expected), atol=1e-5)


def test_a_branch_adds_the_words_to_the_encoder() -> None:
    terms = Terms.fit(["red fox", "red hen"], customers=["a", "a"], config=LexicalConfig())
    odds = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    encoder = torch.randn(2, 4).log_softmax(-1)
    texts = ["hen hen fox", "nothing known"]
    found = LexicalBranch(terms=terms, odds=odds, scales=(0.5, 2.0)).topics(texts, encoder)
    raw = 0.5 * encoder.numpy() + 2.0 * (terms.features(texts).toarray() @ odds)
    np.testing.assert_allclose(found.exp(), np.exp(raw) / np.exp(raw).sum(1, keepdims=True), rtol=1e-5)
    alone = LexicalBranch(terms=terms, odds=odds, scales=(0.5, 2.0)).topics(texts, None)
    np.testing.assert_allclose(alone[1].exp(), np.full(4, 0.25), rtol=1e-6)


def test_an_encoder_alone_is_left_as_it_is() -> None:
    encoder = torch.randn(3, 4).log_softmax(-1)
    np.testing.assert_allclose(join(encoder, torch.zeros(3, 4), (1.0, 1.0)), encoder, atol=1e-6)
