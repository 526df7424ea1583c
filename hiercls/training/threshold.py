"""From which probability a class is predicted, where a document may have several: chosen on held-out labels.

Knows probabilities of topics and what labels say; knows no text and no network.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from hiercls.model.multilabel import SeveralTopics
from hiercls.taxonomy import Taxonomy, View
from hiercls.taxonomy.multilabels import PRESENT, UNKNOWN, Multilabels

Array = NDArray[np.float64]

N_SAMPLES = 100
"""Resamples of the held-out documents over which the best cut is averaged."""
CUTS: Array = np.linspace(-4.0, 4.0, 161)
"""The cuts that are tried, in log-odds: probabilities from .018 to .982."""


def choose_threshold(
    topics: Tensor,
    labels: Multilabels,
    *,
    taxonomy: Taxonomy,
    seed: int,
    classes: Callable[[Tensor, View], Tensor] | None = None,
) -> float:
    """The threshold under which the labelled classes' micro-F1 is best, smoothed.

    ``argmax_τ 2·TP(τ) / (predicted(τ) + true)`` over all classes of the views that a document lists completely,
    averaged in log-odds over bootstrap samples of the documents: on few documents the best cut alone jumps about.

    Args:
        topics: log p(t|x) of documents that were not trained on, shape (n_documents, n_topics).
        labels: What their labels say.
        taxonomy: The map.
        seed: Seed of the samples.
        classes: log p(k|x) of a view's classes from the topics, where a customer has a calibration of its own; None: as
            the task has them.

    Returns:
        A probability; .5 where no document lists a view completely, or none lists a class.

    Source:
        Lewis et al., RCV1, JMLR 2004, section 6 (thresholds that optimise F1 on held-out data); bagging: Breiman, 1996.
    """
    hits, found, true = _counts(topics, labels, taxonomy, classes or SeveralTopics().classes)
    if not true.any():
        return 0.5
    random = np.random.default_rng(seed)
    share = np.full(len(true), 1.0 / len(true))
    weights = random.multinomial(len(true), share, size=N_SAMPLES).astype(float)
    f1 = 2 * (weights @ hits) / np.maximum(weights @ found + (weights @ true)[:, None], 1e-12)
    best = [CUTS[row == row.max()].mean() for row in f1]
    return float(1 / (1 + np.exp(-np.mean(best))))


def _counts(
    topics: Tensor, labels: Multilabels, taxonomy: Taxonomy, classes: Callable[[Tensor, View], Tensor]
) -> tuple[Array, Array, Array]:
    """For each document the right and the predicted classes at every cut, (n_documents, n_cuts), and the true ones."""
    shape = (len(labels), len(CUTS))
    hits, found, true = np.zeros(shape), np.zeros(shape), np.zeros(len(labels))
    for name in sorted(frozenset().union(*labels.views)):
        view = taxonomy.view(name)
        asked = np.array([row for row, views in enumerate(labels.views) if name in views], dtype=np.int64)
        truth = labels.take(asked).truth(view.membership)
        whole = (truth != UNKNOWN).all(axis=1)
        asked, truth = asked[whole], truth[whole] == PRESENT
        log_odds = _log_odds(classes(topics[asked], view).double().numpy())
        passed = np.searchsorted(CUTS, log_odds, side="right")
        for row, document in enumerate(asked.tolist()):
            hits[document] += _at_least(passed[row, truth[row]])
            found[document] += _at_least(passed[row])
        true[asked] += truth.sum(axis=1)
    return hits, found, true


def _log_odds(log_probabilities: Array) -> Array:
    """log(p / (1 − p)), large but finite where p = 1."""
    odds: Array = log_probabilities - np.log(np.maximum(-np.expm1(log_probabilities), 1e-300))
    return odds


def _at_least(passed: NDArray[np.int64]) -> Array:
    """How many classes pass each cut, given how many cuts each passes."""
    counts = np.bincount(passed, minlength=len(CUTS) + 1)
    above: Array = counts[::-1].cumsum()[::-1][1:].astype(float)
    return above
