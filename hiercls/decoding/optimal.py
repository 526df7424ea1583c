"""The answers that are best on average: of the greatest expected gain, or the least expected cost.

Knows probabilities and matrices of gains and costs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hiercls.decoding.argmax import Array, Indices, topic_array
from hiercls.errors import ConfigError
from hiercls.metrics import ancestor_matrix
from hiercls.taxonomy import Taxonomy


def most_gain(log_probabilities: ArrayLike, *, gains: ArrayLike) -> Indices:
    """The answer that gains most on average, given what may be true.

    ``argmax_a Σ_y p(y|x) · gains[y, a]``

    Args:
        log_probabilities: log p(y|x) of what may be true, such as the topics, shape (n_documents, n_truths).
        gains: What each answer gains under each truth, such as :func:`f1_gains`, shape (n_truths, n_answers).

    Returns:
        The columns of the matrix that are best, the first of equals, shape (n_documents,).

    Raises:
        ConfigError: If the matrix does not fit, or is not of numbers.

    Example:
        >>> most_gain(np.log([[0.6, 0.4]]), gains=[[1.0, 0.0], [0.0, 2.0]]).tolist()
        [1]

    Source:
        Bi and Kwok, Hierarchical Multilabel Classification with Minimum Bayes Risk, ICDM 2012.
    """
    table = np.asarray(gains, dtype=np.float64)
    if table.ndim != 2 or not table.shape[1] or not np.isfinite(table).all():
        raise ConfigError(f"expected a matrix of finite gains, truths × answers, got the shape {table.shape}")
    probabilities = np.exp(topic_array(log_probabilities, n_topics=table.shape[0]))
    found: Indices = (probabilities @ table).argmax(axis=1)
    return found


def least_cost(log_probabilities: ArrayLike, *, costs: ArrayLike) -> Indices:
    """The answer that costs least on average.

    ``argmin_a Σ_y costs[a, y] · p(y|x)``

    Args:
        log_probabilities: log p(k|x) of a view's classes, shape (n_documents, n_classes).
        costs: What it costs to answer a row where a column is true, as in ``hiercls.metrics.mean_cost``, shape
            (n_classes, n_classes).

    Returns:
        Class indices, the first of equals, shape (n_documents,).

    Raises:
        ConfigError: If the matrix does not fit, or is not of numbers.

    Example:
        >>> least_cost(np.log([[0.9, 0.1]]), costs=[[0.0, 20.0], [1.0, 0.0]]).tolist()  # rarely true, dear to miss
        [1]
    """
    return most_gain(log_probabilities, gains=-np.asarray(costs, dtype=np.float64).T)


def f1_gains(taxonomy: Taxonomy) -> Array:
    """The hierarchical F1 of every answer, an inner node too, under every true topic.

    ``gains[t, v] = 2 · |P_v ∩ P_t| / (|P_v| + |P_t|)``, where P_v is the node v with all its ancestors but the root.

    Args:
        taxonomy: The map.

    Returns:
        Shape (n_topics, n_nodes); answers are positions in ``taxonomy.hierarchy.nodes``.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> f1_gains(Taxonomy.from_yaml(shipped("tiny")))[0].round(2).tolist()  # of X, A–C, Y, D–F where A is true
        [0.67, 1.0, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0]
    """
    truths, answers = ancestor_matrix(taxonomy), ancestor_matrix(taxonomy, nodes=taxonomy.hierarchy.nodes)
    shared = (truths @ answers.T).toarray()
    sizes = np.diff(truths.indptr)[:, None] + np.diff(answers.indptr)[None, :]
    gains: Array = 2 * shared / sizes
    return gains
