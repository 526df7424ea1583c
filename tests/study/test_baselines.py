"""What a baseline's strength of regularisation is chosen by: compared with a slow search."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score

from hiercls.data.splitting import holdout
from hiercls.study.baselines import N_SPLITS, VALIDATION, Baseline, Documents, _tuned, predict_from_own_data

STRENGTHS = (1e-4, 1e-2, 1.0, 100.0)


@pytest.fixture(scope="module")
def world():
    """120 documents of three classes that overlap, and 200 more to be predicted."""
    random = np.random.default_rng(0)
    labels = random.integers(3, size=320)
    encodings = random.normal(size=(320, 12)) + 1.5 * np.eye(3, 12)[labels]
    texts = [f"document {number}" for number in range(320)]
    whole = Documents(texts=texts, encodings=encodings)
    return whole.take(np.arange(120)), labels[:120], whole.take(np.arange(120, 320))


def chosen(baseline, world):
    """The strength whose predictions are those of the baseline; the strengths all predict differently."""
    training, labels, test = world
    predicted = predict_from_own_data(baseline, training, labels, test, seed=3)
    fits = [LogisticRegression(C=strength).fit(training.encodings, labels) for strength in STRENGTHS]
    same = [bool((fit.predict(test.encodings) == predicted).all()) for fit in fits]
    assert sum(same) == 1
    return STRENGTHS[same.index(True)]


def test_the_best_over_the_held_out_parts_is_taken(world):
    training, labels, _ = world
    goodness = np.zeros(len(STRENGTHS))
    for split in range(N_SPLITS):
        kept, heldout = holdout(training.texts, strata=labels.tolist(), fraction=VALIDATION, seed=3 * N_SPLITS + split)
        for place, strength in enumerate(STRENGTHS):
            fit = LogisticRegression(C=strength).fit(training.encodings[kept], labels[kept])
            goodness[place] += accuracy_score(labels[heldout], fit.predict(training.encodings[heldout]))
    baseline = Baseline(
        name="own data", features="encodings", classifier=LogisticRegression(), parameter="C", values=STRENGTHS
    )
    best = np.flatnonzero(goodness > goodness.max() - 1e-9)
    assert len(best) < len(STRENGTHS)
    assert chosen(baseline, world) == STRENGTHS[best[len(best) // 2]]


def test_of_strengths_that_do_equally_well_the_middle_one_is_taken():
    labels = np.arange(40) % 2
    training = Documents(texts=[f"document {number}" for number in range(40)], encodings=np.eye(2)[labels] * 9)
    baseline = Baseline(
        name="own data", features="encodings", classifier=LogisticRegression(), parameter="C", values=STRENGTHS
    )
    assert STRENGTHS[2] == _tuned(baseline, training, labels, seed=0).C
