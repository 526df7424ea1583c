"""What a baseline's strength of regularisation is chosen by: compared with a slow search."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss

from hiercls.data.splitting import holdout
from hiercls.study.baselines import VALIDATION, Baseline, Documents, _likelihood, predict_from_own_data

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


@pytest.mark.parametrize("criterion", ["accuracy", "likelihood"])
def test_the_best_on_the_held_out_part_is_taken(world, criterion):
    training, labels, _ = world
    kept, heldout = holdout(training.texts, strata=labels.tolist(), fraction=VALIDATION, seed=3)
    goodness = []
    for strength in STRENGTHS:
        fit = LogisticRegression(C=strength).fit(training.encodings[kept], labels[kept])
        if criterion == "accuracy":
            goodness.append(accuracy_score(labels[heldout], fit.predict(training.encodings[heldout])))
        else:
            goodness.append(-log_loss(labels[heldout], fit.predict_proba(training.encodings[heldout])))
    baseline = Baseline(
        name="own data",
        features="encodings",
        classifier=LogisticRegression(),
        parameter="C",
        values=STRENGTHS,
        criterion=criterion,
    )
    assert chosen(baseline, world) == STRENGTHS[int(np.argmax(goodness))]


def test_a_held_out_class_that_training_has_not_seen_is_left_aside(world):
    training, labels, _ = world
    seen = labels != 1
    fit = LogisticRegression().fit(training.encodings[seen], labels[seen])
    expected = -log_loss(labels[seen], fit.predict_proba(training.encodings[seen]))
    assert _likelihood(fit, training.encodings, labels) == pytest.approx(expected)
