"""F1 of several classes a document, against scikit-learn, and what labels leave open."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from hiercls.errors import ConfigError
from hiercls.metrics import evaluate_multilabel, reliability, score_multilabel
from hiercls.taxonomy import Taxonomy


def test_on_known_classes_it_is_scikit_learns(tiny: Taxonomy) -> None:
    random = np.random.default_rng(0)
    truth, predicted = random.random((200, 6)) < 0.3, random.random((200, 6)) < 0.4
    scores = evaluate_multilabel(tiny.view("topic"), predicted, truth.astype(int))
    assert scores.micro_f1 == pytest.approx(f1_score(truth, predicted, average="micro"))
    assert scores.macro_f1 == pytest.approx(f1_score(truth, predicted, average="macro"))
    assert scores.precision == pytest.approx(precision_score(truth, predicted, average="micro"))
    assert scores.recall == pytest.approx(recall_score(truth, predicted, average="micro"))
    assert scores.subset_accuracy == pytest.approx(accuracy_score(truth, predicted))
    assert (scores.view, scores.n_documents, scores.n_open) == ("topic", 200, 0)


def test_what_is_open_does_not_count(tiny: Taxonomy) -> None:
    truth = np.array([[1, -1, 0], [-1, -1, -1], [0, 1, 1]])
    for guess in (0, 1):
        predicted = np.array([[1, guess, 1], [guess, guess, guess], [0, 1, 0]])
        scores = evaluate_multilabel(tiny.view("one"), predicted, truth)
        assert (scores.n_documents, scores.n_open) == (2, 1)
        assert (scores.precision, scores.recall) == (2 / 3, 2 / 3)
        assert scores.subset_accuracy == 0


def test_classes_that_never_occur_are_left_out_of_the_mean_and_no_document_is_nan(tiny: Taxonomy) -> None:
    scores = evaluate_multilabel(tiny.view("one"), [[1, 0, 0]], [[1, 0, 0]])
    assert scores.macro_f1 == 1
    empty = evaluate_multilabel(tiny.view("one"), np.empty((0, 3)), np.empty((0, 3)))
    assert np.isnan([empty.micro_f1, empty.macro_f1, empty.subset_accuracy]).all()
    with pytest.raises(ConfigError, match="documents × 3 classes"):
        evaluate_multilabel(tiny.view("one"), [[1, 0]], [[1, 0]])


def test_probabilities_against_each_class_by_itself() -> None:
    random = np.random.default_rng(3)
    sure = random.uniform(0.05, 0.95, size=(200, 3))
    truth = (random.random((200, 3)) < sure).astype(int)
    truth[random.random((200, 3)) < 0.3] = -1
    truth[:5] = -1
    scores = score_multilabel("v", np.log(sure), truth, n_bins=5)
    errors, losses = [], []
    for k in range(3):
        known = truth[:, k] >= 0
        errors.append(reliability(sure[known, k], truth[known, k], n_bins=5).error)
    for row, said in zip(truth, sure, strict=True):
        told = [np.log(p if holds else 1 - p) for holds, p in zip(row, said, strict=True) if holds >= 0]
        losses += [-sum(told)] if told else []
    assert scores.calibration_error == pytest.approx(np.mean(errors))
    assert scores.log_loss == pytest.approx(np.mean(losses))
    nothing = score_multilabel("v", np.log(sure), np.full_like(truth, -1))
    assert np.isnan([nothing.calibration_error, nothing.log_loss]).all()
    assert scores.view == nothing.view == "v"
    with pytest.raises(ConfigError, match="of one shape"):
        score_multilabel("v", np.log(sure), truth[:, :2])
