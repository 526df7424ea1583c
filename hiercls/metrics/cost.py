"""What wrong answers cost: how far they lie from the truth on the hierarchy, or by anybody's matrix of costs.

Knows the hierarchy, not how predictions came about; no torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from hiercls.errors import ConfigError
from hiercls.metrics.arrays import pair_up
from hiercls.metrics.hierarchical import ancestor_matrix
from hiercls.taxonomy.taxonomy import Taxonomy

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class CostScores:
    """What predictions cost on average.

    Args:
        n_documents: The documents that count.
        n_undetermined: The documents left out, since their truth is not known.
        mean: The mean cost of a document; NaN where none counts.
        mean_of_errors: The mean cost of a document that is wrong; NaN where none is.

    Example:
        >>> mean_cost([0, 1], [0, 0], costs=[[0.0, 4.0], [4.0, 0.0]]).mean_of_errors
        4.0
    """

    n_documents: int
    n_undetermined: int
    mean: float
    mean_of_errors: float


def mean_cost(predicted: ArrayLike, truth: ArrayLike, *, costs: ArrayLike) -> CostScores:
    """The mean of a cost over documents.

    ``mean = Σ_d costs[predicted_d, truth_d] / n``

    Args:
        predicted: n_documents indices, the rows of the matrix.
        truth: n_documents indices, its columns; documents with −1 are left out.
        costs: Such as :func:`tree_induced_errors`, shape (n_classes, n_classes).

    Returns:
        The means and the counts.

    Raises:
        ConfigError: If the matrix is not square, or an index is none of it.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> tiny = Taxonomy.from_yaml(shipped("tiny"))
        >>> mean_cost([0, 0, 0], [0, 1, 3], costs=tree_induced_errors(tiny)).mean  # right, near, far
        2.0
    """
    matrix = np.asarray(costs, dtype=float)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ConfigError(f"expected a square matrix of costs, got the shape {matrix.shape}")
    pairs = pair_up(predicted, truth, n_classes=len(matrix))
    each, wrong = matrix[pairs.predicted, pairs.truth], pairs.predicted != pairs.truth
    return CostScores(
        n_documents=len(each),
        n_undetermined=pairs.n_undetermined,
        mean=float(each.mean()) if len(each) else math.nan,
        mean_of_errors=float(each[wrong].mean()) if wrong.any() else math.nan,
    )


def tree_induced_errors(taxonomy: Taxonomy, *, nodes: Sequence[str] | None = None) -> Matrix:
    """The edges from one topic up to an ancestor of both and down to the other, on the shortest such way.

    ``TIE(i, j) = depth(i) + depth(j) − 2 · depth(lowest common ancestor)``; the root stands above all.

    Args:
        taxonomy: A tree or a DAG, ragged or not.
        nodes: The nodes that rows and columns are for; None: the topics.

    Returns:
        Shape (n_topics, n_topics), symmetric, 0 on the diagonal.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> tree_induced_errors(Taxonomy.from_yaml(shipped("tiny")))[0].tolist()
        [0.0, 2.0, 2.0, 4.0, 4.0, 4.0]

    Source:
        Dekel, Keshet and Singer, Large Margin Hierarchical Classification, ICML 2004.
    """
    hierarchy, asked = taxonomy.hierarchy, taxonomy.topics if nodes is None else nodes
    depths = np.array([hierarchy.depth[node] + 1 for node in hierarchy.nodes])
    shared = _over_shared(ancestor_matrix(taxonomy, nodes=asked), depths, order=np.unique(depths), else_=0)
    own = np.array([hierarchy.depth[node] + 1 for node in asked], dtype=float)
    errors: Matrix = own[:, None] + own[None, :] - 2 * shared
    return errors


def common_ancestor_heights(taxonomy: Taxonomy, *, nodes: Sequence[str] | None = None) -> Matrix:
    """How far one must climb for an answer that covers both topics: the height of their lowest common ancestor.

    A node's height is the longest way from it down to a topic; the lowest is the one of the least height.

    Args:
        taxonomy: A tree or a DAG, ragged or not.
        nodes: The nodes that rows and columns are for; None: the topics.

    Returns:
        Shape (n_topics, n_topics), symmetric; 0 where both are the same topic, the root's height where nothing but
        the root stands above both.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> common_ancestor_heights(Taxonomy.from_yaml(shipped("tiny")))[0].tolist()
        [0.0, 1.0, 1.0, 2.0, 2.0, 2.0]

    Source:
        Deng et al., What Does Classifying More Than 10,000 Image Categories Tell Us?, ECCV 2010; Bertinetto et al.,
        Making Better Mistakes, CVPR 2020.
    """
    heights: dict[str, int] = {}
    for node in reversed(list(nx.topological_sort(taxonomy.graph))):
        heights[node] = max((heights[child] + 1 for child in taxonomy.graph.successors(node)), default=0)
    by_node = np.array([heights[node] for node in taxonomy.hierarchy.nodes])
    closure = ancestor_matrix(taxonomy, nodes=taxonomy.topics if nodes is None else nodes)
    return _over_shared(closure, by_node, order=np.unique(by_node)[::-1], else_=int(by_node.max()) + 1)


def _over_shared(closure: csr_array, values: NDArray[np.int64], *, order: Iterable[int], else_: int) -> Matrix:
    """For each two rows the value of the ancestor that they share, the last in an order of values."""
    found = np.full((closure.shape[0],) * 2, float(else_))
    for value in order:
        members = csr_array(closure[:, np.flatnonzero(values == value)])
        found[(members @ members.T).nonzero()] = value
    return found
