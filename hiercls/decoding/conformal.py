"""Sets of topics that hold the true one as often as promised, and what they say at any view.

Knows log-probabilities, and held-out labels as sets of topics; no model and no text. Written here and not taken from a
library, since those know no coarse labels; MAPIE's sets are the tests' oracle for fine ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from hiercls.decoding.argmax import Array, topic_array
from hiercls.errors import ConfigError
from hiercls.taxonomy import View

Score = Literal["lac", "aps"]
"""How strange a topic is: 1 − its probability; or the probability of all topics that are at least as likely as it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConformalRule:
    """The rule that tells which topics are in a document's set.

    Args:
        score: How strange a topic is.
        coverage: The promised part of documents whose set holds the truth.
        limit: The strangest score that is in a set; infinite where too few documents were there for the promise.
        n_documents: The documents that it was found on.
        n_coarse: Those of them that were labelled with several topics: with any, the coverage is more than promised.

    Example:
        >>> rule = conformal_rule(np.log([[0.8, 0.2], [0.3, 0.7], [0.6, 0.4]]), np.eye(2)[[0, 1, 0]], coverage=0.5)
        >>> rule.sets(np.log([[0.65, 0.35], [0.75, 0.25]])).tolist()
        [[False, False], [True, False]]
    """

    score: Score
    coverage: float
    limit: float
    n_documents: int
    n_coarse: int

    def sets(self, log_topics: ArrayLike) -> NDArray[np.bool_]:
        """The set of each document.

        Args:
            log_topics: log p(t|x), shape (n_documents, n_topics).

        Returns:
            True for the topics in the set, shape (n_documents, n_topics).

        Raises:
            ConfigError: If the log-probabilities are none.
        """
        inside: NDArray[np.bool_] = _strangeness(log_topics, self.score) <= self.limit
        return inside


def conformal_rule(log_topics: ArrayLike, labels: Any, *, coverage: float, score: Score = "lac") -> ConformalRule:
    """Find the rule under which sets of other documents of the same kind hold the truth as often as promised.

    The limit is the ``⌈(n + 1) · coverage⌉``-th smallest of the labels' scores. Of a coarse label the strangest topic
    counts, whichever is true: the coverage of topics is then at least what is promised, and mostly more.

    Args:
        log_topics: log p(t|x) of held-out documents, shape (n_documents, n_topics); the same works for a view's
            classes, where sets shall be calibrated at the view.
        labels: Not 0 for the topics that the label allows, such as ``ResolvedLabels.weights``, dense or sparse, shape
            (n_documents, n_topics).
        coverage: The part of documents whose set shall hold the truth, between 0 and 1.
        score: ``lac`` makes the smallest sets on average, ``aps`` sets that grow with a document's uncertainty.

    Returns:
        The rule.

    Raises:
        ConfigError: If the arrays do not fit, a label allows nothing, or there is no such score or coverage.

    Example:
        >>> probabilities = np.log([[0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
        >>> conformal_rule(probabilities, np.eye(2)[[0, 1, 0]], coverage=0.5).limit
        0.3...

    Source:
        Vovk et al., Algorithmic Learning in a Random World, 2005; Sadinle, Lei and Wasserman, Least Ambiguous
        Set-Valued Classifiers, JASA 2019 (lac); Romano, Sesia and Candès, NeurIPS 2020 (aps, without randomness).
    """
    if not 0 < coverage < 1:
        raise ConfigError(f"expected a coverage between 0 and 1, got {coverage}")
    allowed = csr_array(labels) if isinstance(labels, np.ndarray | list) else csr_array(labels, copy=True)
    allowed.eliminate_zeros()
    sizes = np.diff(allowed.indptr)
    strangeness = _strangeness(log_topics, score)
    if allowed.shape != strangeness.shape:
        raise ConfigError(f"expected labels of shape {strangeness.shape}, got {allowed.shape}")
    if (sizes == 0).any():
        raise ConfigError(f"expected every label to allow some topic, got none at position {int(sizes.argmin())}")
    documents = np.repeat(np.arange(len(sizes)), sizes)
    worst = np.full(len(sizes), -math.inf)
    np.maximum.at(worst, documents, strangeness[documents, allowed.indices])
    rank = math.ceil((len(worst) + 1) * coverage - 1e-9)
    limit = float(np.sort(worst)[rank - 1]) if rank <= len(worst) else math.inf
    n_coarse = int((sizes > 1).sum())
    return ConformalRule(score=score, coverage=coverage, limit=limit, n_documents=len(worst), n_coarse=n_coarse)


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


def _strangeness(log_topics: ArrayLike, score: Score) -> Array:
    """How strange each topic is for each document, shape (n_documents, n_topics)."""
    if score not in get_args(Score):
        raise ConfigError(f"expected the score 'lac' or 'aps', got {score!r}")
    logs = np.asarray(log_topics)
    probabilities = np.exp(topic_array(logs, n_topics=logs.shape[-1] if logs.ndim else 0))
    if score == "lac":
        return 1 - probabilities
    order = np.argsort(-probabilities, axis=1, kind="stable")
    mass = np.take_along_axis(probabilities, order, axis=1).cumsum(axis=1)
    strangeness = np.empty_like(mass)
    np.put_along_axis(strangeness, order, mass, axis=1)
    return strangeness
