"""Sets of topics, or of a view's classes, that hold the true one as often as promised, and what they say at any view.

Knows log-probabilities of topics, held-out labels as sets of topics, and views; no model and no text. Written here and
not taken from a library, since those know no coarse labels; MAPIE's sets are the tests' oracle for fine ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from hiercls.decoding.argmax import Array, topic_array
from hiercls.errors import ConfigError
from hiercls.taxonomy import View

Score = Literal["lac", "aps"]
"""How strange a class is: 1 − its probability; or the probability of all classes that are likelier than it."""

ROUNDING = 1e-9
"""Part of a document by which sums of weights may be off."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConformalRule:
    """The rule that tells which classes of the view where it was found are in a document's set.

    Args:
        view: The view; None: the topics.
        score: How strange a class is.
        coverage: The promised part of documents whose set holds the truth.
        limits: How strange each class may be at most, infinite where too few documents were there for the promise;
            all the same unless the mix of topics is another, shape (n_classes,).
        n_documents: The held-out documents that it was found on.
        n_coarse: Those of them whose labels allow several classes: with any, the coverage is more than promised.

    Example:
        >>> rule = conformal_rule(np.log([[0.8, 0.2], [0.3, 0.7], [0.6, 0.4]]), np.eye(2)[[0, 1, 0]], coverage=0.5)
        >>> rule.sets(np.log([[0.65, 0.35], [0.75, 0.25]])).tolist()
        [[False, False], [True, False]]
    """

    view: View | None
    score: Score
    coverage: float
    limits: Array
    n_documents: int
    n_coarse: int

    def sets(self, log_topics: ArrayLike, *, at: View | None = None) -> NDArray[np.bool_]:
        """The set of each document.

        Args:
            log_topics: log p(t|x), shape (n_documents, n_topics).
            at: The view whose classes are wanted; None: the one where the rule was found.

        Returns:
            True for the classes in the set, shape (n_documents, n_classes).

        Raises:
            ConfigError: If the log-probabilities are none.
        """
        probabilities = _classes(log_topics, self.view)
        if probabilities.shape[1] != len(self.limits):
            raise ConfigError(f"expected log-probabilities of {len(self.limits)} topics, got {probabilities.shape[1]}")
        inside: NDArray[np.bool_] = strangeness(probabilities, score=self.score) <= self.limits
        return moved(inside, found_at=self.view, at=at)


def conformal_rule(
    log_topics: ArrayLike,
    labels: Any,
    *,
    coverage: float,
    score: Score = "lac",
    view: View | None = None,
    ratios: ArrayLike | None = None,
) -> ConformalRule:
    """Find the rule under which sets of other documents of the same kind hold the truth as often as promised.

    The limit is the ``⌈(n + 1) · coverage⌉``-th smallest of the labels' scores. Of a coarse label the strangest class
    counts, whichever is true: the coverage is then at least what is promised, and mostly more. Where a view leaves
    topics out, the promise is for documents of the others; those whose label does not tell count only against it.

    With ``ratios`` each document weighs as much more as its topic will be more frequent: the limit of a class is the
    least score that documents of ``coverage`` of all weight, the class's own included, do not exceed.

    Args:
        log_topics: log p(t|x) of held-out documents, shape (n_documents, n_topics).
        labels: Not 0 for the topics that the label allows, such as ``ResolvedLabels.weights``, dense or sparse, shape
            (n_documents, n_topics).
        coverage: The part of documents whose set shall hold the truth, between 0 and 1.
        score: ``lac`` makes the smallest sets on average, some of them empty where little is promised; ``aps`` sets
            that always hold the likeliest class, so that no less is covered than what is predicted rightly.
        view: The view whose classes are in the sets; None: the topics.
        ratios: How much more frequent each topic will be than among these documents, as ``mix_ratios`` finds it,
            shape (n_topics,); None: as frequent.

    Returns:
        The rule.

    Raises:
        ConfigError: If the arrays do not fit, a label allows nothing, or there is no such score or coverage.

    Example:
        >>> probabilities = np.log([[0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
        >>> conformal_rule(probabilities, np.eye(2)[[0, 1, 0]], coverage=0.5).limits.round(6).tolist()
        [0.3, 0.3]

    Source:
        Vovk et al., Algorithmic Learning in a Random World, 2005; Sadinle, Lei and Wasserman, Least Ambiguous
        Set-Valued Classifiers, JASA 2019 (lac); Romano, Sesia and Candès, NeurIPS 2020 (aps, u = 1 for random);
        Podkopaev and Ramdas, Distribution-free Uncertainty Quantification under Label Shift, UAI 2021 (ratios).
    """
    probabilities, topics = _classes(log_topics, view), np.asarray(log_topics)
    allowed = allowed_topics(labels, shape=topics.shape)
    scope = np.ones(topics.shape[1], dtype=bool) if view is None else view.scope
    inside, n_allowed = allowed @ scope.astype(float), np.diff(allowed.indptr)
    kept = inside > 0
    classes = allowed if view is None else csr_array(allowed @ view.membership)
    n_classes = np.diff(classes.indptr)[kept]
    scores = worst(strangeness(probabilities, score=score), classes)[kept]
    weights, own = _weights(topics, allowed, view, ratios, probabilities.shape[1])
    limits = limits_of(scores, coverage=coverage, weights=weights[kept], own=own, unsure=(inside < n_allowed)[kept])
    n_coarse = int((n_classes > 1).sum())
    return ConformalRule(
        view=view, score=score, coverage=coverage, limits=limits, n_documents=len(scores), n_coarse=n_coarse
    )


