"""How words are learnt from coarse labels: expected topics by enumeration, rounds by a loop, scales by a grid."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.sparse import csr_array

from hiercls.data.rows import Row
from hiercls.model.multilabel import SeveralTopics
from hiercls.model.multilabel_targets import MultilabelTable
from hiercls.model.priors import Priors
from hiercls.model.targets import TargetTable
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.labels import resolve
from hiercls.taxonomy.multilabels import resolve_multilabels
from hiercls.training import lexical
from hiercls.training.lexical import (
    COUNTING,
    JUDGING,
    ROUNDS,
    SCALES,
    STRENGTH,
    LexicalTeacher,
    expected_presence,
    expected_topics,
    teach,
)
from hiercls.training.words import Features, log_odds, ridge

N, T = 60, 6


def teacher(tiny: Taxonomy, *, noise: float = 0.0) -> tuple[LexicalTeacher, np.ndarray, np.ndarray]:
    """Documents whose word of their topic is likely, coarse labels of three customers; labels' sets, topics."""
    random = np.random.default_rng(0)
    topics = random.integers(0, T, N)
    rows, sets = [], np.zeros((N, T))
    for number, topic in enumerate(topics):
        view = tiny.view(tiny.customers[number % 3])
        column = int(view.membership.toarray()[topic].argmax())
        rows.append(Row(text="", labels=((view.name, view.classes[column]),), customer=view.name))
        sets[number] = view.membership.toarray()[:, column]
    features = np.full((N, T), noise) + random.random((N, T)) * 0.1
    features[np.arange(N), topics] += 1.0
    table = TargetTable(tiny, resolve(tiny, rows).labels, composition="topic")
    weights = random.random(N).astype(np.float32) + 0.5
    read = Features(words=csr_array(features), encodings=random.normal(size=(N, 4)))
    return LexicalTeacher(features=read, targets=table, weights=weights, smoothing=0.1), sets, topics


