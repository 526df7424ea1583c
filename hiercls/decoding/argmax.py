"""The likeliest answers: of all topics, of a view's classes, or step by step from the top.

Knows log-probabilities of topics and the taxonomy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiercls.errors import ConfigError
from hiercls.metrics import ancestor_matrix
from hiercls.taxonomy import Taxonomy, View

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


def topic_argmax(log_topics: ArrayLike, *, taxonomy: Taxonomy) -> Indices:
    """The likeliest topic, which says all nodes above it: levels never contradict each other.

    Args:
        log_topics: log p(t|x), shape (n_documents, n_topics).
        taxonomy: The map.

    Returns:
        Positions in ``taxonomy.hierarchy.nodes``, shape (n_documents,).

    Raises:
        ConfigError: If there is not a column for each topic.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> tiny, probabilities = Taxonomy.from_yaml(shipped("tiny")), [[0.2, 0.2, 0.2, 0.4, 0.0, 0.0]]
        >>> with np.errstate(divide="ignore"):
        ...     [tiny.hierarchy.nodes[node] for node in topic_argmax(np.log(probabilities), taxonomy=tiny)]
        ['D']
    """
    topics = topic_array(log_topics, n_topics=len(taxonomy.topics))
    positions = {node: position for position, node in enumerate(taxonomy.hierarchy.nodes)}
    found: Indices = np.array([positions[topic] for topic in taxonomy.topics])[topics.argmax(axis=1)]
    return found


def class_argmax(log_topics: ArrayLike, *, view: View) -> Indices:
    """The likeliest class of one view: right there as often as can be, though levels may contradict each other.

    ``argmax_k Σ_t A[t,k] · p(t|x)``

    Args:
        log_topics: log p(t|x), after the view's prior and scope where it has them, shape (n_documents, n_topics).
        view: A level or a customer.

    Returns:
        Positions in ``view.classes``, shape (n_documents,).

    Raises:
        ConfigError: If there is not a column for each topic.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> tiny, probabilities = Taxonomy.from_yaml(shipped("tiny")), [[0.2, 0.2, 0.2, 0.4, 1e-9, 1e-9]]
        >>> class_argmax(np.log(probabilities), view=tiny.view("area")).tolist()  # X, though the likeliest topic is D
        [0]
    """
    classes = np.exp(topic_array(log_topics, n_topics=len(view.topics))) @ view.weights
    found: Indices = np.asarray(classes).argmax(axis=1)
    return found


def top_down(log_topics: ArrayLike, *, taxonomy: Taxonomy) -> Indices:
    """From the top, always on to the likeliest node below, until a topic is reached.

    Args:
        log_topics: log p(t|x), shape (n_documents, n_topics).
        taxonomy: The map; on a DAG a node has the probability of all topics below it.

    Returns:
        Positions in ``taxonomy.hierarchy.nodes``, shape (n_documents,); all of them topics.

    Raises:
        ConfigError: If there is not a column for each topic.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> tiny, probabilities = Taxonomy.from_yaml(shipped("tiny")), [[0.1, 0.3, 0.2, 0.4, 1e-9, 1e-9]]
        >>> [tiny.hierarchy.nodes[node] for node in top_down(np.log(probabilities), taxonomy=tiny)]
        ['B']
    """
    masses = node_probabilities(log_topics, taxonomy=taxonomy)
    positions = {node: position for position, node in enumerate(taxonomy.hierarchy.nodes)}
    here = np.zeros(len(masses), dtype=np.int64)
    allowed = np.ones((1, len(taxonomy.hierarchy.levels[0])), dtype=bool)
    columns = np.empty(0, dtype=np.int64)
    for depth, nodes in enumerate(taxonomy.hierarchy.levels):
        if depth:
            allowed = taxonomy.hierarchy.links[depth - 1].toarray() > 0
        columns = np.array([positions[node] for node in nodes])
        here = np.where(allowed[here], masses[:, columns], -1.0).argmax(axis=1)
    found: Indices = columns[here]
    return found


def node_probabilities(log_topics: ArrayLike, *, taxonomy: Taxonomy) -> Array:
    """The probability that the topic is a node or stands below it.

    ``P(node|x) = Σ_{t below node} p(t|x)``

    Args:
        log_topics: log p(t|x), shape (n_documents, n_topics).
        taxonomy: The map.

    Returns:
        Shape (n_documents, n_nodes), columns as ``taxonomy.hierarchy.nodes``.

    Raises:
        ConfigError: If there is not a column for each topic.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> tiny = Taxonomy.from_yaml(shipped("tiny"))
        >>> node_probabilities(np.log([[0.1, 0.2, 0.3, 0.2, 0.1, 0.1]]), taxonomy=tiny)[0, 0].round(6)  # X
        np.float64(0.6)
    """
    masses: Array = np.exp(topic_array(log_topics, n_topics=len(taxonomy.topics))) @ ancestor_matrix(taxonomy)
    return masses


def topic_array(log_topics: ArrayLike, *, n_topics: int) -> Array:
    """Log-probabilities as an array, checked.

    Args:
        log_topics: log p(t|x), shape (n_documents, n_topics).
        n_topics: How many columns there must be.

    Returns:
        The same in float64.

    Raises:
        ConfigError: If there is not a column for each topic, or NaN among the values.
    """
    array = np.asarray(log_topics, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != n_topics:
        raise ConfigError(f"expected log-probabilities of documents × {n_topics} topics, got the shape {array.shape}")
    if np.isnan(array).any():
        raise ConfigError("expected log-probabilities, got NaN")
    return array
