"""What the declared customers can teach, before any training: which topics their classes tell apart.

Pure linear algebra on views; knows no documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_array, csr_array, hstack
from scipy.sparse.csgraph import connected_components

from hiercls.taxonomy.document import listed
from hiercls.taxonomy.view import View

MAX_CELLS = 2_000
"""The most connected cells whose rank is computed: it takes a dense matrix of cells × cells."""

MAX_CELLS_WHOLE = 500
"""With more cells, those that a class names alone are set aside first, connected ones are solved together, and no
condition number is computed."""

MAX_PEELS = 100
"""How often cells are set aside: each time the classes that are left hold fewer cells."""

MAX_NAMES = 8
"""How many topics of one group a sentence names."""

MAX_GROUPS = 5
"""How many groups of topics have a sentence of their own."""

_TOLERANCE = 1e-11
"""An eigenvalue of the Gram matrix counts as 0 below this share of the largest."""

_SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifiability:
    """Whether class probabilities determine topic probabilities.

    Stack the columns a_k of all views' weights, a partial view's as a_k − r_k·1_scope with r_k = a_k·p / 1_scope·p for
    one random positive p, and one column of ones: the matrix M. Topic probabilities are known up to the vectors v with
    M'v = 0. A topic is left open where some such v is not 0 on it; two topics belong to one group where they cannot be
    parted without cutting such a v in two.

    Args:
        views: The views that were asked for.
        rank: The rank of M; None where more than ``MAX_CELLS`` connected cells would have to be solved together.
        n_topics: The number of topics.
        cells: The topics that all views group alike, together; every topic is in one cell.
        confounded: The groups of topics whose probabilities the rank leaves open; where it is not computed, those of
            them that are found without it.
        unnamed: The topics that no view names.
        condition_number: The largest singular value of M by the smallest; infinite unless determined, not a number
            where there are too many cells to compute it.

    Example:
        >>> views = [View.from_members("one", topics="ABC", members={"AB": [0, 1], "C": [2]})]
        >>> result = identify(("A", "B", "C"), views)
        >>> result.rank, result.cells, result.confounded, result.is_determined
        (2, (('A', 'B'), ('C',)), (('A', 'B'),), False)
        >>> print(result.summary())
        labels at 'one' have rank 2 of 3: some topics are not told apart
        every view groups 'A', 'B' alike, so nothing tells them apart
    """

    views: tuple[str, ...]
    rank: int | None
    n_topics: int
    cells: tuple[tuple[str, ...], ...]
    confounded: tuple[tuple[str, ...], ...]
    unnamed: tuple[str, ...]
    condition_number: float

    @property
    def is_determined(self) -> bool:
        """Whether class probabilities determine topic probabilities: the rank is known, and the number of topics."""
        return self.rank == self.n_topics

    @property
    def is_separated(self) -> bool:
        """Whether any two topics are told apart by some view; enough where topics are well separated in the texts."""
        return len(self.cells) == self.n_topics

    @property
    def verdict(self) -> str:
        """What labels at the views can teach, in one line."""
        if self.rank is None:
            cells = f"{len(self.cells):,} groups of {self.n_topics:,} topics"
            return (
                f"labels at {listed(self.views)} tell {cells} apart; their rank is not computed: too many hang together"
            )
        rank = f"labels at {listed(self.views) or 'no view'} have rank {self.rank} of {self.n_topics}"
        if self.is_determined:
            known = np.isfinite(self.condition_number)
            condition = f" (condition number {self.condition_number:.3g})" if known else ""
            return f"{rank}: they determine every topic{condition}"
        if self.is_separated:
            return f"{rank}: they tell all topics apart, but determine them only where texts do so too"
        return f"{rank}: some topics are not told apart"

    @property
    def gaps(self) -> tuple[str, ...]:
        """What labels at the views leave open, a sentence each; the first few of many."""
        together = [frozenset(cell) for cell in self.cells if len(cell) > 1]
        found = []
        for group in self.confounded[:MAX_GROUPS]:
            names = listed(group, limit=MAX_NAMES)
            if any(cell.issuperset(group) for cell in together):
                found.append(f"every view groups {names} alike, so nothing tells them apart")
            else:
                found.append(f"the labels leave open how {names} share their probability")
        n_more = len(self.confounded) - MAX_GROUPS
        if n_more > 0:
            found.append(
                f"{n_more:,} more group{'s' * (n_more > 1)} of topics {'are' if n_more > 1 else 'is'} left open"
            )
        if self.unnamed:
            found.append(f"no view names {listed(self.unnamed, limit=MAX_NAMES)}")
        return tuple(found)

    def summary(self) -> str:
        """The verdict and the gaps, one a line."""
        return "\n".join([self.verdict, *self.gaps])


def identify(topics: Sequence[str], views: Sequence[View]) -> Identifiability:
    """Find what documents labelled in some views can teach.

    Args:
        topics: All topics.
        views: The views in which documents are labelled.

    Returns:
        The rank, the cells, the topics left open, and more.

    Example:
        >>> two = View.from_members("two", topics="ABC", members={"A": [0], "B": [1], "C": [2]})
        >>> identify(("A", "B", "C"), [two]).is_determined
        True
    """
    cell_of = _cells(len(topics), views)
    n_cells = int(cell_of.max()) + 1
    first = np.unique(cell_of, return_index=True)[1]
    sizes = np.bincount(cell_of)
    is_whole = n_cells <= MAX_CELLS_WHOLE
    kept = np.arange(n_cells) if is_whole else _not_peeled(first, views)
    blocks = [kept] if is_whole else [kept[block] for block in _blocks(first[kept], views)]
    solved = [block for block in blocks if len(block) <= MAX_CELLS]
    matrix = _matrix(topics, views, first[np.concatenate([*solved, kept[:0]])])
    found = [_solve(part, sizes[block]) for part, block in zip(_cut(matrix, solved), solved, strict=True)]
    rank = None if len(solved) < len(blocks) else n_cells - len(kept) + sum(part for part, _, _ in found)
    group_of = _groups(n_cells, solved, [projector for _, projector, _ in found], sizes > 1)
    condition = (found[0][2] if is_whole else np.nan) if rank == len(topics) else np.nan if rank is None else np.inf
    unnamed = ~np.logical_or.reduce([np.zeros(len(topics), dtype=bool), *(view.scope for view in views)])
    return Identifiability(
        views=tuple(view.name for view in views),
        rank=rank,
        n_topics=len(topics),
        cells=_collected(topics, cell_of),
        confounded=_collected(topics, group_of[cell_of]),
        unnamed=tuple(topic for topic, is_unnamed in zip(topics, unnamed, strict=True) if is_unnamed),
        condition_number=float(condition),
    )


def _cells(n_topics: int, views: Sequence[View]) -> NDArray[np.int64]:
    """(n_topics,): the cell of each topic, numbered in the topics' order, by hashing rows of the memberships."""
    if not views:
        return np.zeros(n_topics, dtype=np.int64)
    stacked = csr_array(hstack([view.membership for view in views], format="csr"))
    stacked.sort_indices()
    known: dict[bytes, int] = {}
    ends = stacked.indptr
    rows = (stacked.indices[ends[topic] : ends[topic + 1]].tobytes() for topic in range(n_topics))
    return np.array([known.setdefault(row, len(known)) for row in rows], dtype=np.int64)


