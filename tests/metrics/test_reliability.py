"""Calibration errors against torchmetrics where the bins agree, Brier and log-loss against scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, log_loss
from torchmetrics.functional.classification import binary_calibration_error, multiclass_calibration_error

from hiercls.errors import ConfigError
from hiercls.metrics import reliability, score_probabilities, top_reliability

QUICK = settings(derandomize=True, max_examples=40, deadline=None)


@pytest.mark.parametrize("n_bins", [1, 4, 10])
def test_errors_agree_with_torchmetrics_where_bins_of_equal_mass_are_bins_of_equal_width(n_bins) -> None:
    """Probabilities spread evenly from 0 to 1 fill bins of equal width equally."""
    random = np.random.default_rng(n_bins)
    confidence = (random.permutation(400) + 0.5) / 400
    correct = random.random(400) < confidence**2
    expected = binary_calibration_error(torch.tensor(confidence), torch.tensor(correct).int(), n_bins=n_bins)
    assert reliability(confidence, correct, n_bins=n_bins).error == pytest.approx(float(expected), abs=1e-6)


def test_the_likeliest_classes_error_agrees_with_torchmetrics() -> None:
    """Two classes' likeliest probabilities spread evenly from .5 to 1: five of torchmetrics' ten bins are filled."""
    random = np.random.default_rng(0)
    top = 0.5 + (random.permutation(500) + 0.5) / 1000
    probabilities = np.stack([top, 1 - top], axis=1)
    flipped = random.random(500) < 0.5
    probabilities[flipped] = probabilities[flipped, ::-1]
    truth = (random.random(500) < 0.3).astype(int)
    arrays = (torch.tensor(probabilities), torch.tensor(truth))
    expected = multiclass_calibration_error(*arrays, num_classes=2, n_bins=10, norm="l1")
    assert top_reliability(np.log(probabilities), truth, n_bins=5).error == pytest.approx(float(expected), abs=1e-6)


def test_brier_and_log_loss_agree_with_scikit_learn() -> None:
    random = np.random.default_rng(0)
    probabilities, truth = random.dirichlet(np.ones(5), size=300), random.integers(0, 5, 300)
    scores = score_probabilities(np.log(probabilities), truth)
    assert scores.log_loss == pytest.approx(log_loss(truth, probabilities))
    expected = np.mean(
        [sum((row[k] - (k == label)) ** 2 for k in range(5)) for row, label in zip(probabilities, truth, strict=True)]
    )
    assert scores.brier == pytest.approx(expected)
    ones = [brier_score_loss(truth == k, probabilities[:, k]) for k in range(5)]
    assert scores.brier == pytest.approx(sum(ones))


def test_the_classwise_error_is_the_mean_of_the_classes_errors() -> None:
    random = np.random.default_rng(1)
    probabilities, truth = random.dirichlet(np.ones(3), size=200), random.integers(0, 3, 200)
    each = [reliability(probabilities[:, k], truth == k).error for k in range(3)]
    assert score_probabilities(np.log(probabilities), truth).classwise_error == pytest.approx(np.mean(each))


def test_bins_by_hand() -> None:
    bins = reliability([0.1, 0.2, 0.3, 0.9, 0.9, 0.9], [0, 0, 1, 1, 1, 0], n_bins=2)
    assert bins.count.tolist() == [3, 3]
    assert bins.confidence == pytest.approx([0.2, 0.9])
    assert bins.accuracy == pytest.approx([1 / 3, 2 / 3])
    assert bins.error == pytest.approx((1 / 3 - 0.2) / 2 + (0.9 - 2 / 3) / 2)


def test_a_perfectly_calibrated_model_errs_little_and_an_overconfident_one_much() -> None:
    random = np.random.default_rng(0)
    confidence = random.random(50_000)
    correct = random.random(50_000) < confidence
    assert reliability(confidence, correct).error < 0.01
    assert reliability(np.sqrt(confidence), correct).error > 0.1


@QUICK
@given(values=st.lists(st.tuples(st.sampled_from([0.1, 0.4, 0.7, 1.0]), st.booleans()), min_size=1, max_size=30),
       seed=st.integers(0, 9), n_bins=st.integers(1, 6))  # fmt: skip
def test_the_order_of_documents_changes_nothing_even_with_ties(values, seed, n_bins) -> None:
    array = np.array(values)
    moved = np.random.default_rng(seed).permutation(array)
    one, two = reliability(*array.T, n_bins=n_bins), reliability(*moved.T, n_bins=n_bins)
    assert one.count.tolist() == two.count.tolist()
    assert one.error == pytest.approx(two.error)
    assert one.count.sum() == len(array)


def test_the_order_of_classes_changes_nothing() -> None:
    random = np.random.default_rng(2)
    probabilities, truth = random.dirichlet(np.ones(4), size=100), random.integers(-1, 4, 100)
    order = np.array([2, 0, 3, 1])
    moved = np.where(truth < 0, -1, np.argsort(order)[truth])
    one, two = (
        score_probabilities(np.log(probabilities), truth),
        score_probabilities(np.log(probabilities[:, order]), moved),
    )
    assert one.n_undetermined == two.n_undetermined > 0
    for name in ("calibration_error", "classwise_error", "brier", "log_loss"):
        assert getattr(one, name) == pytest.approx(getattr(two, name))


@pytest.mark.parametrize(("logs", "truth"), [(np.zeros((0, 2)), []), (np.log([[0.5, 0.5]]), [-1])])
def test_where_no_document_counts_there_is_no_score(logs, truth) -> None:
    scores = score_probabilities(logs, truth)
    assert (scores.n_documents, scores.n_undetermined) == (0, len(truth))
    assert math.isnan(scores.calibration_error)
    assert math.isnan(scores.log_loss)


@pytest.mark.parametrize(
    ("logs", "truth"), [([[0.5, 0.5]], [0]), ([0.0], [0]), ([[math.nan, 0.0]], [0]), ([[0.0, -9.0]], [0, 1])]
)
def test_what_is_no_log_probability(logs, truth) -> None:
    with pytest.raises(ConfigError, match="expected"):
        score_probabilities(logs, truth)


def test_bins_must_be() -> None:
    with pytest.raises(ConfigError, match="one bin at least, got 0"):
        reliability([0.5], [True], n_bins=0)


@pytest.mark.parametrize(
    ("confidence", "correct", "shapes"),
    [([0.5], [1, 0], r"\(1,\) and \(2,\)"), ([[0.5]], [[1]], r"\(1, 1\) and \(1, 1\)")],
)
def test_answers_are_two_vectors(confidence, correct, shapes) -> None:
    with pytest.raises(ConfigError, match=f"vectors of one length, got the shapes {shapes}"):
        reliability(confidence, correct)


@pytest.mark.parametrize("n_bins", [1, 3])
def test_scores_have_as_many_bins_as_are_asked_for(n_bins) -> None:
    random = np.random.default_rng(4)
    logs, truth = np.log(random.dirichlet(np.ones(3), size=60)), random.integers(0, 3, 60)
    scores = score_probabilities(logs, truth, n_bins=n_bins)
    assert scores.calibration_error == top_reliability(logs, truth, n_bins=n_bins).error
    each = [reliability(np.exp(logs[:, k]), truth == k, n_bins=n_bins).error for k in range(3)]
    assert scores.classwise_error == pytest.approx(np.mean(each), abs=1e-12)


def test_equal_probabilities_are_in_the_bin_of_their_mean_rank() -> None:
    """Of ranks 0 to 5 those from 1 to 4 are tied at the mean 2.5: below the middle, in the lower half."""
    bins = reliability([0.1, 0.5, 0.5, 0.5, 0.5, 0.9], [0, 1, 1, 1, 1, 1], n_bins=2)
    assert bins.count.tolist() == [5, 1]
    assert reliability([0.1, 0.5, 0.5, 0.9], [0, 1, 1, 1], n_bins=4).count.tolist() == [1, 2, 1]


def test_a_single_answer_is_a_bin() -> None:
    bins = reliability([0.25], [True])
    assert (bins.count.tolist(), bins.confidence.tolist(), bins.accuracy.tolist()) == ([1], [0.25], [1.0])
