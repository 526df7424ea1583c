"""The threshold: the best cut where it is plain, a smooth one where it is not, and none without evidence."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

from hiercls.data.rows import Row
from hiercls.model.multilabel import SeveralTopics
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.multilabels import Multilabels, resolve_multilabels
from hiercls.training.threshold import choose_threshold


def labels_of(taxonomy: Taxonomy, indicator: np.ndarray, **fields: object) -> Multilabels:
    rows = [
        Row(text="…", labels=tuple(("topic", "ABCDEF"[t]) for t in np.flatnonzero(line)), **fields)  # type: ignore[arg-type]
        for line in indicator
    ]
    return resolve_multilabels(taxonomy, rows).labels


def world(n: int, seed: int, shift: float = 0.0) -> tuple[torch.Tensor, np.ndarray]:
    """Log-odds, and truths drawn by them; then the log-odds are shifted."""
    random = np.random.default_rng(seed)
    odds = random.normal(size=(n, 6)) * 2 - 1
    truth = random.random((n, 6)) < 1 / (1 + np.exp(-odds))
    return torch.from_numpy(odds + shift), truth


@pytest.mark.parametrize("shift", [-2.0, 0.0, 1.5])
def test_it_is_near_the_best_cut_of_scikit_learns_f1(tiny: Taxonomy, shift: float) -> None:
    odds, truth = world(3000, 0, shift)
    found = choose_threshold(
        torch.nn.functional.logsigmoid(odds), labels_of(tiny, truth, complete=("topic",)), taxonomy=tiny, seed=0
    )
    cuts = np.linspace(0.02, 0.98, 97)
    p = torch.sigmoid(odds).numpy()
    scores = [f1_score(truth, p >= cut, average="micro") for cut in cuts]
    assert f1_score(truth, p >= found, average="micro") == pytest.approx(max(scores), abs=2e-3)
    assert found == pytest.approx(cuts[int(np.argmax(scores))], abs=0.06)


def test_it_moves_with_the_log_odds_and_hardly_with_the_sample(tiny: Taxonomy) -> None:
    found = []
    for seed in range(8):
        odds, truth = world(60, seed)
        labels = labels_of(tiny, truth, complete=("topic",))
        found.append(choose_threshold(torch.nn.functional.logsigmoid(odds), labels, taxonomy=tiny, seed=0))
    assert np.std(found) < 0.09


def test_coarse_labels_choose_it_too(tiny: Taxonomy) -> None:
    odds, truth = world(3000, 1, 1.0)
    rows = []
    for line in truth:
        held = {"ABCDEF"[t] for t in np.flatnonzero(line)}
        rows.append(Row(text="…", labels=tuple(("area", a) for a in "XY" if held & set(tiny.view("area").topics_of(a))),
                        complete=("area",)))  # fmt: skip
    topics = torch.nn.functional.logsigmoid(odds)
    found = choose_threshold(topics, resolve_multilabels(tiny, rows).labels, taxonomy=tiny, seed=0)
    p = SeveralTopics().classes(topics, tiny.view("area")).exp().numpy()
    held = np.stack([truth[:, :3].any(axis=1), truth[:, 3:].any(axis=1)], axis=1)
    best = max(f1_score(held, p >= cut, average="micro") for cut in np.linspace(0.02, 0.98, 97))
    assert f1_score(held, p >= found, average="micro") == pytest.approx(best, abs=2e-3)


def test_without_evidence_it_is_a_half(tiny: Taxonomy) -> None:
    odds, truth = world(20, 0)
    truth[:, 0] = True
    topics = torch.nn.functional.logsigmoid(odds)
    assert choose_threshold(topics, labels_of(tiny, truth, complete=()), taxonomy=tiny, seed=0) == 0.5
    none = labels_of(tiny, np.zeros_like(truth), complete=("topic",))
    assert choose_threshold(topics, none, taxonomy=tiny, seed=0) == 0.5