def _matrix(topics: Sequence[str], views: Sequence[View], rows: NDArray[np.int64]) -> csr_array:
    """Some rows of M: n_rows × (the number of all classes + 1)."""
    p = np.random.default_rng(_SEED).uniform(0.5, 1.5, size=len(topics))
    columns = [csr_array(np.ones((len(rows), 1)))]
    for view in views:
        weights = view.weights[rows]
        if view.is_partial:
            scope = view.scope.astype(np.float64)
            ratio = (view.weights.T @ p) / (scope @ p) if scope.any() else np.zeros(len(view.classes))
            weights = weights - csr_array(scope[rows, None]) @ csr_array(ratio[None, :])
        columns.append(csr_array(weights))
    return csr_array(hstack(columns, format="csr"))


def _not_peeled(first: NDArray[np.int64], views: Sequence[View]) -> NDArray[np.int64]:
    """The cells that are left once those that a class holds alone are set aside, again and again.

    A class of one cell (of a view that is not partial) spans that cell's unit vector, so row and column can be taken
    out: the rank falls by one and the rest is as it was.
    """
    whole = [view.membership for view in views if not view.is_partial]
    left = np.ones(len(first), dtype=bool)
    if whole:
        held = csr_array(hstack(whole, format="csr"))[first]
        for _ in range(MAX_PEELS):
            alone = (held.T @ left.astype(np.float64)) == 1.0
            peeled = left & (held @ alone.astype(np.float64) > 0)
            if not peeled.any():
                break
            left &= ~peeled
    return np.flatnonzero(left)


