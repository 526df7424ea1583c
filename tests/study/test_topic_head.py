"""The quick head: its gradient is the loss's, it finds what fine labels find, and it learns topics from groups."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp
from sklearn.linear_model import LogisticRegression

from hiercls.data.rows import Row
from hiercls.study.topic_head import fit_head, topic_logits
from hiercls.taxonomy.labels import resolve


def worded(tiny, labels):
    return resolve(tiny, [Row(text="…", labels=(label,)) for label in labels]).labels


@pytest.fixture
def blobs(tiny):
    """Encodings around six centres, and the topic of each."""
    random = np.random.default_rng(0)
    topics = np.arange(240) % 6
    return random.normal(size=(6, 5))[topics] * 2 + random.normal(size=(240, 5)), topics


def test_fine_labels_give_logistic_regression(tiny, blobs):
    encodings, topics = blobs
    labels = worded(tiny, [(None, tiny.topics[topic]) for topic in topics])
    head = fit_head(encodings, labels, l2=2.0, max_iter=2_000)
    rival = LogisticRegression(C=0.5, tol=1e-8, max_iter=5_000).fit(encodings, topics)
    expected = rival.predict_log_proba(encodings)
    np.testing.assert_allclose(log_softmax(topic_logits(encodings, head), axis=1), expected, atol=2e-3)


def test_groups_weights_and_scopes_enter_the_loss_as_written(tiny, blobs):
    encodings, topics = blobs
    named = [("one", "ABC"), ("one", "D"), ("two", "BC"), ("area", tiny.view("area").classes[0])]
    labels = worded(tiny, [named[place % 4] for place in range(len(topics))])
    weights = labels.weights.toarray()
    inside = np.zeros_like(weights)
    for row, scope in enumerate(labels.scope_index):
        named_topics = labels.scopes[scope]
        inside[row, slice(None) if named_topics is None else named_topics] = 1

    def loss(flat):
        head = flat.reshape(-1, 6)
        logits = topic_logits(encodings, head)
        every = logsumexp(logits, b=inside, axis=1)
        return np.sum(every - logsumexp(logits, b=weights, axis=1)) + 0.5 * np.sum(head[:-1] ** 2)

    found = fit_head(encodings, labels, l2=1.0, max_iter=2_000)
    best = minimize(loss, found.ravel(), method="L-BFGS-B")
    assert loss(found.ravel()) <= best.fun + 1e-3
    assert loss(found.ravel()) < loss(np.zeros(36)) - 10


def test_two_groupings_teach_topics_that_neither_names(tiny, blobs):
    encodings, topics = blobs
    coarse = []
    for place, topic in enumerate(topics):
        view = tiny.view(("one", "two", "three")[place // 6 % 3])
        coarse.append((view.name, next(c for c in view.classes if tiny.topics[topic] in view.topics_of(c))))
    head = fit_head(encodings, worded(tiny, coarse), l2=1.0)
    assert np.mean(topic_logits(encodings, head).argmax(axis=1) == topics) > 0.8
