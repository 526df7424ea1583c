"""Sets that people can read: conformal sets of topics that are one node of the hierarchy, or at most a few.

Knows log-probabilities of topics, held-out labels as sets of topics, and the taxonomy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiercls.decoding.argmax import Array, Indices, topic_array
from hiercls.decoding.conformal import allowed_topics, limits_of, worst
from hiercls.errors import ConfigError
from hiercls.metrics import ancestor_matrix
from hiercls.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NodeRule:
    """The rule that tells which nodes stand for a document's set of topics.

    Args:
        taxonomy: The map.
        max_nodes: The most nodes of a set.
        coverage: The promised part of documents whose topic is below the nodes.
        limit: The probability that a set must be above; infinite where too few documents were there for the promise.
        n_documents: The held-out documents that it was found on.
        n_coarse: Those of them that were labelled with several topics: with any, the coverage is more than promised.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> tiny, heldout = Taxonomy.from_yaml(shipped("tiny")), np.log([[0.5, 0.3, 0.1, 0.05, 0.03, 0.02]] * 4)
        >>> rule = node_rule(heldout, np.eye(6)[[0, 0, 1, 1]], taxonomy=tiny, coverage=0.8)
        >>> [tiny.hierarchy.nodes[node] for node in rule.nodes(heldout[:1])[0].nonzero()[0]]
        ['X']
    """

    taxonomy: Taxonomy
    max_nodes: int
    coverage: float
    limit: float
    n_documents: int
    n_coarse: int

    def nodes(self, log_topics: ArrayLike) -> NDArray[np.bool_]:
        """The nodes of each document's set.

        Args:
            log_topics: log p(t|x), shape (n_documents, n_topics).

        Returns:
            True for the nodes, at most ``max_nodes`` a document, shape (n_documents, n_nodes); where nothing less than
            all topics will do, all nodes at the top.

        Raises:
            ConfigError: If there is not a column for each topic.
        """
        growth = _grow(log_topics, self.taxonomy, self.max_nodes, until=self.limit)
        n_nodes = len(self.taxonomy.hierarchy.nodes)
        chosen = np.zeros((len(growth.slots), n_nodes + 2), dtype=bool)  # and the root, and an empty slot
        np.put_along_axis(chosen, growth.slots, True, axis=1)
        tops = np.isin(self.taxonomy.hierarchy.nodes, self.taxonomy.hierarchy.roots)
        found: NDArray[np.bool_] = np.where(chosen[:, n_nodes, None], tops, chosen[:, :n_nodes])
        return found

    def sets(self, log_topics: ArrayLike) -> NDArray[np.bool_]:
        """The topics below the nodes, shape (n_documents, n_topics)."""
        below = ancestor_matrix(self.taxonomy).toarray().T
        inside: NDArray[np.bool_] = (self.nodes(log_topics).astype(float) @ below) > 0
        return inside


def node_rule(
    log_topics: ArrayLike, labels: Any, *, taxonomy: Taxonomy, coverage: float, max_nodes: int = 1
) -> NodeRule:
    """Find the rule under which the topics of other documents stand below a few nodes as often as promised.

    A document's set begins with its likeliest topics, ``max_nodes`` of them, and grows where that adds the likeliest
    topics on average: a node climbs to the one above it, and a node that is set free thereby takes the next topic. How
    strange a topic is, is how probable the set was before it held that topic: 0 for the likeliest. With one node this
    is climbing from the likeliest topic, and the limit its threshold; the root, all topics, counts as right.

    Args:
        log_topics: log p(t|x) of held-out documents, shape (n_documents, n_topics).
        labels: Not 0 for the topics that the label allows, dense or sparse, shape (n_documents, n_topics); of a coarse
            label the strangest topic counts.
        taxonomy: The map.
        coverage: The part of documents whose set shall hold the truth, between 0 and 1; it is exact above the part of
            documents whose likeliest topic is true, else that part.
        max_nodes: The most nodes of a set.

    Returns:
        The rule.

    Raises:
        ConfigError: If the arrays do not fit the taxonomy, a label allows nothing, or there is no such coverage.

    Source:
        Goren, Galil and El-Yaniv, Hierarchical Selective Classification, NeurIPS 2024, algorithm 2 and theorem 1 (one
        node); Mortier et al., Conformal Prediction in Hierarchical Classification with Constrained Representation
        Complexity, 2025 (sets of at most r nodes; the way they grow here is our own).
    """
    scores = node_scores(log_topics, taxonomy=taxonomy, max_nodes=max_nodes)
    allowed = allowed_topics(labels, shape=scores.shape)
    limit = limits_of(
        worst(scores, allowed),
        coverage=coverage,
        weights=np.ones(len(scores)),
        own=np.ones(1),
        unsure=np.zeros(len(scores), dtype=bool),
    )
    return NodeRule(
        taxonomy=taxonomy,
        max_nodes=max_nodes,
        coverage=coverage,
        limit=float(limit[0]),
        n_documents=len(scores),
        n_coarse=int((np.diff(allowed.indptr) > 1).sum()),
    )


def node_scores(log_topics: ArrayLike, *, taxonomy: Taxonomy, max_nodes: int = 1) -> Array:
    """How strange each topic is where sets are of at most some nodes: how probable the set was before it held it.

    Args:
        log_topics: log p(t|x), shape (n_documents, n_topics).
        taxonomy: The map.
        max_nodes: The most nodes of a set.

    Returns:
        Shape (n_documents, n_topics), from 0 to 1.

    Raises:
        ConfigError: If there is not a column for each topic, or no node is allowed.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> tiny, probabilities = Taxonomy.from_yaml(shipped("tiny")), [[0.5, 0.3, 0.1, 0.05, 0.03, 0.02]]
        >>> node_scores(np.log(probabilities), taxonomy=tiny).round(2).tolist()  # A, then X, then all
        [[0.0, 0.5, 0.5, 0.9, 0.9, 0.9]]
    """
    return _grow(log_topics, taxonomy, max_nodes, until=np.inf).scores


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Growth:
    """Sets that have grown: the scores of the topics in them, and the nodes that they are made of.

    ``slots`` holds positions of nodes, shape (n_documents, max_nodes); n_nodes is the root, n_nodes + 1 nothing.
    """

    scores: Array
    slots: Indices


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Ladder:
    """For each node, the root and nothing: the topics below, and the least node that says more topics."""

    below: NDArray[np.bool_]
    up: Indices

    @classmethod
    def of(cls, taxonomy: Taxonomy) -> _Ladder:
        nodes = taxonomy.hierarchy.nodes
        n_nodes, n_topics = len(nodes), len(taxonomy.topics)
        below = np.ones((n_nodes + 2, n_topics), dtype=bool)
        below[:n_nodes] = ancestor_matrix(taxonomy).toarray().T > 0
        below[-1] = False
        n_below = below.sum(axis=1)
        above = ancestor_matrix(taxonomy, nodes=nodes).toarray() > 0
        up = np.full(n_nodes + 2, n_nodes)
        for node in range(n_nodes):
            larger = np.flatnonzero(above[node] & (n_below[:n_nodes] > n_below[node]))
            if len(larger) and n_below[larger].min() < n_topics:
                up[node] = larger[n_below[larger].argmin()]
        return cls(below=below, up=up)


def _grow(log_topics: ArrayLike, taxonomy: Taxonomy, max_nodes: int, *, until: float) -> _Growth:
    """Grow every document's set, until it is more probable than a limit or holds all topics."""
    probabilities = np.exp(topic_array(log_topics, n_topics=len(taxonomy.topics)))
    if max_nodes < 1:
        raise ConfigError(f"expected sets of one node at least, got max_nodes={max_nodes}")
    ladder, nothing = _Ladder.of(taxonomy), len(taxonomy.hierarchy.nodes) + 1
    positions = {node: position for position, node in enumerate(taxonomy.hierarchy.nodes)}
    topic_nodes = np.array([positions[topic] for topic in taxonomy.topics])
    covered = np.zeros(probabilities.shape, dtype=bool)
    growth = _Growth(
        scores=np.full(probabilities.shape, np.inf),
        slots=np.full((len(covered), max_nodes), nothing, dtype=np.int64),
    )
    growing = np.arange(len(covered))
    while len(growing):
        here, slots = probabilities[growing], growth.slots[growing]
        mass = np.where(covered[growing], here, 0.0).sum(axis=1)
        is_open = (mass <= until) & ~covered[growing].all(axis=1)
        growing, here, slots, mass = growing[is_open], here[is_open], slots[is_open], mass[is_open]
        slots = _step(here, covered[growing], slots, ladder, topic_nodes)
        fresh = ladder.below[slots].any(axis=1) & ~covered[growing]
        growth.slots[growing] = slots
        growth.scores[growing] = np.where(fresh, mass[:, None], growth.scores[growing])
        covered[growing] |= fresh
    return growth


def _step(here: Array, covered: NDArray[np.bool_], slots: Indices, ladder: _Ladder, topic_nodes: Indices) -> Indices:
    """The slots after one step: an empty one takes the likeliest topic that is missing, else some node climbs."""
    slots, nothing = slots.copy(), len(ladder.up) - 1
    rows = np.arange(len(slots))
    likeliest = topic_nodes[np.where(covered, -1.0, here).argmax(axis=1)]
    gained = ladder.below[ladder.up[slots]] & ~covered[:, None, :]
    n_gained = gained.sum(axis=2)
    means = (gained * here[:, None, :]).sum(axis=2) / np.maximum(n_gained, 1)
    means[n_gained == 0] = np.inf  # what is covered already becomes one node, and sets others free
    place = np.where(slots == nothing, np.inf, means)
    empty = (slots == nothing).any(axis=1)
    chosen = np.where(empty, (slots == nothing).argmax(axis=1), place.argmax(axis=1))
    taken = np.where(empty, likeliest, ladder.up[slots[rows, chosen]])
    within = ~(ladder.below[slots] & ~ladder.below[taken][:, None, :]).any(axis=2)
    slots[within] = nothing
    slots[rows, chosen] = taken
    return slots
