"""F1 and calibration of several classes a document at one view, where labels may leave some of them open.

Knows views and 0/1 matrices; knows no model and no torch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from hiercls.errors import ConfigError
from hiercls.metrics.hierarchical import node_set_scores
from hiercls.metrics.reliability import N_BINS, reliability
from hiercls.taxonomy.view import View

SMALLEST = 1e-30
"""The least probability that a log-loss knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MultilabelScores:
    """How good predictions of several classes a document are at one view.

    Args:
        view: The level's or customer's name.
        n_documents: The documents of which some class is known to hold or not to.
        n_open: The pairs of such a document and a class of which that is not known; they do not count.
        precision: The part of the predicted classes that hold, over all documents together.
        recall: The part of the classes that hold that were predicted.
        micro_f1: The harmonic mean of the two.
        macro_f1: The mean F1 of the classes that occur in truths or predictions.
        subset_accuracy: The part of the documents all of whose known classes are predicted right.

    All are NaN where no document counts.

    Example:
        >>> scores = evaluate_multilabel(View.from_members("v", topics="AB", members={"A": [0], "B": [1]}),
        ...                              [[1, 1], [0, 1]], [[1, 0], [-1, 1]])
        >>> scores.n_open, scores.precision, scores.recall, scores.subset_accuracy
        (1, 0.666..., 1.0, 0.5)
    """

    view: str
    n_documents: int
    n_open: int
    precision: float
    recall: float
    micro_f1: float
    macro_f1: float
    subset_accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MultilabelProbabilityScores:
    """How good the probabilities of several classes a document are at one view.

    Args:
        view: The level's or customer's name.
        calibration_error: How far each class's probabilities are from the part that holds, in bins of equal mass; the
            mean over the classes of which anything is known.
        log_loss: ``−Σ_k log P(truth of k)`` in nats over the classes of which the truth is known, the mean over the
            documents with any.

    Both are NaN where no document counts.

    Example:
        >>> score_multilabel("v", np.log([[0.5, 0.75], [0.5, 0.75]]), [[1, 1], [0, -1]]).calibration_error
        0.125
    """

    view: str
    calibration_error: float
    log_loss: float


def score_multilabel(
    view: str, log_probabilities: ArrayLike, truth: ArrayLike, *, n_bins: int = N_BINS
) -> MultilabelProbabilityScores:
    """Both scores of the probabilities at one view.

    Args:
        view: The level's or customer's name.
        log_probabilities: log P(k|x), shape (n_documents, n_classes).
        truth: n_documents × n_classes, 1 where a class holds, 0 where it does not, −1 where that is not known.
        n_bins: Bins at most of each class.

    Returns:
        The scores.

    Raises:
        ConfigError: If the shapes differ.
    """
    logs, truths = np.asarray(log_probabilities, dtype=float), np.asarray(truth)
    if logs.shape != truths.shape or logs.ndim != 2:
        raise ConfigError(f"expected probabilities and truths of one shape, got {logs.shape} and {truths.shape}")
    known = truths >= 0
    counted, asked = known.any(axis=1), known.any(axis=0)
    if not counted.any():
        return MultilabelProbabilityScores(view=view, calibration_error=math.nan, log_loss=math.nan)
    sure = np.exp(logs)
    errors = [
        reliability(sure[known[:, k], k], truths[known[:, k], k] == 1, n_bins=n_bins).error
        for k in np.flatnonzero(asked).tolist()
    ]
    missed = -np.log(np.maximum(-np.expm1(logs), SMALLEST))
    losses = np.where(truths == 1, -logs, np.where(known, missed, 0.0)).sum(axis=1)
    error, loss = float(np.mean(errors)), float(losses[counted].mean())
    return MultilabelProbabilityScores(view=view, calibration_error=error, log_loss=loss)


def evaluate_multilabel(view: View, predicted: ArrayLike, truth: ArrayLike) -> MultilabelScores:
    """All scores of predictions of several classes a document at one view.

    Args:
        view: The view.
        predicted: n_documents × n_classes, 1 for the predicted classes, else 0.
        truth: n_documents × n_classes, 1 where a class holds, 0 where it does not, −1 where that is not known.

    Returns:
        The scores and the counts.

    Raises:
        ConfigError: If the shapes differ, or are not those of the view.
    """
    answers, truths = np.asarray(predicted), np.asarray(truth)
    if answers.shape != truths.shape or answers.shape[1:] != (len(view.classes),):
        raise ConfigError(
            f"expected predictions and truths of documents × {len(view.classes)} classes, "
            f"got the shapes {answers.shape} and {truths.shape}"
        )
    counted = (truths >= 0).any(axis=1)
    answers, truths = answers[counted] > 0, truths[counted]
    known = truths >= 0
    found, true = csr_array((answers & known).astype(int)), csr_array((truths == 1).astype(int))
    micro, macro = (node_set_scores(found, true, average=average) for average in ("micro", "classes"))
    right = (answers == (truths == 1)) | ~known
    return MultilabelScores(
        view=view.name,
        n_documents=len(truths),
        n_open=int((~known).sum()),
        precision=micro.precision,
        recall=micro.recall,
        micro_f1=micro.f1,
        macro_f1=macro.f1,
        subset_accuracy=float(right.all(axis=1).mean()) if len(right) else math.nan,
    )