def by_hand(scores: np.ndarray, sets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    shares = np.zeros((N, T))
    for i in range(N):
        masses = {t: np.exp(scores[i, t]) for t in range(T) if sets[i, t]}
        for t, mass in masses.items():
            shares[i, t] = weights[i] * mass / sum(masses.values())
    return shares


def test_expected_topics_stay_within_the_label(tiny: Taxonomy) -> None:
    taught, sets, _ = teacher(tiny)
    scores = torch.randn(N, T)
    found = expected_topics(scores, taught.targets.batch(np.arange(N))[-1], weights=taught.weights).toarray()
    np.testing.assert_allclose(found, by_hand(scores.numpy(), sets, taught.weights), atol=1e-5)


def test_a_customers_own_mix_enters_the_expected_topics(tiny: Taxonomy) -> None:
    pooled, own = np.full(T, 1 / T), np.array([0.05, 0.3, 0.05, 0.2, 0.1, 0.3])
    labels = resolve(tiny, [Row(text="", labels=(("one", "ABC"),), customer="one")]).labels
    priors = Priors(pooled=pooled, customers=own[None], index=np.array([0]))
    table = TargetTable(tiny, labels, composition="topic", priors=priors)
    scores = torch.tensor([[0.1, 0.2, 0.2, 0.2, 0.2, 0.1]]).log()
    found = expected_topics(scores, table.batch(np.array([0]))[-1], weights=np.ones(1)).toarray()[0]
    masses = np.array([0.1 * 0.05, 0.2 * 0.3, 0.2 * 0.05, 0, 0, 0])
    np.testing.assert_allclose(found, masses / masses.sum(), atol=1e-6)


@pytest.mark.parametrize("has_encoder", [False, True])
def test_counts_and_shares_take_turns_and_ridge_regression_learns_the_last(tiny: Taxonomy, has_encoder: bool) -> None:
    taught, sets, topics = teacher(tiny)
    words = taught.features.words
    said = torch.randn(N, T, generator=torch.manual_seed(0)) if has_encoder else torch.zeros(N, T)
    believed = said.log_softmax(-1).numpy()
    for _ in range(ROUNDS):
        odds = log_odds(words, csr_array(by_hand(believed, sets, taught.weights)), taught.weights, smoothing=0.1)
        believed = COUNTING[1] * (words @ odds) + COUNTING[0] * said.log_softmax(-1).numpy()
    found, weights = taught.judges(np.arange(N), said.log_softmax(-1))
    np.testing.assert_allclose(found, odds, atol=1e-3)
    believed = JUDGING[1] * (words @ odds) + JUDGING[0] * said.log_softmax(-1).numpy()
    last = csr_array(by_hand(believed, sets, taught.weights))
    np.testing.assert_allclose(weights, ridge(taught.features, last, taught.weights), atol=2e-3)
    if not has_encoder:
        for judge in (found, weights):
            assert (taught.features.scores(judge).argmax(1).numpy() == topics).mean() > 0.95


def test_scales_are_no_worse_than_any_on_a_grid_and_near_the_best(tiny: Taxonomy) -> None:
    taught, sets, _ = teacher(tiny)
    encoder, held = torch.randn(N, T).log_softmax(-1), np.arange(30, N)
    judges = taught.judges(np.arange(30), encoder[:30])
    opinions = [opinion.double().numpy() for opinion in taught.opinions(held, judges, encoder[held])]

    def objective(*scales: float) -> float:
        raw = np.exp(sum(scale * opinion for scale, opinion in zip(scales, opinions, strict=True)))
        losses = -np.log((raw / raw.sum(1, keepdims=True) * sets[held]).sum(1))
        drawn = STRENGTH * sum(np.log(scale / usual) ** 2 for scale, usual in zip(scales, SCALES, strict=True)) / 2
        return float(taught.weights[held] @ losses + drawn)

    found = taught.scales(held, judges, encoder[held])
    grid = np.geomspace(0.05, 5, 12)
    assert objective(*found) <= min(objective(a, b, 6 * c) for a in grid for b in grid for c in grid) + 1e-3
    best = minimize(lambda logs: objective(*np.exp(logs)), np.log(found), method="Nelder-Mead", tol=1e-8).x
    np.testing.assert_allclose(found, np.exp(best), rtol=2e-3)


@pytest.mark.parametrize("always", [False, True])
def test_words_are_left_out_where_held_out_labels_do_not_want_them(tiny: Taxonomy, always: bool) -> None:
    taught, _, topics = teacher(tiny)
    sure = torch.full((N, T), -30.0)
    sure[np.arange(N), topics] = 0.0
    split = (np.arange(30), np.arange(30, N))
    assert (teach(taught, split=split, before=sure, after=sure, always=always) is not None) == always
    lost = torch.zeros(N, T).log_softmax(-1)
    assert teach(taught, split=split, before=lost, after=lost, always=always) is not None


def test_nothing_held_out_proves_nothing(tiny: Taxonomy) -> None:
    taught, _, _ = teacher(tiny)
    said = torch.zeros(N, T).log_softmax(-1)
    everything = (np.arange(N), np.arange(0))
    assert teach(taught, split=everything, before=said, after=said, always=False) is None
    kept = teach(taught, split=everything, before=said, after=said, always=True)
    assert kept is not None
    odds, weights = taught.judges(np.arange(N), said)
    assert kept.scale == SCALES[0]
    assert not kept.bias.any()
    np.testing.assert_allclose(kept.weights[T:], SCALES[2] * weights[T:], rtol=1e-5)
    np.testing.assert_allclose(kept.weights[:T], SCALES[1] * odds + SCALES[2] * weights[:T], rtol=1e-5)


def test_where_topics_are_several_each_is_as_likely_as_lists_allow(tiny: Taxonomy) -> None:
    rows = [Row(text="", labels=(("two", "BC"), ("one", "ABC"))), Row(text="", labels=(("one", "EF"),), complete=())]
    table = MultilabelTable(tiny, resolve_multilabels(tiny, rows).labels)
    logits = torch.randn(2, T, generator=torch.manual_seed(0))
    found = expected_presence(logits, table.batch(np.arange(2))[-1], weights=np.array([1.0, 2.0])).toarray()
    p = logits.sigmoid().double().numpy()
    either = [1 - np.prod(1 - p[0, [1, 2]]), 1 - np.prod(1 - p[1, [4, 5]])]
    np.testing.assert_allclose(found[0], [0, *(p[0, 1:3] / either[0]), 0, 0, 0], atol=1e-5)
    np.testing.assert_allclose(found[1], 2 * np.array([*p[1, :4], *(p[1, 4:] / either[1])]), atol=1e-5)


def test_words_of_several_topics_are_weighed_by_the_likelihood_of_lists(tiny: Taxonomy) -> None:
    random = np.random.default_rng(0)
    truth = random.random((N, T)) < 0.3
    rows = [
        Row(text="", labels=tuple((None, tiny.topics[topic]) for topic in np.flatnonzero(held)), complete=(None,))
        for held in truth
    ]
    read = Features(words=csr_array(truth + 0.1 * random.random((N, T))), encodings=np.empty((N, 0))).centred()
    taught = LexicalTeacher(
        features=read,
        targets=MultilabelTable(tiny, resolve_multilabels(tiny, rows).labels),
        weights=np.ones(N, dtype=np.float32),
        smoothing=0.1,
        task=SeveralTopics(),
    )
    said, split = torch.full((N, T), 0.3).log(), (np.arange(30), np.arange(30, N))
    kept = teach(taught, split=split, before=said, after=said, always=False)
    assert kept is not None
    np.testing.assert_allclose(kept.bias, -read.words.mean(axis=0) @ kept.weights, atol=1e-5)
    logs = kept.heldout.double().numpy()
    expected = np.where(truth[30:], logs, np.log(-np.expm1(logs))).sum(axis=1)
    assert taught.loss(split[1], kept.heldout) == pytest.approx(-expected.mean(), rel=1e-4)
    assert ((logs > np.log(0.5)) == truth[30:]).mean() > 0.95


def test_words_are_counted_once_where_labels_leave_nothing_open(
    tiny: Taxonomy, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught, _, topics = teacher(tiny)
    rows = [Row(text="", labels=((None, tiny.topics[topic]),)) for topic in topics]
    fine = dataclasses.replace(taught, targets=TargetTable(tiny, resolve(tiny, rows).labels, composition="topic"))
    counted = []
    monkeypatch.setattr(lexical, "log_odds", lambda *given, **named: counted.append(1) or log_odds(*given, **named))
    opinion = torch.zeros(N, T).log_softmax(-1)
    fine.judges(np.arange(N), opinion)
    assert len(counted) == 1
    taught.judges(np.arange(N), opinion)
    assert len(counted) == 1 + ROUNDS
