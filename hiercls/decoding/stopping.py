"""Coarser answers where the finer cannot be believed: stop at an inner node, and what that brings at every threshold.

Knows log-probabilities of topics and the taxonomy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiercls.decoding.argmax import Array, Indices, node_probabilities
from hiercls.errors import ConfigError
from hiercls.metrics import RiskCoverage, ancestor_matrix, hierarchical_risk_coverage
from hiercls.metrics.arrays import pair_up
from hiercls.taxonomy import Taxonomy

ROOT = -1
"""The answer that says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OperatingCurve:
    """How right and how specific the answers are at every threshold.

    Args:
        threshold: The thresholds at which some answer changes, rising, the last infinite: a point holds above the one
            before, up to its own, shape (n_points,).
        correctness: The part of the answers that the truth is or stands below, shape (n_points,).
        specificity: The mean of the answers' specificity, from 0 (the root) to 1 (topics), shape (n_points,).
        n_documents: The documents that count.
        n_undetermined: The documents left out, since their topic is not known.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> tiny, probabilities = Taxonomy.from_yaml(shipped("tiny")), [[0.5, 0.3, 0.1, 0.05, 0.03, 0.02]]
        >>> curve = operating_curve(np.log(probabilities), [1], taxonomy=tiny)
        >>> curve.threshold.round(2).tolist(), curve.correctness.tolist()
        ([0.5, 0.9, inf], [0.0, 1.0, 1.0])
    """

    threshold: Array
    correctness: Array
    specificity: Array
    n_documents: int
    n_undetermined: int

    @property
    def risk_coverage(self) -> RiskCoverage:
        """The hierarchical risk–coverage curve with its area, hAURC."""
        return hierarchical_risk_coverage(self.specificity, 1 - self.correctness)


def specificities(taxonomy: Taxonomy) -> Array:
    """How much each node says: nothing at the root, everything at a topic.

    ``1 − log(topics below the node) / log(all topics)``

    Args:
        taxonomy: The map.

    Returns:
        Shape (n_nodes,), from 0 to 1, in the order of ``taxonomy.hierarchy.nodes``.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> specificities(Taxonomy.from_yaml(shipped("tiny"))).round(2).tolist()[:2]
        [0.39, 1.0]

    Source:
        Goren, Galil and El-Yaniv, Hierarchical Selective Classification, NeurIPS 2024; Valmadre's information content.
    """
    n_topics = len(taxonomy.topics)
    n_below = np.asarray(ancestor_matrix(taxonomy).sum(axis=0), dtype=float)
    found: Array = 1 - np.log(n_below) / math.log(max(n_topics, 2))
    return found


def stop(log_topics: ArrayLike, *, taxonomy: Taxonomy, threshold: float) -> Indices:
    """The most specific node that is probable enough; of equally specific ones the likeliest.

    Above a half, answers of a rising threshold climb a tree from the topic towards the root.

    Args:
        log_topics: log p(t|x), shape (n_documents, n_topics).
        taxonomy: The map.
        threshold: The probability that an answer must have at least, from 0 to 1; infinite for no answer at all.

    Returns:
        Positions in ``taxonomy.hierarchy.nodes``; ``ROOT`` where no node is probable enough; shape (n_documents,).

    Raises:
        ConfigError: If the threshold is no probability, or there is not a column for each topic.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> tiny, probabilities = Taxonomy.from_yaml(shipped("tiny")), [[0.5, 0.3, 0.1, 0.05, 0.03, 0.02]]
        >>> [tiny.hierarchy.nodes[stop(np.log(probabilities), taxonomy=tiny, threshold=t)[0]] for t in (0.5, 0.8)]
        ['A', 'X']

    Source:
        Valmadre, Hierarchical classification at multiple operating points, NeurIPS 2022.
    """
    check_threshold(threshold)
    answers, upto = ranked_answers(node_probabilities(log_topics, taxonomy=taxonomy), specificities(taxonomy))
    place = (upto < threshold).sum(axis=1)
    known = np.append(answers, np.full((len(answers), 1), ROOT), axis=1)
    found: Indices = known[np.arange(len(known)), np.minimum(place, answers.shape[1])]
    return found


