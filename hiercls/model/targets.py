"""What labels say at every level, ready to be cut into batches.

Knows views, priors and the labels' sets; knows no text, no encoder and no loss.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array, eye_array
from torch import Tensor

from hiercls.aggregation import Entries
from hiercls.model.head import Composition
from hiercls.model.priors import Priors
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.labels import ResolvedLabels


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelTargets:
    """What the labels of a batch say at one level.

    Args:
        sets: Each document's label as entries over the columns that the level's term is read from: the level's nodes
            with ``topic`` composition, the topics with ``path`` and ``flat`` and at the last level.
        informative: False for the documents whose label allows the whole level, which skip it, shape (batch,).
        prior_shift: log π_c − log π over the same columns, shape (batch, n_columns); None: the pooled mix.
        scope: True for the columns in the label's scope, shape (batch, n_columns); None: all.
    """

    sets: Entries
    informative: Tensor
    prior_shift: Tensor | None = None
    scope: Tensor | None = None

    def to(self, device: torch.device | str) -> LevelTargets:
        """The same targets on another device."""
        return LevelTargets(
            sets=self.sets.to(device),
            informative=self.informative.to(device),
            prior_shift=None if self.prior_shift is None else self.prior_shift.to(device),
            scope=None if self.scope is None else self.scope.to(device),
        )


class TargetTable:
    """The targets of all training documents, from which any batch is cut.

    ``S_l`` = the nodes of level l with a topic in the label's set. With ``path`` and ``flat`` composition the level's
    term is read from the topics, so the set becomes the column sum ``Σ_{n ∈ S_l} A_l[t, n]`` over topics.

    Args:
        taxonomy: The map.
        labels: The documents' labels, met with the map.
        composition: How the heads compose p(topic).
        priors: The customers' own mixes of topics; None: none is known.

    Source:
        The project's design, "Cascade: set labels".
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        labels: ResolvedLabels,
        *,
        composition: Composition,
        priors: Priors | None = None,
    ) -> None:
        self.n_topics = len(taxonomy.topics)
        self._scope_index = labels.scope_index
        self._prior_index = None if priors is None else priors.index
        rows, self._row_of = _distinct_rows(labels.weights)
        support = csr_array((np.ones_like(rows.data), rows.indices, rows.indptr), shape=rows.shape)
        identity, composed = eye_array(len(taxonomy.topics), format="csr"), composition != "topic"
        topics = _scopes(labels.scopes, len(taxonomy.topics))
        self._levels: list[_LevelTable] = []
        self._allowed: list[csr_array] = []
        for level in taxonomy.levels[:-1]:
            view = taxonomy.view(level)
            nodes = _binary(support @ view.membership)
            columns = identity if composed else view.weights
            self._levels.append(
                _LevelTable(
                    sets=_logged(csr_array(nodes @ view.weights.T) if composed else nodes),
                    informative=np.diff(nodes.indptr) < len(view.classes),
                    scopes=topics if composed or topics is None else _binary(topics @ view.membership),
                    shifts=None if priors is None else priors.shifts(columns),
                )
            )
            self._allowed.append(nodes)
        self._levels.append(
            _LevelTable(
                sets=_logged(rows),
                informative=np.ones(rows.shape[0], dtype=bool),
                scopes=topics,
                shifts=None if priors is None else priors.shifts(identity),
            )
        )

    def take(self, documents: np.ndarray) -> TargetTable:
        """The table of some documents, by position; nothing but positions is copied."""
        taken = copy.copy(self)
        taken._row_of = self._row_of[documents]
        taken._scope_index = self._scope_index[documents]
        taken._prior_index = None if self._prior_index is None else self._prior_index[documents]
        return taken

    def batch(self, documents: np.ndarray) -> tuple[LevelTargets, ...]:
        """The targets of some documents, level by level.

        Args:
            documents: Their positions, shape (batch,).

        Returns:
            One entry a level, the topics last.
        """
        rows = self._row_of[documents]
        scope = self._scope_index[documents]
        prior = None if self._prior_index is None else self._prior_index[documents]
        return tuple(table.batch(rows, scope, prior) for table in self._levels)

    def allowed(self, documents: np.ndarray) -> tuple[Tensor, ...]:
        """For every level but the last, True for the nodes that a document's label allows.

        Args:
            documents: Their positions, shape (batch,).

        Returns:
            Each of shape (batch, n_nodes).
        """
        rows = self._row_of[documents]
        return tuple(_support(table, rows) for table in self._allowed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _LevelTable:
    """One level's targets, by distinct label, distinct scope and known customer; weights of sets as logarithms."""

    sets: csr_array
    informative: np.ndarray
    scopes: csr_array | None
    shifts: np.ndarray | None

    def batch(self, rows: np.ndarray, scope: np.ndarray, prior: np.ndarray | None) -> LevelTargets:
        return LevelTargets(
            sets=_take(self.sets, rows),
            informative=torch.from_numpy(self.informative[rows]),
            prior_shift=None if self.shifts is None or prior is None else torch.from_numpy(self.shifts[prior]),
            scope=None if self.scopes is None else _support(self.scopes, scope),
        )


def _logged(matrix: csr_array) -> csr_array:
    """A sparse matrix with the logarithms of its entries, none of which is dropped."""
    return csr_array((np.log(matrix.data).astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)


def _take(matrix: csr_array, rows: np.ndarray) -> Entries:
    """Some rows of a sparse matrix of logarithms as entries; the owners are positions in ``rows``."""
    places, owners = spans(matrix.indptr, rows)
    return Entries(
        topics=torch.from_numpy(matrix.indices[places].astype(np.int64)),
        owners=torch.from_numpy(owners),
        log_weights=torch.from_numpy(matrix.data[places]),
        n_owners=len(rows),
    )


def _support(matrix: csr_array, rows: np.ndarray) -> Tensor:
    """Where some rows of a sparse matrix have entries, shape (n_taken, n_columns), bool."""
    places, owners = spans(matrix.indptr, rows)
    support = torch.zeros(len(rows), matrix.shape[1], dtype=torch.bool)
    support[torch.from_numpy(owners), torch.from_numpy(matrix.indices[places].astype(np.int64))] = True
    return support


def spans(starts: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the parts of some rows of a ragged array stand, and whose they are.

    Args:
        starts: Where each row begins, and at last where the last one ends, shape (n_rows + 1,).
        rows: The rows, shape (n_taken,).

    Returns:
        The places of their parts, and the position in ``rows`` of each part's row, both of shape (n_parts,).

    Example:
        >>> spans(np.array([0, 2, 2, 5]), np.array([2, 0]))
        (array([2, 3, 4, 0, 1]), array([0, 0, 0, 1, 1]))
    """
    begin = starts[rows].astype(np.int64)
    lengths = starts[rows + 1] - begin
    owners = np.repeat(np.arange(len(rows)), lengths)
    before = np.concatenate([[0], lengths.cumsum()])[:-1]
    return np.arange(lengths.sum()) + np.repeat(begin - before, lengths), owners


def _distinct_rows(matrix: csr_array) -> tuple[csr_array, np.ndarray]:
    """The distinct rows of a sparse matrix, and for every row the position of its like."""
    first: dict[bytes, int] = {}
    keep: list[int] = []
    index = np.empty(matrix.shape[0], dtype=np.int64)
    for row in range(matrix.shape[0]):
        part = slice(matrix.indptr[row], matrix.indptr[row + 1])
        key = matrix.indices[part].tobytes() + matrix.data[part].tobytes()
        index[row] = first.setdefault(key, len(keep))
        if index[row] == len(keep):
            keep.append(row)
    return csr_array(matrix[keep]), index


def _binary(matrix: Any) -> csr_array:
    """1 where a non-negative sparse matrix is positive."""
    rows = csr_array(matrix)
    rows.eliminate_zeros()
    return csr_array((np.ones_like(rows.data), rows.indices, rows.indptr), shape=rows.shape)


def _scopes(scopes: Sequence[np.ndarray | None], n_topics: int) -> csr_array | None:
    """Distinct scopes as rows of 1, shape (n_scopes, n_topics); None where all are the whole."""
    if all(scope is None for scope in scopes):
        return None
    members = [np.arange(n_topics) if scope is None else scope for scope in scopes]
    ends = np.cumsum([0, *map(len, members)])
    return csr_array((np.ones(ends[-1]), np.concatenate(members), ends), shape=(len(scopes), n_topics))
