"""Hierarchical precision, recall and F1: a near miss counts more than a far one.

Knows which nodes stand above which, not how predictions came about; no torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import networkx as nx
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from hiercls.errors import ConfigError
from hiercls.metrics.arrays import pair_up
from hiercls.taxonomy.taxonomy import Taxonomy

Average = Literal["micro", "documents", "classes"]
"""Over all pairs of documents and nodes together; the mean over documents; the mean over the nodes that occur."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HierarchicalScores:
    """How much of the way from the root is right.

    Args:
        n_documents: The documents that count.
        n_undetermined: The documents left out, since their topic is not known.
        precision: The part of the predicted nodes that are true ones; NaN where no document counts.
        recall: The part of the true nodes that were predicted; NaN where no document counts.
        f1: The harmonic mean of the two, taken before the mean over documents or classes; NaN where none counts.

    Example:
        >>> HierarchicalScores(n_documents=2, n_undetermined=0, precision=0.5, recall=1.0, f1=0.67).f1
        0.67
    """

    n_documents: int
    n_undetermined: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NodeCounts:
    """The sums that all averages are made of; those of two sets of documents add up to those of both.

    Args:
        by_class: How often each node was right, was predicted and was true, shape (3, n_nodes).
        by_document: The sums of the documents' precision, recall and F1, shape (3,).
        n_documents: The documents that count.
        n_undetermined: The documents left out.

    Example:
        >>> ones = np.ones((3, 2))
        >>> NodeCounts(by_class=ones, by_document=np.ones(3), n_documents=1, n_undetermined=0).scores("classes").f1
        1.0
    """

    by_class: NDArray[np.float64]
    by_document: NDArray[np.float64]
    n_documents: int
    n_undetermined: int

    def scores(self, average: Average) -> HierarchicalScores:
        """The scores under one of the averages.

        A part of nothing (no node predicted, none true) is 0, as in scikit-learn, and the mean over classes takes the
        nodes that occur in truths or predictions.

        Args:
            average: ``micro``, ``documents`` or ``classes``.

        Returns:
            Precision, recall, F1 and the counts.

        Raises:
            ConfigError: If there is no such average.
        """
        if average not in ("micro", "documents", "classes"):
            raise ConfigError(f"expected the average 'micro', 'documents' or 'classes', got {average!r}")
        if not self.n_documents:
            values = np.full(3, math.nan)
        elif average == "micro":
            values = _parts(*self.by_class.sum(axis=1))
        elif average == "documents":
            values = self.by_document / self.n_documents
        else:
            occurring = self.by_class[:, (self.by_class[1:] > 0).any(axis=0)]
            values = _parts(*occurring).mean(axis=1)
        precision, recall, f1 = values.tolist()
        return HierarchicalScores(
            n_documents=self.n_documents, n_undetermined=self.n_undetermined, precision=precision, recall=recall, f1=f1
        )


def ancestor_matrix(taxonomy: Taxonomy, *, nodes: Sequence[str] | None = None) -> csr_array:
    """For each topic the nodes at or above it, the root left out.

    Args:
        taxonomy: A tree or a DAG, ragged or not; a shallow leaf is one node.
        nodes: The nodes that the rows are for, such as ``taxonomy.hierarchy.nodes`` where answers may stop at inner
            nodes; None: the topics.

    Returns:
        n_topics × n_nodes, 1 where the node is the topic or one of its ancestors, else 0; columns in the order of
        ``taxonomy.graph``.

    Example:
        >>> tiny = Taxonomy.from_yaml("{hiercls: 1, name: tiny, levels: [area, topic], topics: {X: [A, B], Y: [C]}}")
        >>> ancestor_matrix(tiny).sum(axis=1).tolist()
        [2, 2, 2]
    """
    graph = taxonomy.graph
    positions = {node: position for position, node in enumerate(graph)}
    asked = taxonomy.topics if nodes is None else nodes
    lines = [[positions[node] for node in (name, *nx.ancestors(graph, name))] for name in asked]
    starts = np.cumsum([0, *map(len, lines)])
    columns = np.array([column for line in lines for column in line], dtype=np.int64)
    shape = (len(lines), len(positions))
    matrix = csr_array((np.ones(len(columns), dtype=np.int64), columns, starts), shape=shape)
    matrix.sort_indices()
    return matrix


