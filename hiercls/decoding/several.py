"""Coarser answers and cheapest classes where a document may have several topics, all independent given its text.

Knows log-probabilities of topics, what is known of held-out documents' nodes, and the taxonomy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiercls.decoding.argmax import Array, Indices, topic_array
from hiercls.decoding.climbing import CONFIDENCE, THRESHOLDS, ClimbingRule, sure_rule
from hiercls.decoding.recall import any_member
from hiercls.decoding.stopping import check_threshold
from hiercls.errors import ConfigError
from hiercls.metrics import ancestor_matrix
from hiercls.taxonomy import Taxonomy


def stop_several(log_topics: ArrayLike, *, taxonomy: Taxonomy, threshold: float) -> NDArray[np.bool_]:
    """All nodes that are probable enough while nothing below them is.

    ``{v : P(v|x) ≥ θ, P(u|x) < θ for all u below v}`` with ``P(v|x) = 1 − Π_{t in v} (1 − p(t|x))``

    Args:
        log_topics: log p(t|x), shape (n_documents, n_topics).
        taxonomy: The map.
        threshold: The probability that a node must have at least, from 0 to 1; infinite for no answer at all.

    Returns:
        True for the nodes, none above another, shape (n_documents, n_nodes), columns as ``taxonomy.hierarchy.nodes``.

    Raises:
        ConfigError: If the threshold is no probability, or there is not a column for each topic.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> tiny, logs = Taxonomy.from_yaml(shipped("tiny")), np.log([[0.9, 0.1, 0.1, 0.4, 0.5, 0.2]])
        >>> chosen = stop_several(logs, taxonomy=tiny, threshold=0.7)[0]
        >>> [node for node, is_chosen in zip(tiny.hierarchy.nodes, chosen) if is_chosen]  # D, E or F, but which?
        ['A', 'Y']
    """
    check_threshold(threshold)
    masses, below = _masses(log_topics, taxonomy)
    found: NDArray[np.bool_] = (masses >= threshold) & (below < threshold)
    return found


def climbing_rule_several(
    log_topics: ArrayLike, truth: ArrayLike, *, taxonomy: Taxonomy, accuracy: float, confidence: float = CONFIDENCE
) -> ClimbingRule:
    """Find the lowest threshold under which so many of the answered documents have no wrong node.

    ``P(all named nodes hold | some node is named) ≥ accuracy`` for the nodes of :func:`stop_several`, found as in
    :func:`hiercls.decoding.climbing_rule`.

    Args:
        log_topics: log p(t|x) of held-out documents, shape (n_documents, n_topics).
        truth: 1 for the nodes that hold, other numbers for those that do not or are not known to, such as
            ``Multilabels.truth(ancestor_matrix(taxonomy))``, shape (n_documents, n_nodes). Under labels that leave
            nodes open more documents are right than promised.
        taxonomy: The map.
        accuracy: The part of the answered documents that shall be right, between 0 and 1.
        confidence: How sure that shall be, between 0 and 1.

    Returns:
        The rule.

    Raises:
        ConfigError: If the arrays do not fit the taxonomy, or accuracy or confidence are not between 0 and 1.

    Source:
        Angelopoulos et al., Learn then Test, 2021.
    """
    masses, below = _masses(log_topics, taxonomy)
    known = np.asarray(truth)
    if known.shape != masses.shape:
        raise ConfigError(f"expected truths of the shape {masses.shape}, got {known.shape}")
    # A node is named from the threshold of its own probability down to that of the likeliest node below it.
    first, last = (np.searchsorted(-THRESHOLDS, -edges, side="left") for edges in (masses, below))
    wrong, column = np.nonzero((known != 1) & (first < last))
    steps = np.zeros((len(masses), len(THRESHOLDS) + 1), dtype=np.int64)
    np.add.at(steps, (wrong, first[wrong, column]), 1)
    np.add.at(steps, (wrong, last[wrong, column]), -1)
    is_wrong = steps.cumsum(axis=1)[:, :-1] > 0
    is_answer = first.min(axis=1, initial=len(THRESHOLDS))[:, None] <= np.arange(len(THRESHOLDS))
    return sure_rule(is_answer & ~is_wrong, is_answer, accuracy=accuracy, confidence=confidence)


def least_cost_several(log_probabilities: ArrayLike, *, costs: ArrayLike) -> Indices:
    """The one class to file a document under that costs least on average, where several classes may hold.

    ``argmin_a E[min {costs[a, k] : k holds}]``, the classes being independent: filed under any class that holds, a
    document costs no more than there.

    Args:
        log_probabilities: log P(k|x) of a view's classes, shape (n_documents, n_classes).
        costs: What it costs to answer a row where a column is true, shape (n_classes, n_classes).

    Returns:
        Class indices, the first of equals, shape (n_documents,).

    Raises:
        ConfigError: If the matrix does not fit, or is not of numbers.

    Example:
        >>> logs = np.log([[0.6, 0.5, 0.1]])
        >>> least_cost_several(logs, costs=[[0, 1, 1], [1, 0, 1], [0.1, 0.1, 0]]).tolist()  # nearly right anyway
        [2]
    """
    table = np.asarray(costs, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or not np.isfinite(table).all():
        raise ConfigError(f"expected a square matrix of finite costs, got the shape {table.shape}")
    probabilities = np.minimum(np.exp(topic_array(log_probabilities, n_topics=len(table))), 1.0)
    order = np.argsort(table, axis=1, kind="stable")  # for each answer the classes, those that cost least first
    sorted_costs = np.take_along_axis(table, order, axis=1)
    expected = np.empty_like(probabilities)
    for answer, classes in enumerate(order):
        here = probabilities[:, classes]
        none_before = np.cumprod(np.insert(1 - here[:, :-1], 0, 1.0, axis=1), axis=1)
        expected[:, answer] = (here * none_before) @ sorted_costs[answer]
    found: Indices = expected.argmin(axis=1)
    return found


def _masses(log_topics: ArrayLike, taxonomy: Taxonomy) -> tuple[Array, Array]:
    """The probability of each node, and of the likeliest below it, −1 for none; both (n_documents, n_nodes)."""
    topics = np.exp(topic_array(log_topics, n_topics=len(taxonomy.topics)))
    masses = any_member(topics, ancestor_matrix(taxonomy))
    is_below = ancestor_matrix(taxonomy, nodes=taxonomy.hierarchy.nodes).toarray().T > 0
    np.fill_diagonal(is_below, val=False)
    below = np.stack([masses[:, lower].max(axis=1, initial=-1.0) for lower in is_below], axis=1)
    return masses, below