def mix_ratios(log_topics: ArrayLike, labels: Any, *, mix: ArrayLike) -> Array:
    """How much more frequent each topic will be than it is among held-out documents.

    ``π_c(t) / mean_i p(t | x_i, t in label_i)``: a fine label counts for its topic; of a coarse one, the topics that it
    allows count by their probabilities, so that what is weighted by this is no more exact than these are.

    Args:
        log_topics: log p(t|x) of the held-out documents, shape (n_documents, n_topics).
        labels: Not 0 for the topics that the label allows, shape (n_documents, n_topics).
        mix: π_c, the mix of topics that is to come, shape (n_topics,).

    Returns:
        Shape (n_topics,); infinite for topics that no held-out document can be of.

    Raises:
        ConfigError: If the arrays do not fit.

    Example:
        >>> mix_ratios(np.log([[0.8, 0.2], [0.3, 0.7]]), [[1, 0], [1, 1]], mix=[0.65, 0.35]).round(6).tolist()
        [1.0, 1.0]
    """
    topics = np.asarray(log_topics, dtype=float)
    wanted = np.asarray(mix, dtype=float)
    if wanted.shape != topics.shape[1:]:
        raise ConfigError(f"expected a mix of {topics.shape[-1]} topics, got the shape {wanted.shape}")
    shares = _shares(topics, allowed_topics(labels, shape=topics.shape))
    found = np.asarray(shares.sum(axis=0)).ravel() / max(topics.shape[0], 1)
    ratios: Array = np.divide(wanted, found, out=np.full(len(wanted), np.inf), where=found > 0)
    return ratios


def sets_at(sets: ArrayLike, *, view: View) -> NDArray[np.bool_]:
    """What sets of topics say at a view: the classes of their topics.

    A set that holds the true topic holds its class, so the coverage there is at least that of the topics, without any
    calibration for the view.

    Args:
        sets: True for the topics in the set, shape (n_documents, n_topics).
        view: A level or a customer.

    Returns:
        True for the classes in the set, shape (n_documents, n_classes); topics in no class say nothing.

    Raises:
        ConfigError: If there is not a column for each topic.

    Example:
        >>> from hiercls.taxonomy import Taxonomy, shipped
        >>> one = Taxonomy.from_yaml(shipped("tiny")).view("one")  # ABC, D, EF
        >>> sets_at([[True, True, False, True, False, False]], view=one).tolist()
        [[True, True, False]]
    """
    inside = np.asarray(sets, dtype=bool)
    if inside.ndim != 2 or inside.shape[1] != len(view.topics):
        raise ConfigError(f"expected sets of documents × {len(view.topics)} topics, got the shape {inside.shape}")
    classes: NDArray[np.bool_] = (inside.astype(float) @ view.membership) > 0
    return classes


def moved(sets: NDArray[np.bool_], *, found_at: View | None, at: View | None) -> NDArray[np.bool_]:
    """Sets of one view's classes at another, by way of their topics.

    Args:
        sets: True for the classes in the set, shape (n_documents, n_classes).
        found_at: The view of these classes; None: the topics.
        at: The view that is wanted; None: the same.

    Returns:
        True for its classes in the set, shape (n_documents, n_classes).
    """
    if at is None or (found_at is not None and at.name == found_at.name):
        return sets
    return sets_at(sets if found_at is None else (sets.astype(float) @ found_at.membership.T) > 0, view=at)


def allowed_topics(labels: Any, *, shape: tuple[int, ...]) -> csr_array:
    """The topics that labels allow, 1 each, checked.

    Args:
        labels: Not 0 for the topics that the label allows, dense or sparse.
        shape: The shape that they must have: n_documents × n_topics.

    Returns:
        1 where a topic is allowed, else 0.

    Raises:
        ConfigError: If the shape is another, or a label allows nothing.
    """
    allowed = csr_array(np.asarray(labels) if isinstance(labels, np.ndarray | list) else labels, copy=True)
    allowed.eliminate_zeros()
    if allowed.shape != shape:
        raise ConfigError(f"expected labels of shape {shape}, got {allowed.shape}")
    sizes = np.diff(allowed.indptr)
    if (sizes == 0).any():
        raise ConfigError(f"expected every label to allow some topic, got none at position {int(sizes.argmin())}")
    allowed.data = np.ones(len(allowed.data))
    return allowed


