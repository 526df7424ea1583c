"""Sets of classes that hold as large a part of the true ones as promised, where a document may have several topics.

Knows log-probabilities of topics, what is known of held-out documents' classes, and views; no model and no text.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from hiercls.decoding.argmax import Array, topic_array
from hiercls.decoding.conformal import ROUNDING, moved
from hiercls.errors import ConfigError
from hiercls.taxonomy import View


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecallRule:
    """The rule that tells which classes of the view where it was found are in a document's set.

    Args:
        view: The view; None: the topics.
        coverage: The promised part of a document's true classes that its set holds, on average over documents that have
            any.
        threshold: The probability from which a class is in the set; 0 where too few documents were there for the
            promise.
        n_documents: The held-out documents that it was found on: those that may have a true class.
        n_coarse: Those of them whose labels leave some class open: with any, the coverage is more than promised.

    Example:
        >>> rule = recall_rule(np.log([[0.9, 0.2], [0.6, 0.8], [0.3, 0.1]]), [[1, 0], [1, 1], [0, 0]], coverage=0.4)
        >>> round(rule.threshold, 6), rule.sets(np.log([[0.85, 0.5]])).tolist()
        (0.8, [[True, False]])
    """

    view: View | None
    coverage: float
    threshold: float
    n_documents: int
    n_coarse: int

    def sets(self, log_topics: ArrayLike, *, at: View | None = None) -> NDArray[np.bool_]:
        """The set of each document.

        What a set says at another view are the classes of its topics, so a true topic in the set has all its classes
        there: of the true classes of the rule's own view, counted one by one, at least as large a part has all its
        classes in the mapped set as is in the set itself. Counted by the classes of the other view, more may be missed:
        of three topics in one class and one in another, missing the last is a quarter of the topics and half of the
        classes. (Since no class is less probable than a topic of it, taking the other view's classes from the same
        threshold would keep the promise too, by larger sets.)

        Args:
            log_topics: log p(t|x), shape (n_documents, n_topics).
            at: The view whose classes are wanted; None: the one where the rule was found.

        Returns:
            True for the classes in the set, shape (n_documents, n_classes).

        Raises:
            ConfigError: If the log-probabilities are none.
        """
        inside: NDArray[np.bool_] = any_of(log_topics, self.view) >= self.threshold
        return moved(inside, found_at=self.view, at=at)


def recall_rule(
    log_topics: ArrayLike,
    truth: ArrayLike,
    *,
    coverage: float,
    view: View | None = None,
    holding: ArrayLike | None = None,
) -> RecallRule:
    """Find the rule under which sets of other documents of the same kind hold such a part of the true classes.

    ``λ = max { λ : (Σ_i L_i(λ) + 1) / (n + 1) ≤ 1 − coverage }`` over the documents that have true classes, where
    ``L_i(λ)`` is the part of these that are less probable than λ. Of classes that labels leave open, those below λ
    count as true and the others as not, which is the worst that can be: ``(m + o) / (k + o)`` with m of k true classes
    and o open ones below λ. Documents that may have none count only against the promise. The coverage is then at least
    what is promised, and mostly more.

    Args:
        log_topics: log p(t|x) of held-out documents, shape (n_documents, n_topics).
        truth: 1 for the classes that hold, 0 for those that do not, −1 where that is not known, such as
            ``Multilabels.truth``, shape (n_documents, n_classes).
        coverage: The part of a document's true classes that its set shall hold, on average, between 0 and 1.
        view: The view whose classes are in the sets; None: the topics.
        holding: 1 for the documents of which some class is known to hold, though it may not be known which, shape
            (n_documents,); None: where some truth is 1.

    Returns:
        The rule.

    Raises:
        ConfigError: If the arrays do not fit, or there is no such coverage.

    Source:
        Angelopoulos, Bates, Fisch, Lei and Schuster, Conformal Risk Control, ICLR 2024, theorem 1 and section 3.1 (the
        false negative rate).
    """
    if not 0 < coverage < 1:
        raise ConfigError(f"expected a coverage between 0 and 1, got {coverage}")
    probabilities, known = any_of(log_topics, view), np.asarray(truth)
    if known.shape != probabilities.shape:
        raise ConfigError(f"expected truths of the shape {probabilities.shape}, got {known.shape}")
    counts = (known == 1).any(axis=1) if holding is None else np.asarray(holding) == 1
    # Of a document that may not count: 1 − (1 − coverage) too much where something is missed, and else nothing.
    scores, losses = _steps(probabilities, known, np.where(counts, 1.0, coverage))
    order = np.argsort(scores, kind="stable")
    bearable = (1 - coverage) * (counts.sum() + 1) - 1
    place = np.searchsorted(losses[order].cumsum(), bearable + ROUNDING, side="right")
    # A set holds what is at the threshold: the first class that may not be missed.
    threshold = np.append(scores[order], np.inf)[place] if bearable >= -ROUNDING else 0.0
    asked = (known != 0).any(axis=1)
    return RecallRule(
        view=view,
        coverage=coverage,
        threshold=float(threshold),
        n_documents=int(asked.sum()),
        n_coarse=int((known < 0).any(axis=1).sum()),
    )


def any_of(log_topics: ArrayLike, view: View | None) -> Array:
    """The probabilities that some topic of each class holds, all being independent.

    Args:
        log_topics: log p(t|x), shape (n_documents, n_topics).
        view: The view; None: the topics.

    Returns:
        ``1 − Π_{t in k} (1 − p(t|x))``, shape (n_documents, n_classes).

    Raises:
        ConfigError: If the log-probabilities are none.

    Example:
        >>> from hiercls.taxonomy import Taxonomy, shipped
        >>> one = Taxonomy.from_yaml(shipped("tiny")).view("one")  # ABC, D, EF
        >>> any_of(np.log([[0.5, 0.5, 0.2, 0.9, 0.1, 0.0001]]), one).round(3).tolist()
        [[0.8, 0.9, 0.1]]
    """
    logs = np.asarray(log_topics)
    n_topics = (logs.shape[-1] if logs.ndim else 0) if view is None else len(view.topics)
    topics: Array = np.exp(topic_array(logs, n_topics=n_topics))
    return topics if view is None else any_member(topics, view.membership)


def any_member(topics: Array, members: csr_array) -> Array:
    """The probabilities that some topic of each set holds, all being independent.

    Args:
        topics: p(t|x), shape (n_documents, n_topics).
        members: The topics of each set, 0/1, n_topics × n_sets.

    Returns:
        ``1 − Π_{t in set} (1 − p(t|x))``, shape (n_documents, n_sets).
    """
    with np.errstate(divide="ignore"):
        misses = np.log1p(-np.minimum(topics, 1.0))
    found: Array = -np.expm1(misses @ members)
    return found


def _steps(probabilities: Array, truth: NDArray[np.integer], weights: Array) -> tuple[Array, Array]:
    """The probabilities of all classes that may hold, and what missing each adds to its document's weighted loss."""
    order = np.argsort(probabilities, axis=1, kind="stable")
    sorted_truth = np.take_along_axis(truth, order, axis=1)
    missed, opened = (sorted_truth == 1).cumsum(axis=1), (sorted_truth < 0).cumsum(axis=1)
    worst = np.maximum(missed[:, -1:] + opened, 1)
    losses = np.diff((missed + opened) / worst, axis=1, prepend=0.0) * weights[:, None]
    possible = sorted_truth != 0
    return np.take_along_axis(probabilities, order, axis=1)[possible], losses[possible]
