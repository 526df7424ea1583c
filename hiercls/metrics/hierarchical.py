"""Hierarchical precision, recall and F1: a near miss counts more than a far one.

Knows the hierarchy's graph, not how predictions came about; no torch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import networkx as nx
import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from hiercls.metrics.arrays import pair_up
from hiercls.taxonomy.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True, kw_only=True)
class HierarchicalScores:
    """How much of the way from the root is right, over all documents together.

    Args:
        n_documents: The documents that count.
        n_undetermined: The documents left out, since their topic is not known.
        precision: The part of the predicted nodes that are true ones; NaN where no document counts.
        recall: The part of the true nodes that were predicted; NaN where no document counts.

    Example:
        >>> HierarchicalScores(n_documents=2, n_undetermined=0, precision=0.5, recall=1.0).f1
        0.666...
    """

    n_documents: int
    n_undetermined: int
    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def ancestor_matrix(taxonomy: Taxonomy) -> csr_array:
    """For each topic the nodes at or above it, the root left out.

    Args:
        taxonomy: A tree or a DAG, ragged or not; a shallow leaf is one node.

    Returns:
        n_topics × n_nodes, 1 where the node is the topic or one of its ancestors, else 0; nodes in the order of
        ``taxonomy.graph``.

    Example:
        >>> tiny = Taxonomy.from_yaml("{hiercls: 1, name: tiny, levels: [area, topic], topics: {X: [A, B], Y: [C]}}")
        >>> ancestor_matrix(tiny).sum(axis=1).tolist()
        [2, 2, 2]
    """
    graph = taxonomy.graph
    positions = {node: position for position, node in enumerate(graph)}
    lines = [[positions[node] for node in (topic, *nx.ancestors(graph, topic))] for topic in taxonomy.topics]
    starts = np.cumsum([0, *map(len, lines)])
    columns = np.array([column for line in lines for column in line], dtype=np.int64)
    shape = (len(lines), len(positions))
    matrix = csr_array((np.ones(len(columns), dtype=np.int64), columns, starts), shape=shape)
    matrix.sort_indices()
    return matrix


def hierarchical_scores(predicted: ArrayLike, truth: ArrayLike, *, ancestors: csr_array) -> HierarchicalScores:
    """Micro-averaged hierarchical precision and recall of predicted topics.

    ``hP = Σ_d |P_d ∩ T_d| / Σ_d |P_d|`` and ``hR = Σ_d |P_d ∩ T_d| / Σ_d |T_d|``, where P_d and T_d are the predicted
    and the true topic of document d with all their ancestors but the root.

    Args:
        predicted: n_documents topic indices.
        truth: n_documents topic indices; documents with −1 are left out.
        ancestors: The taxonomy's :func:`ancestor_matrix`.

    Returns:
        The scores and the counts.

    Example:
        >>> tiny = Taxonomy.from_yaml("{hiercls: 1, name: tiny, levels: [area, topic], topics: {X: [A, B], Y: [C]}}")
        >>> hierarchical_scores([0, 0], [1, 2], ancestors=ancestor_matrix(tiny)).precision
        0.25

    Source:
        Kiritchenko et al., Learning and Evaluation in the Presence of Class Hierarchies, 2006; Silla and Freitas, A
        survey of hierarchical classification across different application domains, 2011.
    """
    n_topics = ancestors.shape[0]
    pairs = pair_up(predicted, truth, n_classes=n_topics)
    n_nodes = np.diff(ancestors.indptr)
    distinct, counts = np.unique(pairs.predicted * n_topics + pairs.truth, return_counts=True)
    above_predicted, above_truth = ancestors[distinct // n_topics], ancestors[distinct % n_topics]
    shared = counts @ above_predicted.multiply(above_truth).sum(axis=1)
    sizes = [n_nodes[indices].sum() for indices in (pairs.predicted, pairs.truth)]
    precision, recall = (float(shared / size) if size else math.nan for size in sizes)
    return HierarchicalScores(
        n_documents=len(pairs.truth), n_undetermined=pairs.n_undetermined, precision=precision, recall=recall
    )