def strangeness(probabilities: Array, *, score: Score) -> Array:
    """How strange each class is for each document.

    Args:
        probabilities: p(k|x), shape (n_documents, n_classes).
        score: How it is measured.

    Returns:
        Shape (n_documents, n_classes).

    Raises:
        ConfigError: If there is no such score.
    """
    if score not in get_args(Score):
        raise ConfigError(f"expected the score 'lac' or 'aps', got {score!r}")
    if score == "lac":
        return 1 - probabilities
    order = np.argsort(-probabilities, axis=1, kind="stable")
    mass = np.take_along_axis(probabilities, order, axis=1).cumsum(axis=1)
    found = np.zeros_like(mass)
    np.put_along_axis(found, order[:, 1:], mass[:, :-1], axis=1)
    return found


def worst(scores: Array, allowed: csr_array) -> Array:
    """The greatest score among those that each label allows, −∞ where it allows none; shape (n_documents,)."""
    documents = np.repeat(np.arange(len(scores)), np.diff(allowed.indptr))
    found = np.full(len(scores), -np.inf)
    np.maximum.at(found, documents, scores[documents, allowed.indices])
    return found


def limits_of(scores: Array, *, coverage: float, weights: Array, own: Array, unsure: NDArray[np.bool_]) -> Array:
    """The limits that keep a promise: weighted quantiles of scores, one for each weight that a new document may have.

    ``least s with Σ_{score_i ≤ s} w_i ≥ coverage · (Σ_i w_i + own)``. Of a document that may not be one of those that
    the promise is for, the worse counts: that it is, where its score is above the limit, and else that it is not.

    Args:
        scores: How strange the truth of each held-out document is, shape (n_documents,).
        coverage: The promise, between 0 and 1.
        weights: Weight of each, shape (n_documents,).
        own: Weights that a new document may have, shape (n_limits,).
        unsure: Whether a document may not count at all, shape (n_documents,).

    Returns:
        Shape (n_limits,); infinite where there are too few documents.

    Raises:
        ConfigError: If the coverage is not between 0 and 1.

    Source:
        Tibshirani et al., Conformal Prediction under Covariate Shift, NeurIPS 2019, lemma 3.
    """
    if not 0 < coverage < 1:
        raise ConfigError(f"expected a coverage between 0 and 1, got {coverage}")
    order = np.argsort(scores, kind="stable")
    reached = (weights * np.where(unsure, coverage, 1.0))[order].cumsum()
    wanted = coverage * (weights.sum() + own)
    place = np.searchsorted(reached, wanted - ROUNDING * (weights.mean() if len(weights) else 1.0))
    limits: Array = np.append(scores[order], np.inf)[place]
    return limits


def _classes(log_topics: ArrayLike, view: View | None) -> Array:
    """The probabilities of a view's classes, or of the topics, shape (n_documents, n_classes)."""
    logs = np.asarray(log_topics)
    n_topics = (logs.shape[-1] if logs.ndim else 0) if view is None else len(view.topics)
    topics: Array = np.exp(topic_array(logs, n_topics=n_topics))
    return topics if view is None else topics @ view.weights


def _shares(topics: Array, allowed: csr_array) -> csr_array:
    """How likely each topic is among those that a document's label allows, n_documents × n_topics."""
    documents = np.repeat(np.arange(len(topics)), np.diff(allowed.indptr))
    logs = topics[documents, allowed.indices]
    peaks = np.maximum(worst(topics, allowed), -1e300)[documents]
    shares = allowed.copy()
    shares.data = np.exp(np.where(logs == peaks, 0.0, logs - peaks))
    total = np.bincount(documents, weights=shares.data, minlength=len(topics))
    shares.data /= np.maximum(total, np.finfo(float).tiny)[documents]  # nothing, where no allowed topic is possible
    return shares


def _weights(
    topics: Array, allowed: csr_array, view: View | None, ratios: ArrayLike | None, n_classes: int
) -> tuple[Array, Array]:
    """The weight of each document, and of a new one in each class: the greatest of its topics'."""
    if ratios is None:
        return np.ones(len(topics)), np.ones(n_classes)
    given = np.asarray(ratios, dtype=float)
    if given.shape != topics.shape[1:] or np.isnan(given).any() or (given < 0).any():
        raise ConfigError(f"expected {topics.shape[-1]} ratios of at least 0, got the shape {given.shape}")
    weights = _shares(topics.astype(float), allowed) @ np.where(np.isfinite(given), given, 0.0)
    if view is None:
        return weights, given
    own = np.zeros(n_classes)
    members = view.membership.tocoo()
    np.maximum.at(own, members.col, given[members.row])
    return weights, own
