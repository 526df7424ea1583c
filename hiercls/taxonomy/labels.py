"""What the labels of rows say, one topic a document: weights over topics, or problems.

A label enters the loss as its column of the view's weights; its set is the column's support. Knows rows and views; not
texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from hiercls.errors import Problem
from hiercls.taxonomy.finding import NO_LABEL, Fault, LabelFinder, NamedClass, settle
from hiercls.taxonomy.taxonomy import Taxonomy
from hiercls.taxonomy.view import View

if TYPE_CHECKING:
    from hiercls.data.rows import Labels, Row

Found = TypeVar("Found")
"""What rows' labels become: :class:`ResolvedLabels`, or ``Multilabels`` where a document may have several topics."""
Scope = NDArray[np.int64] | None
"""Sorted positions of the topics that the labelled views name; ``None`` for all topics."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResolvedLabels:
    """The labels of documents as weights over topics.

    Args:
        weights: n_documents × n_topics: the product of the labels' columns of the views' weights. Its support is the
            document's set.
        scopes: The distinct scopes.
        scope_index: (n_documents,) the position of each document's scope in ``scopes``.
        views: The labelled views of each document.
        classes: The labels of each document as pairs of a view and the position of its class.

    Example:
        >>> from hiercls.data import Row
        >>> from hiercls.taxonomy import Taxonomy, shipped
        >>> rows = [Row(text="…", labels=(("one", "ABC"), ("two", "BC"))), Row(text="…", labels=((None, "D"),))]
        >>> labels = resolve(Taxonomy.from_yaml(shipped("tiny")), rows).labels
        >>> labels.weights.toarray().astype(int).tolist()
        [[0, 1, 1, 0, 0, 0], [0, 0, 0, 1, 0, 0]]
    """

    weights: csr_array
    scopes: tuple[Scope, ...]
    scope_index: NDArray[np.int64]
    views: tuple[frozenset[str], ...]
    classes: tuple[frozenset[tuple[str, int]], ...]

    def __len__(self) -> int:
        """The number of documents."""
        return len(self.views)

    def take(self, indices: ArrayLike) -> ResolvedLabels:
        """The labels of some documents, in the order of the indices.

        Args:
            indices: (n_taken,) positions of documents.

        Returns:
            Their labels.
        """
        chosen = np.asarray(indices, dtype=np.int64)
        return ResolvedLabels(
            weights=self.weights[chosen],
            scopes=self.scopes,
            scope_index=self.scope_index[chosen],
            views=tuple(self.views[index] for index in chosen.tolist()),
            classes=tuple(self.classes[index] for index in chosen.tolist()),
        )

    def project(self, view: View) -> NDArray[np.int64]:
        """The class of a view in which each document's set lies.

        Args:
            view: A view over the same topics.

        Returns:
            (n_documents,) the position of the one class that holds the whole set; −1 where none or several do.

        Example:
            >>> from hiercls.data import Row
            >>> from hiercls.taxonomy import Taxonomy, shipped
            >>> tiny = Taxonomy.from_yaml(shipped("tiny"))
            >>> labels = resolve(tiny, [Row(text="…", labels=(("two", name),)) for name in ("BC", "DE")]).labels
            >>> labels.project(tiny.view("one")).tolist(), labels.project(tiny.view("area")).tolist()
            ([0, -1], [0, 1])
        """
        sets = self.weights.copy()
        sets.data = np.ones_like(sets.data)
        shared = csr_array(sets @ view.membership)
        sizes = np.diff(sets.indptr)
        rows = np.repeat(np.arange(len(self)), np.diff(shared.indptr))
        holds = shared.data == sizes[rows]
        projected = np.full(len(self), -1, dtype=np.int64)
        projected[rows[holds]] = shared.indices[holds]
        projected[np.bincount(rows[holds], minlength=len(self)) != 1] = -1
        return projected


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Resolution(Generic[Found]):
    """What became of rows: the labels of the good ones and the problems of the others.

    Args:
        labels: The labels of the good rows.
        kept: (n_good,) the positions of the good rows.
        problems: What is wrong with the others, in the order of the rows.
    """

    labels: Found
    kept: NDArray[np.int64]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Meaning:
    """What one tuple of labels says about the topics."""

    topics: NDArray[np.int64]
    weights: NDArray[np.float64]
    scope: int
    views: frozenset[str]
    classes: frozenset[tuple[str, int]]


def resolve(taxonomy: Taxonomy, rows: Sequence[Row]) -> Resolution[ResolvedLabels]:
    """Look up the labels of rows.

    A label ``name`` of a view (the topics where none is given) is looked up as a class of that view; else, written
    ``view:name``, as a class of the view that it names. A bare name never falls through to another view.

    Args:
        taxonomy: The map.
        rows: The rows.

    Returns:
        The good rows' labels, and the problems of the others: no label, an unknown view, class or customer, or labels
        that contradict each other.

    Example:
        >>> from hiercls.data import Row
        >>> from hiercls.taxonomy import Taxonomy, shipped
        >>> good = Row(text="…", labels=(("one", "ABC"),))
        >>> bad = Row(text="…", labels=(("one", "AB"),), file="d.csv", line=3)
        >>> resolution = resolve(Taxonomy.from_yaml(shipped("tiny")), [good, bad])
        >>> resolution.kept.tolist(), str(resolution.problems[0])
        ([0], "d.csv:3: 'AB' is no class of 'one'; write 'three:AB', or did you mean 'ABC'?")
    """
    finder = LabelFinder(taxonomy)
    products = _Products(finder)
    meaning_of, kept, problems = settle(rows, finder, key=lambda row: row.labels, meaning=products.meaning)
    labels = products.labels(np.array(meaning_of, dtype=np.int64))
    return Resolution(labels=labels, kept=np.array(kept, dtype=np.int64), problems=problems)


class _Products:
    """Finds what each distinct tuple of labels means, once."""

    def __init__(self, finder: LabelFinder) -> None:
        self.finder = finder
        self.meanings: list[_Meaning] = []
        self.scopes: list[Scope] = [None]
        self.scope_positions: dict[bytes, int] = {}

    def meaning(self, labels: Labels) -> int | list[Fault]:
        """The position of a tuple's meaning, or what is wrong with it."""
        if not labels:
            return [NO_LABEL]
        pairs, faults = self.finder.labels(labels)
        return faults or self.product(pairs)

    def product(self, pairs: list[NamedClass]) -> int | list[Fault]:
        """Several labels: weights multiply, so that sets and scopes intersect."""
        topics, weights = _column(*pairs[0])
        for view, name in pairs[1:]:
            others, factors = _column(view, name)
            topics, left, right = np.intersect1d(topics, others, assume_unique=True, return_indices=True)
            weights = weights[left] * factors[right]
        if not len(topics):
            shown = " and ".join(f"'{view.name}:{name}'" for view, name in pairs)
            hint = "no topic is in all of these classes: take out the wrong one"
            return [Fault(message=f"the labels {shown} contradict each other", hint=hint)]
        partial = [view for view, _ in pairs if view.is_partial]
        scope = np.logical_and.reduce([view.scope for view in partial]) if partial else None
        self.meanings.append(
            _Meaning(
                topics=topics,
                weights=weights,
                scope=self.scope_position(scope),
                views=frozenset(view.name for view, _ in pairs),
                classes=frozenset((view.name, view.index(name)) for view, name in pairs),
            )
        )
        return len(self.meanings) - 1

    def scope_position(self, scope: NDArray[np.bool_] | None) -> int:
        """The position of a scope among the distinct ones."""
        if scope is None:
            return 0
        key = scope.tobytes()
        if key not in self.scope_positions:
            self.scope_positions[key] = len(self.scopes)
            self.scopes.append(np.flatnonzero(scope))
        return self.scope_positions[key]

    def labels(self, meaning_of: NDArray[np.int64]) -> ResolvedLabels:
        """The labels of documents, given the position of each one's meaning."""
        meanings, n_topics = self.meanings, len(self.finder.taxonomy.topics)
        ends = np.cumsum([0, *(len(meaning.topics) for meaning in meanings)])
        topics = np.concatenate([*(meaning.topics for meaning in meanings), np.empty(0, dtype=np.int64)])
        weights = np.concatenate([*(meaning.weights for meaning in meanings), np.empty(0)])
        distinct = csr_array((weights, topics, ends), shape=(len(meanings), n_topics))
        scopes = np.array([meaning.scope for meaning in meanings], dtype=np.int64)
        return ResolvedLabels(
            weights=distinct[meaning_of],
            scopes=tuple(self.scopes),
            scope_index=scopes[meaning_of],
            views=tuple(meanings[index].views for index in meaning_of.tolist()),
            classes=tuple(meanings[index].classes for index in meaning_of.tolist()),
        )


def _column(view: View, name: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """A class's topics and their weights: one part in so many classes as the topic is in."""
    topics = view.members(name)
    return topics, 1.0 / np.diff(view.membership.indptr)[topics]
