"""How words are learnt from coarse labels: expected topics by enumeration, rounds by a loop, scales by a grid."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from hiercls.data.rows import Row
from hiercls.model.lexical import join, log_odds, word_scores
from hiercls.model.priors import Priors
from hiercls.model.targets import TargetTable
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.labels import resolve
from hiercls.training.lexical import ROUNDS, SCALES, LexicalTeacher, expected_topics, teach

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
    return LexicalTeacher(features=csr_array(features), targets=table, weights=weights, smoothing=0.1), sets, topics


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
def test_counts_and_shares_take_turns(tiny: Taxonomy, has_encoder: bool) -> None:
    taught, sets, topics = teacher(tiny)
    said = torch.randn(N, T, generator=torch.manual_seed(0)).log_softmax(-1) if has_encoder else None
    believed = np.zeros((N, T)) if said is None else said.numpy()
    for _ in range(ROUNDS):
        odds = log_odds(taught.features, csr_array(by_hand(believed, sets, taught.weights)), smoothing=0.1)
        believed = SCALES[1] * (taught.features @ odds) + (0.0 if said is None else SCALES[0] * said.numpy())
    found = taught.odds(np.arange(N), said)
    np.testing.assert_allclose(found, odds, atol=1e-3)
    if not has_encoder:
        assert (word_scores(taught.features, found).argmax(1).numpy() == topics).mean() > 0.95


def test_scales_are_no_worse_than_any_on_a_grid(tiny: Taxonomy) -> None:
    taught, sets, _ = teacher(tiny)
    encoder, held = torch.randn(N, T).log_softmax(-1), np.arange(30, N)
    odds = taught.odds(np.arange(30), encoder[:30])

    def objective(a: float, b: float) -> float:
        scores = join(encoder[held], word_scores(taught.features[held], odds), (a, b)).double().exp().numpy()
        losses = -np.log((scores * sets[held]).sum(1))
        return float(taught.weights[held] @ losses + (np.log(a / SCALES[0]) ** 2 + np.log(b / SCALES[1]) ** 2) / 2)

    best = objective(*taught.scales(held, odds, encoder[held]))
    grid = np.geomspace(0.05, 5, 25)
    assert best <= min(objective(a, b) for a in grid for b in grid) + 1e-3


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
    assert kept[1] == SCALES
