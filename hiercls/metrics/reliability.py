"""Whether probabilities can be believed: calibration error in bins of equal mass, Brier score, log-loss.

Knows probabilities at one view and its classes' indices; no torch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiercls.errors import ConfigError
from hiercls.metrics.arrays import Indices, pair_up

N_BINS = 15
"""Bins by default."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reliability:
    """What was promised and what came true, bin by bin; no bin is empty.

    Args:
        count: Answers in each bin, shape (n_bins,).
        confidence: Their mean probability, shape (n_bins,).
        accuracy: The part of them that is right, shape (n_bins,).

    Example:
        >>> reliability([0.5, 0.5], [True, False]).error
        0.0
    """

    count: Indices
    confidence: Array
    accuracy: Array

    @property
    def error(self) -> float:
        """The expected calibration error ``Σ_b count_b / n · |accuracy_b − confidence_b|``; NaN without answers."""
        n = self.count.sum()
        return float(self.count @ np.abs(self.accuracy - self.confidence) / n) if n else math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbabilityScores:
    """How good the probabilities at one view are.

    Args:
        n_documents: The documents that count.
        n_undetermined: The documents left out, since their truth lies within no single class of the view.
        calibration_error: Of the likeliest classes: how far their probabilities are from the part that is right.
        classwise_error: The same of every class, the mean over classes.
        brier: ``Σ_k (p_k − [k is true])²``, the mean over documents; from 0 to 2.
        log_loss: ``−log p(truth)`` in nats, the mean over documents.

    Example:
        >>> score_probabilities(np.log([[0.5, 0.5]]), [0]).brier
        0.5
    """

    n_documents: int
    n_undetermined: int
    calibration_error: float
    classwise_error: float
    brier: float
    log_loss: float


def reliability(confidence: ArrayLike, correct: ArrayLike, *, n_bins: int = N_BINS) -> Reliability:
    """Probabilities beside what came true, in bins of equal mass.

    Answers of equal probability are always in one bin, so that their order changes nothing; bins may then differ in
    size, and be fewer.

    Args:
        confidence: The probability of each answer, shape (n_answers,).
        correct: Whether it was right, shape (n_answers,).
        n_bins: Bins at most.

    Returns:
        The bins by rising probability.

    Raises:
        ConfigError: If the arrays are not of one length, or there is no bin.

    Example:
        >>> reliability([0.2, 0.4, 0.6, 0.8], [0, 1, 0, 1], n_bins=2).accuracy.tolist()
        [0.5, 0.5]

    Source:
        Nixon et al., Measuring Calibration in Deep Learning, 2019 (adaptive bins).
    """
    sure, right = np.asarray(confidence, dtype=float), np.asarray(correct, dtype=float)
    if sure.shape != right.shape or sure.ndim != 1:
        raise ConfigError(f"expected vectors of one length, got the shapes {sure.shape} and {right.shape}")
    if n_bins < 1:
        raise ConfigError(f"expected one bin at least, got {n_bins}")
    _, group, sizes = np.unique(sure, return_inverse=True, return_counts=True)
    middle = np.cumsum(sizes) - (sizes + 1) / 2  # the mean rank of equal probabilities, from 0
    bins = np.floor(middle * n_bins / max(len(sure), 1)).astype(np.int64)[group]
    count = np.bincount(bins, minlength=n_bins)
    filled = count > 0
    sums = [np.bincount(bins, weights=values, minlength=n_bins)[filled] for values in (sure, right)]
    return Reliability(count=count[filled], confidence=sums[0] / count[filled], accuracy=sums[1] / count[filled])


def top_reliability(log_probabilities: ArrayLike, truth: ArrayLike, *, n_bins: int = N_BINS) -> Reliability:
    """The reliability of the likeliest classes, for a diagram or its error.

    Args:
        log_probabilities: log p(k|x), shape (n_documents, n_classes).
        truth: n_documents class indices; documents with −1 are left out.
        n_bins: Bins at most.

    Returns:
        The bins by rising probability.

    Raises:
        ConfigError: If the arrays do not fit each other.

    Example:
        >>> top_reliability(np.log([[0.75, 0.25], [0.75, 0.25]]), [0, 1]).error
        0.25
    """
    probabilities, classes, _ = _determined(log_probabilities, truth)
    top = probabilities.argmax(axis=1)
    return reliability(probabilities[np.arange(len(top)), top], top == classes, n_bins=n_bins)


def score_probabilities(log_probabilities: ArrayLike, truth: ArrayLike, *, n_bins: int = N_BINS) -> ProbabilityScores:
    """All scores of probabilities at one view.

    Args:
        log_probabilities: log p(k|x), shape (n_documents, n_classes).
        truth: n_documents class indices; documents with −1 are left out.
        n_bins: Bins at most of the calibration errors.

    Returns:
        The scores and the counts; NaN where no document counts.

    Raises:
        ConfigError: If the arrays do not fit each other.

    Example:
        >>> scores = score_probabilities(np.log([[0.75, 0.25], [0.75, 0.25]]), [0, 1])
        >>> scores.calibration_error, scores.log_loss
        (0.25, 0.836...)
    """
    probabilities, classes, n_undetermined = _determined(log_probabilities, truth)
    n_documents, n_classes = probabilities.shape
    if not n_documents:
        nothing = dict.fromkeys(("calibration_error", "classwise_error", "brier", "log_loss"), math.nan)
        return ProbabilityScores(n_documents=0, n_undetermined=n_undetermined, **nothing)
    logs = np.asarray(log_probabilities, dtype=float)[np.asarray(truth) >= 0]
    hits = np.eye(n_classes)[classes]
    by_class = [reliability(probabilities[:, k], hits[:, k], n_bins=n_bins).error for k in range(n_classes)]
    return ProbabilityScores(
        n_documents=n_documents,
        n_undetermined=n_undetermined,
        calibration_error=top_reliability(log_probabilities, truth, n_bins=n_bins).error,
        classwise_error=float(np.mean(by_class)),
        brier=float(((probabilities - hits) ** 2).sum(axis=1).mean()),
        log_loss=float(-logs[np.arange(n_documents), classes].mean()),
    )


def _determined(log_probabilities: ArrayLike, truth: ArrayLike) -> tuple[Array, Indices, int]:
    """The probabilities and classes of the documents that count, and how many do not."""
    logs = np.asarray(log_probabilities, dtype=float)
    if logs.ndim != 2 or np.isnan(logs).any() or (logs > 1e-3).any():
        raise ConfigError(f"expected log-probabilities of documents × classes, got {logs.ndim} dimensions or others")
    classes = np.asarray(truth)
    pairs = pair_up(np.zeros(len(logs), dtype=np.int64), classes, n_classes=logs.shape[1])
    return np.exp(logs[classes >= 0] if len(logs) else logs), pairs.truth, pairs.n_undetermined