def check_threshold(threshold: float) -> None:
    """Refuse what is neither a probability nor infinite.

    Args:
        threshold: The probability that an answer must have at least; infinite for no answer at all.

    Raises:
        ConfigError: If it is neither.
    """
    if not (0 <= threshold <= 1 or threshold == math.inf):
        raise ConfigError(f"expected a threshold from 0 to 1, got {threshold}")


def operating_curve(log_topics: ArrayLike, truth: ArrayLike, *, taxonomy: Taxonomy) -> OperatingCurve:
    """The whole curve of correctness against specificity in one pass over the sorted thresholds.

    Args:
        log_topics: log p(t|x), shape (n_documents, n_topics).
        truth: n_documents topic indices; documents with −1 are left out.
        taxonomy: The map.

    Returns:
        The curve; its last point, beyond every probability, answers the root.

    Raises:
        ConfigError: If the arrays do not fit the taxonomy or each other.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> tiny, probabilities = Taxonomy.from_yaml(shipped("tiny")), [[0.5, 0.3, 0.1, 0.05, 0.03, 0.02]]
        >>> operating_curve(np.log(probabilities), [1], taxonomy=tiny).specificity.round(2).tolist()
        [1.0, 0.39, 0.0]

    Source:
        Valmadre, Hierarchical classification at multiple operating points, NeurIPS 2022, algorithm 1.
    """
    masses, own = node_probabilities(log_topics, taxonomy=taxonomy), specificities(taxonomy)
    pairs = pair_up(np.zeros(len(masses), dtype=np.int64), truth, n_classes=len(taxonomy.topics))
    answers, upto = ranked_answers(masses[np.asarray(truth) >= 0] if len(masses) else masses, own)
    right = ancestor_matrix(taxonomy).toarray()[pairs.truth[:, None], answers]
    values = np.stack([right, own[answers]])
    root = np.broadcast_to([[[1.0]], [[0.0]]], (2, len(answers), 1))
    # Nodes that are never answered have the threshold of those before them, so their steps are taken at once.
    steps = np.diff(np.append(values, root, axis=2), axis=2).reshape(2, -1)
    order = np.argsort(upto, axis=None, kind="stable")
    rising, last = np.unique(upto.ravel()[order], return_index=True)
    total = np.cumsum(np.append(values[:, :, 0].sum(axis=1, keepdims=True), steps[:, order], axis=1), axis=1)
    n_documents = max(len(pairs.truth), 1)
    means = np.append(total[:, last], total[:, -1:], axis=1) / n_documents
    return OperatingCurve(
        threshold=np.append(rising, math.inf),
        correctness=means[0],
        specificity=np.maximum(means[1], 0.0),
        n_documents=len(pairs.truth),
        n_undetermined=pairs.n_undetermined,
    )


def ranked_answers(masses: Array, specificity: Array) -> tuple[Indices, NDArray[np.float64]]:
    """Every document's nodes, the most specific and of equals the likeliest first, and up to which threshold.

    Of nodes with the same topics the lowest comes first: it stands last in ``taxonomy.hierarchy.nodes``.

    A node is answered at thresholds above those of all nodes before it, up to its own probability: never, if some node
    before it is as probable.

    Args:
        masses: The probability of each node, shape (n_documents, n_nodes).
        specificity: How much each node says, shape (n_nodes,).

    Returns:
        Positions of nodes, and the thresholds up to which they are answered, both of shape (n_documents, n_nodes).
    """
    last = masses.shape[1] - 1
    likeliest = last - np.argsort(-masses[:, ::-1], axis=1, kind="stable")
    specific = np.argsort(-specificity[likeliest], axis=1, kind="stable")
    answers = np.take_along_axis(likeliest, specific, axis=1)
    upto = np.maximum.accumulate(np.take_along_axis(masses, answers, axis=1), axis=1)
    return answers, np.minimum(upto, 1.0)