def hierarchical_scores(
    predicted: ArrayLike, truth: ArrayLike, *, ancestors: csr_array, average: Average = "micro"
) -> HierarchicalScores:
    """Hierarchical precision, recall and F1 of predicted topics.

    ``hP = Σ_d |P_d ∩ T_d| / Σ_d |P_d|`` and ``hR = Σ_d |P_d ∩ T_d| / Σ_d |T_d|``, where P_d and T_d are the predicted
    and the true topic of document d with all their ancestors but the root; that is ``micro``. ``documents`` is the mean
    of the documents' own scores (hiclass calls it "macro"), ``classes`` the mean of the nodes' own.

    Args:
        predicted: n_documents topic indices.
        truth: n_documents topic indices; documents with −1 are left out.
        ancestors: The taxonomy's :func:`ancestor_matrix`; in general the sets of nodes that the indices stand for.
        average: How documents and nodes are brought together.

    Returns:
        The scores and the counts.

    Raises:
        ConfigError: If an index is no row of the matrix, or there is no such average.

    Example:
        >>> tiny = Taxonomy.from_yaml("{hiercls: 1, name: tiny, levels: [area, topic], topics: {X: [A, B], Y: [C]}}")
        >>> hierarchical_scores([0, 0], [1, 2], ancestors=ancestor_matrix(tiny)).precision
        0.25

    Source:
        Kiritchenko et al., Learning and Evaluation in the Presence of Class Hierarchies, 2006; Silla and Freitas, A
        survey of hierarchical classification across different application domains, 2011.
    """
    return count_nodes(predicted, truth, ancestors=ancestors).scores(average)


def node_set_scores(predicted: csr_array, truth: csr_array, *, average: Average = "micro") -> HierarchicalScores:
    """Hierarchical precision, recall and F1 of sets of nodes: several topics a document, or none.

    Args:
        predicted: n_documents × n_nodes, 1 for the predicted nodes, their ancestors included; for topics as a 0/1
            matrix ``(topics @ ancestor_matrix(taxonomy)) > 0``.
        truth: n_documents × n_nodes, 1 for the true nodes, their ancestors included.
        average: How documents and nodes are brought together, as in :func:`hierarchical_scores`.

    Returns:
        The scores and the counts.

    Raises:
        ConfigError: If the shapes differ, or there is no such average.

    Example:
        >>> both, first = csr_array([[1, 1, 1]]), csr_array([[1, 1, 0]])
        >>> node_set_scores(both, first).precision, node_set_scores(both, first).recall
        (0.666..., 1.0)
    """
    if predicted.shape != truth.shape:
        raise ConfigError(f"expected predictions and truths of one shape, got {predicted.shape} and {truth.shape}")
    stacked = np.concatenate([part.indices for part in map(_binary, (predicted, truth))])
    sizes = np.concatenate([np.diff(part.indptr) for part in map(_binary, (predicted, truth))])
    shape = (2 * truth.shape[0], truth.shape[1])
    sets = csr_array((np.ones(len(stacked), dtype=np.int64), stacked, np.cumsum([0, *sizes])), shape=shape)
    documents = np.arange(truth.shape[0])
    return hierarchical_scores(documents, documents + truth.shape[0], ancestors=sets, average=average)


def count_nodes(predicted: ArrayLike, truth: ArrayLike, *, ancestors: csr_array) -> NodeCounts:
    """Count the nodes that predictions and truths share, once for each distinct pair of them.

    Args:
        predicted: n_documents rows of the matrix.
        truth: n_documents rows of the matrix; documents with −1 are left out.
        ancestors: The set of nodes that each index stands for, 0/1, shape (n_sets, n_nodes).

    Returns:
        The sums that :class:`NodeCounts` makes scores of.

    Raises:
        ConfigError: If an index is no row of the matrix.

    Example:
        >>> count_nodes([0, 1], [0, 0], ancestors=csr_array([[1, 1], [1, 0]])).by_class.tolist()
        [[2.0, 1.0], [2.0, 1.0], [2.0, 2.0]]
    """
    n_sets = ancestors.shape[0]
    pairs = pair_up(predicted, truth, n_classes=n_sets)
    distinct, counts = np.unique(pairs.predicted * n_sets + pairs.truth, return_counts=True)
    answers, truths = distinct // max(n_sets, 1), distinct % max(n_sets, 1)
    shared = ancestors[answers].multiply(ancestors[truths]).tocsr()
    sizes = np.diff(ancestors.indptr)
    by_pair = _parts(np.diff(shared.indptr), sizes[answers], sizes[truths])
    each = [
        counts @ shared,
        *(np.bincount(part, minlength=n_sets) @ ancestors for part in (pairs.predicted, pairs.truth)),
    ]
    return NodeCounts(
        by_class=np.stack([np.asarray(part, dtype=float) for part in each]),
        by_document=by_pair @ counts,
        n_documents=len(pairs.truth),
        n_undetermined=pairs.n_undetermined,
    )


def _parts(shared: ArrayLike, predicted: ArrayLike, truth: ArrayLike) -> NDArray[np.float64]:
    """Precision, recall and F1 of counts, 0 where nothing is there to be right; shape (3, ...)."""
    hits, found, wanted = (np.asarray(part, dtype=float) for part in (shared, predicted, truth))
    return np.stack(
        [hits / np.maximum(found, 1), hits / np.maximum(wanted, 1), 2 * hits / np.maximum(found + wanted, 1)]
    )


def _binary(matrix: csr_array) -> csr_array:
    """A sparse matrix whose entries are the non-zero ones, each once."""
    rows = csr_array(matrix, copy=True)
    rows.sum_duplicates()
    rows.eliminate_zeros()
    return rows
