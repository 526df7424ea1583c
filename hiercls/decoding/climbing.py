"""Answers that are coarser where they must be, so that a promised part of them is right: which threshold that takes.

Knows log-probabilities of topics, held-out labels as sets of topics, and the taxonomy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom

from hiercls.decoding.argmax import Array, Indices, node_probabilities
from hiercls.decoding.conformal import allowed_topics
from hiercls.decoding.stopping import ROOT, ranked_answers, specificities
from hiercls.errors import ConfigError
from hiercls.metrics import ancestor_matrix
from hiercls.taxonomy import Taxonomy

CONFIDENCE = 0.99
"""How sure a promise is by default."""
THRESHOLDS: Array = np.append(1 / (1 + np.exp(-np.linspace(14, -8, 441))), 0.0)
"""The thresholds that are tried, falling."""
N_STARTS = 4
"""The places among them where trying begins: at the promise p, then 1 − (1 − p)², and so on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClimbingRule:
    """The threshold that keeps a promise of accuracy, for ``stop``.

    Args:
        threshold: The probability that an answer must have at least; infinite where no threshold is sure to keep the
            promise: then the only safe answer is none.
        accuracy: The promised part of the answers, those at the root left out, that are right.
        confidence: How sure the promise is.
        n_documents: The held-out documents that it was found on.
        n_answered: Those of them that are answered below the root.
        n_right: Those of the answered whose truth is the answer or stands below it.
    """

    threshold: float
    accuracy: float
    confidence: float
    n_documents: int
    n_answered: int
    n_right: int


def climbing_rule(
    log_topics: ArrayLike, labels: Any, *, taxonomy: Taxonomy, accuracy: float, confidence: float = CONFIDENCE
) -> ClimbingRule:
    """Find the lowest threshold that is sure to keep a promise of accuracy.

    No answer, at the root, is neither right nor wrong: the promise is for the others. From each of a few starts that
    are fixed in advance, thresholds are tried one after the other, downwards, until one fails the binomial test of
    ``P(right | answered) < accuracy`` at the level ``(1 − confidence) / n_starts``. So, whatever the model and the
    documents are like, the promise holds with the given confidence over the draw of the held-out documents.

    Args:
        log_topics: log p(t|x) of held-out documents, shape (n_documents, n_topics).
        labels: Not 0 for the topics that the label allows, dense or sparse, shape (n_documents, n_topics). Under a
            coarse label an answer is right where all its topics stand below: mostly more are right than promised.
        taxonomy: The map.
        accuracy: The part of the answers that shall be right, between 0 and 1.
        confidence: How sure that shall be, between 0 and 1.

    Returns:
        The rule.

    Raises:
        ConfigError: If the arrays do not fit the taxonomy, or accuracy or confidence are not between 0 and 1.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> tiny, row = Taxonomy.from_yaml(shipped("tiny")), [0.5, 0.3, 0.1, 0.05, 0.03, 0.02]
        >>> rule = climbing_rule(np.log([row] * 80), np.eye(6)[[0, 1] * 40], taxonomy=tiny, accuracy=0.9)
        >>> 0.5 < rule.threshold < 0.52, rule.n_right  # X, which is always right, instead of A
        (True, 80)

    Source:
        Goren, Galil and El-Yaniv, Hierarchical Selective Classification, NeurIPS 2024; theirs counts the root as right,
        as ``node_rule`` does. Angelopoulos et al., Learn then Test, 2021 (fixed sequences with several starts).
    """
    answers = answers_tried(log_topics, taxonomy=taxonomy)
    allowed = allowed_topics(labels, shape=(len(answers), len(taxonomy.topics)))
    holds = (allowed @ ancestor_matrix(taxonomy)).toarray() == np.diff(allowed.indptr)[:, None]
    is_answer = answers != ROOT
    return sure_rule(
        np.take_along_axis(holds, answers, axis=1) & is_answer, is_answer, accuracy=accuracy, confidence=confidence
    )


def sure_rule(
    is_right: NDArray[np.bool_], is_answer: NDArray[np.bool_], *, accuracy: float, confidence: float
) -> ClimbingRule:
    """The rule of the lowest threshold that is sure to keep a promise.

    Args:
        is_right: Whether a held-out document is answered rightly, shape (n_documents, n_thresholds).
        is_answer: Whether it is answered at all, shape (n_documents, n_thresholds).
        accuracy: The part of the answers that shall be right, between 0 and 1.
        confidence: How sure that shall be, between 0 and 1.

    Returns:
        The rule.

    Raises:
        ConfigError: If accuracy or confidence are not between 0 and 1.
    """
    for name, value in (("an accuracy", accuracy), ("a confidence", confidence)):
        if not 0 < value < 1:
            raise ConfigError(f"expected {name} between 0 and 1, got {value}")
    n_right, n_answered = is_right.sum(axis=0), is_answer.sum(axis=0)
    place = lowest_sure(n_right, n_answered, accuracy=accuracy, confidence=confidence)
    return ClimbingRule(
        threshold=math.inf if place is None else float(THRESHOLDS[place]),
        accuracy=accuracy,
        confidence=confidence,
        n_documents=len(is_answer),
        n_answered=0 if place is None else int(n_answered[place]),
        n_right=0 if place is None else int(n_right[place]),
    )


def answers_tried(log_topics: ArrayLike, *, taxonomy: Taxonomy) -> Indices:
    """The answers of ``stop`` at every threshold that ``climbing_rule`` tries.

    Args:
        log_topics: log p(t|x), shape (n_documents, n_topics).
        taxonomy: The map.

    Returns:
        Positions in ``taxonomy.hierarchy.nodes``, ``ROOT`` where none is probable enough, shape (n_documents,
        n_thresholds).

    Raises:
        ConfigError: If there is not a column for each topic.
    """
    answers, upto = ranked_answers(node_probabilities(log_topics, taxonomy=taxonomy), specificities(taxonomy))
    place = np.zeros((len(answers), len(THRESHOLDS)), dtype=np.int64)
    for column in upto.T:
        place += column[:, None] < THRESHOLDS
    ends = np.append(answers, np.full((len(answers), 1), ROOT), axis=1)
    return np.take_along_axis(ends, place, axis=1)


def lowest_sure(n_right: ArrayLike, n_answered: ArrayLike, *, accuracy: float, confidence: float) -> int | None:
    """The lowest threshold that is reached from some start without a failed test between.

    Args:
        n_right: Held-out documents that are answered rightly at each threshold, shape (n_thresholds,).
        n_answered: Those that are answered at all, shape (n_thresholds,).
        accuracy: The part of the answers that shall be right.
        confidence: How sure that shall be.

    Returns:
        Its position in ``THRESHOLDS``; None where no start passes.
    """
    tails = binom.sf(np.asarray(n_right) - 1, n_answered, accuracy)
    failures = np.flatnonzero(np.append(tails > (1 - confidence) / N_STARTS, True))
    starts = [int(np.count_nonzero(1 - (1 - accuracy) ** power < THRESHOLDS)) for power in range(1, N_STARTS + 1)]
    ends = [int(failures[np.searchsorted(failures, start)]) for start in starts]
    return max((end - 1 for start, end in zip(starts, ends, strict=True) if end > start), default=None)
