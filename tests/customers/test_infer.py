"""A customer's classes from labelled documents, where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from hiercls.customers import infer_classes, name_prior, worth_labelling
from hiercls.errors import ConfigError

UNIFORM = np.full(6, 1 / 6)


def documents(n: int, *, seed: int, among: str = "ABCDEF") -> tuple[np.ndarray, np.ndarray]:
    """Topics, and log p(t|x) of a model that is right about three times of four."""
    random = np.random.default_rng(seed)
    topics = random.choice(["ABCDEF".index(letter) for letter in among], size=n)
    logits = 1.5 * (2 * np.eye(6)[topics] + random.standard_normal((n, 6)))
    return topics, logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def inferred(tiny, n: int, **settings):
    """Customer two's classes, {A, BC, DE, F}, from n documents."""
    among, seed = settings.pop("among", "ABCDEF"), settings.pop("seed", 0)
    topics, logs = documents(n, seed=seed, among=among)
    view = tiny.view("two")
    filed = view.membership.toarray()[topics].argmax(axis=1)
    return infer_classes(logs, filed, names=view.topics, classes=view.classes, pooled=UNIFORM, **settings)


def test_the_classes_are_found(tiny):
    truth = tiny.view("two").membership.toarray().argmax(axis=1)
    right = [(inferred(tiny, 120, seed=seed).posterior.argmax(axis=1) == truth).mean() for seed in range(6)]
    assert np.mean(right) > 0.95
    few = [(inferred(tiny, 12, seed=seed).posterior.argmax(axis=1) == truth).mean() for seed in range(6)]
    assert np.mean(few) < np.mean(right)


def test_what_is_uncertain_is_marked_and_the_draft_is_legal(tiny):
    found = inferred(tiny, 150, among="ABCDE")
    assert found.uncertain[0] == "F"  # of which there is no document
    assert found.posterior.sum(axis=1) == pytest.approx(np.ones(6))
    draft = found.yaml("acme")
    assert "# uncertain: F: " in draft
    assert "# without a topic, so left out: F" in draft or "F: [F]" in draft
    added = tiny.with_customer(draft).view("acme")
    assert set(added.classes) <= {"A", "BC", "DE", "F"}
    assert added.topics_of("DE")[:2] == ("D", "E")


def test_names_settle_what_documents_leave_open(tiny):
    prior = np.full((6, 4), 0.02)
    prior[5, 3] = 0.94
    prior[:5] = 0.25
    found = inferred(tiny, 150, among="ABCDE", prior=prior)
    assert found.posterior[5].argmax() == 3
    wrong = np.tile([0.94, 0.02, 0.02, 0.02], (6, 1))
    truth = tiny.view("two").membership.toarray().argmax(axis=1)
    assert (inferred(tiny, 300, prior=wrong).posterior.argmax(axis=1) == truth).mean() >= 5 / 6


def test_likeness_of_names_is_a_softmax_of_cosines():
    random = np.random.default_rng(0)
    left, right = random.standard_normal((3, 5)), random.standard_normal((2, 5))
    for row, topic in zip(name_prior(left, right), left, strict=True):
        cosines = [topic @ name / np.linalg.norm(topic) / np.linalg.norm(name) for name in right]
        expected = np.exp(np.array(cosines) * 10)
        np.testing.assert_allclose(row, expected / expected.sum())


def test_documents_of_the_open_topic_come_first_but_not_only(tiny):
    found = inferred(tiny, 150, among="ABCDE")
    topics, logs = documents(200, seed=7)
    chosen = worth_labelling(logs, found, n_documents=8)
    assert len(set(chosen)) == 8
    assert (topics[list(chosen)] == 5).sum() >= 7
    little = worth_labelling(logs, inferred(tiny, 4), n_documents=12)
    assert len(set(topics[list(little)].tolist())) >= 4
    assert len(worth_labelling(logs[:3], found, n_documents=8)) == 3


def test_without_documents_nothing_is_said(tiny):
    with pytest.raises(ConfigError, match="expected labelled documents"):
        infer_classes(np.zeros((0, 6)), [], names=tuple("ABCDEF"), classes=("K",), pooled=UNIFORM)
