"""A view: a set of classes over the topics, be it a level of the hierarchy or one customer's grouping.

Knows topics and classes as names and their membership as a matrix; not where they come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from hiercls.errors import ConfigError, nearest
from hiercls.names import composed

Kind = Literal["partition", "partial", "overlapping"]
"""Every topic in exactly one class; some topics in none; some topics in several."""


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """Classes over topics; ``A[t, k] = membership[t, k] / Σ_j membership[t, j]`` are its weights.

    Args:
        name: The level's or customer's name.
        topics: The topics, one per row.
        classes: The classes, one per column.
        membership: n_topics × n_classes, 1 where the topic is in the class, else 0. Its arrays are read-only.
        filing: The part of each topic's documents that is filed under each class, where that was found out, of the same
            shape: what the weights then are. None: as the membership says.

    Example:
        >>> view = View.from_members("two", topics=("A", "B", "C"), members={"A": [0], "BC": [1, 2]})
        >>> view.membership.toarray().astype(int).tolist(), view.kind
        ([[1, 0], [0, 1], [0, 1]], 'partition')
    """

    name: str
    topics: tuple[str, ...]
    classes: tuple[str, ...]
    membership: csr_array
    filing: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        expected = (len(self.topics), len(self.classes))
        if self.membership.shape != expected:
            raise ConfigError(f"expected a membership of shape {expected}, got {self.membership.shape}")
        for names in ("topics", "classes"):
            object.__setattr__(self, names, _composed(getattr(self, names)))
        matrix = csr_array(self.membership, dtype=np.float64, copy=True)
        matrix.eliminate_zeros()
        matrix.sum_duplicates()
        if (matrix.data != 1.0).any():
            raise ConfigError("expected a membership of 0 and 1 only")
        for part in (matrix.data, matrix.indices, matrix.indptr):
            part.flags.writeable = False
        object.__setattr__(self, "membership", matrix)

    @classmethod
    def from_members(cls, name: str, *, topics: Iterable[str], members: Mapping[str, Iterable[int]]) -> View:
        """Build a view from the positions of each class's topics.

        Args:
            name: The view's name.
            topics: All topics.
            members: For each class the positions of its topics.

        Returns:
            The view.
        """
        names, columns = tuple(topics), [np.fromiter(positions, dtype=np.int64) for positions in members.values()]
        rows = np.concatenate([*columns, np.empty(0, dtype=np.int64)])
        classes = np.repeat(np.arange(len(columns)), [len(column) for column in columns])
        matrix = csr_array((np.ones(len(rows)), (rows, classes)), shape=(len(names), len(columns)))
        return cls(name=name, topics=names, classes=tuple(members), membership=matrix)

    def __eq__(self, other: object) -> bool:
        """Whether name, topics, classes and membership are the same."""
        if not isinstance(other, View):
            return NotImplemented
        if (self.name, self.topics, self.classes) != (other.name, other.topics, other.classes):
            return False
        return bool((self.membership != other.membership).nnz == 0)

    def __hash__(self) -> int:
        return hash((self.name, self.topics, self.classes))

    @property
    def _n_classes_of_topic(self) -> NDArray[np.signedinteger]:
        counts: NDArray[np.signedinteger] = np.diff(self.membership.indptr)
        return counts

    @cached_property
    def _columns(self) -> csc_array:
        return csc_array(self.membership)

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.classes)}

    @property
    def kind(self) -> Kind:
        """``"overlapping"`` wins over ``"partial"``; else ``"partition"``."""
        if self.is_overlapping:
            return "overlapping"
        return "partial" if self.is_partial else "partition"

    @property
    def is_partial(self) -> bool:
        """Whether some topic is in no class."""
        return bool((self._n_classes_of_topic == 0).any())

    @property
    def is_overlapping(self) -> bool:
        """Whether some topic is in several classes."""
        return bool((self._n_classes_of_topic > 1).any())

    @cached_property
    def weights(self) -> csr_array:
        """n_topics × n_classes: the membership divided by its row sums, or the filing; rows of unnamed topics are 0."""
        if self.filing is not None:
            return csr_array(self.filing)
        counts, held = self._n_classes_of_topic, self.membership
        shares = 1.0 / np.repeat(counts, counts)
        shares.flags.writeable = False
        return csr_array((shares, held.indices, held.indptr), shape=held.shape)  # of thousands of views, places once

    @cached_property
    def scope(self) -> NDArray[np.bool_]:
        """(n_topics,): whether the topic is in some class."""
        scope: NDArray[np.bool_] = self._n_classes_of_topic > 0
        scope.flags.writeable = False
        return scope

    def has(self, name: str) -> bool:
        """Whether the view has a class of this name."""
        return composed(name) in self._positions

    def index(self, name: str) -> int:
        """The position of a class.

        Args:
            name: The class.

        Returns:
            Its column.

        Raises:
            ConfigError: If the view has no such class.
        """
        position = self._positions.get(composed(name))
        if position is None:
            raise ConfigError(f"unknown class '{name}' of '{self.name}'; {nearest(name, self.classes)}")
        return position

    def members(self, name: str) -> NDArray[np.int64]:
        """The positions of a class's topics.

        Args:
            name: The class.

        Returns:
            Row numbers, in order.
        """
        column, pointers = self.index(name), self._columns.indptr
        return np.sort(self._columns.indices[pointers[column] : pointers[column + 1]]).astype(np.int64)

    def topics_of(self, name: str) -> tuple[str, ...]:
        """The topics of a class.

        Args:
            name: The class.

        Returns:
            The topics, in order.

        Example:
            >>> View.from_members("one", topics="ABC", members={"AB": [0, 1], "C": [2]}).topics_of("AB")
            ('A', 'B')
        """
        return tuple(self.topics[index] for index in self.members(name))

    def refines(self, other: View) -> bool:
        """Whether each class lies within one class of another view.

        Args:
            other: A view over the same topics.

        Returns:
            Whether it does.

        Raises:
            ConfigError: If the views have not the same topics.
        """
        self._check_topics(other)
        shared = csr_array(self.membership.T @ other.membership)
        most = shared.max(axis=1).toarray().ravel() if shared.shape[1] else np.zeros(shared.shape[0])
        return bool((most == np.diff(self._columns.indptr)).all())

    def meet(self, other: View) -> View:
        """The common refinement: the classes are the topics that a class of each view shares.

        Args:
            other: A view over the same topics.

        Returns:
            A view that refines both; topics that either view leaves out are in none of its classes.

        Raises:
            ConfigError: If the views have not the same topics.

        Example:
            >>> one = View.from_members("one", topics="ABC", members={"AB": [0, 1], "C": [2]})
            >>> two = View.from_members("two", topics="ABC", members={"A": [0], "BC": [1, 2]})
            >>> one.meet(two).classes
            ('AB ∧ A', 'AB ∧ BC', 'C ∧ BC')
        """
        self._check_topics(other)
        members: dict[tuple[int, int], list[int]] = {}
        for topic in range(len(self.topics)):
            for pair in product(_row(self.membership, topic), _row(other.membership, topic)):
                members.setdefault(pair, []).append(topic)
        named = {f"{self.classes[k]} ∧ {other.classes[j]}": members[k, j] for k, j in sorted(members)}
        if len(named) < len(members):
            named = {f"({self.classes[k]!r} ∧ {other.classes[j]!r})": members[k, j] for k, j in sorted(members)}
        return View.from_members(f"{self.name} ∧ {other.name}", topics=self.topics, members=named)

    def coarsen(self, groups: Mapping[str, Iterable[str]], *, name: str | None = None) -> View:
        """Merge classes.

        Args:
            groups: For each new class the classes that it merges; the others stay.
            name: The new view's name; this view's by default.

        Returns:
            A view that this one refines; a new class stands where the first of its parts stood.

        Raises:
            ConfigError: If a class is unknown, merged twice, or a new name is that of a class that stays.

        Example:
            >>> view = View.from_members("two", topics="ABC", members={"A": [0], "B": [1], "C": [2]})
            >>> view.coarsen({"AC": ["A", "C"]}).classes
            ('AC', 'B')
        """
        target: dict[str, str] = {}
        for new, parts in groups.items():
            for part in parts:
                old = self.classes[self.index(part)]
                if target.setdefault(old, composed(new)) != composed(new):
                    raise ConfigError(f"class '{part}' is merged into '{target[old]}' and into '{new}'")
        new_names = set(map(composed, groups))
        members: dict[str, dict[int, None]] = {}
        for old in self.classes:
            new = target.get(old, old)
            if old not in target and old in new_names:
                raise ConfigError(f"class '{new}' stays, so no new class can have its name; merge it or rename")
            members.setdefault(new, {}).update(dict.fromkeys(self.members(old).tolist()))
        return View.from_members(name or self.name, topics=self.topics, members=members)

    def refine(self, parts: Mapping[str, Mapping[str, Iterable[str]]], *, name: str | None = None) -> View:
        """Split classes.

        Args:
            parts: For each class to split, its new classes with their topics; the others stay.
            name: The new view's name; this view's by default.

        Returns:
            A view that refines this one; the new classes stand where the old one stood.

        Raises:
            ConfigError: If a class is unknown, its parts are not exactly its topics, or a name comes twice.

        Example:
            >>> view = View.from_members("one", topics="ABC", members={"AB": [0, 1], "C": [2]})
            >>> view.refine({"AB": {"A": ["A"], "B": ["B"]}}).classes
            ('A', 'B', 'C')
        """
        new_classes = {
            self.classes[self.index(split)]: {composed(new): list(map(composed, held)) for new, held in pieces.items()}
            for split, pieces in parts.items()
        }
        position = {topic: index for index, topic in enumerate(self.topics)}
        members: dict[str, list[int]] = {}
        for old in self.classes:
            pieces = new_classes.get(old, {old: list(self.topics_of(old))})
            if {topic for topics in pieces.values() for topic in topics} != set(self.topics_of(old)):
                raise ConfigError(f"the parts of class '{old}' must hold exactly its topics {self.topics_of(old)}")
            for new, topics in pieces.items():
                if new in members:
                    raise ConfigError(f"class '{new}' comes twice; give each part a name of its own")
                members[new] = sorted({position[topic] for topic in topics})
        return View.from_members(name or self.name, topics=self.topics, members=members)

    def _check_topics(self, other: View) -> None:
        if self.topics != other.topics:
            raise ConfigError(f"views '{self.name}' and '{other.name}' are not over the same topics")


def _composed(names: Iterable[str]) -> tuple[str, ...]:
    """Names in their one spelling; those in ASCII, which have no other, all at once: many views share many topics."""
    given = tuple(names)
    return given if "".join(given).isascii() else tuple(map(composed, given))


def _row(matrix: csr_array, row: int) -> list[int]:
    found: list[int] = matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]].tolist()
    return found