def _blocks(first: NDArray[np.int64], views: Sequence[View]) -> list[NDArray[np.int64]]:
    """The cells that hang together, block by block: M, ordered so, is block-diagonal but for the column of ones.

    Cells hang together in a class, or in the scope of a partial view. The ones are the sum of the columns of any view
    that is not partial; without one, they hold all cells together.
    """
    if all(view.is_partial for view in views):
        return [np.arange(len(first))]
    holders = [csr_array(view.scope[:, None] * 1.0) if view.is_partial else view.membership for view in views]
    held = csr_array(hstack(holders, format="csr"))[first]
    _, labels = connected_components(block_array([[None, held], [held.T, None]]), directed=False)
    order = np.argsort(labels[: len(first)], kind="stable")
    return np.split(order, np.flatnonzero(np.diff(labels[order])) + 1) if len(first) else []


def _cut(matrix: csr_array, blocks: Sequence[NDArray[np.int64]]) -> list[csr_array]:
    """The rows of each block of a matrix that holds one block after the other."""
    ends = np.cumsum([0, *map(len, blocks)]).tolist()
    return [csr_array(matrix[start:end]) for start, end in pairwise(ends)]


def _solve(matrix: csr_array, sizes: NDArray[np.int64]) -> tuple[int, NDArray[np.float64], float]:
    """The rank of some rows, the projector on what they leave open, and the condition number."""
    scaled = csr_array(matrix.multiply(np.sqrt(sizes)[:, None]))
    values, vectors = np.linalg.eigh((scaled @ scaled.T).toarray())
    is_open = values <= _TOLERANCE * values[-1]
    condition = float(np.sqrt(values[-1] / values[~is_open][0]))
    return int((~is_open).sum()), vectors[:, is_open] @ vectors[:, is_open].T, condition


def _groups(
    n_cells: int,
    blocks: Sequence[NDArray[np.int64]],
    projectors: Sequence[NDArray[np.float64]],
    is_several: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """(n_cells,): the group of each cell that is left open, −1 for the others.

    A projector is block-diagonal exactly where what is left open falls into parts that share no cell.
    """
    groups = np.full(n_cells, -1, dtype=np.int64)
    for block, projector in zip(blocks, projectors, strict=True):
        touches = np.abs(projector) > 1e-7
        for cell in np.flatnonzero(touches.diagonal()):
            fresh = np.arange(len(block)) == cell if groups[block[cell]] < 0 else np.zeros(len(block), dtype=bool)
            while fresh.any():
                groups[block[fresh]] = block[cell]
                fresh = touches[fresh].any(axis=0) & (groups[block] < 0)
    alone = np.flatnonzero(is_several & (groups < 0))
    groups[alone] = n_cells + np.arange(len(alone))
    return groups


def _collected(topics: Sequence[str], groups: NDArray[np.int64]) -> tuple[tuple[str, ...], ...]:
    """The topics of each group, groups in the order of their first topic; −1 is no group."""
    found: dict[int, list[str]] = {}
    for topic, group in zip(topics, groups.tolist(), strict=True):
        if group >= 0:
            found.setdefault(group, []).append(topic)
    return tuple(tuple(members) for members in found.values())
