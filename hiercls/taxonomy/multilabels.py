"""What the labels of rows say where a document may have several topics: sets of which some topic holds, and topics that
do not.

A listed class says that one of its topics holds. The classes of a completely listed view that are not listed say that
none of theirs does. Knows rows and views; not texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from hiercls.taxonomy.finding import NO_LABEL, Fault, LabelFinder, NamedClass, settle
from hiercls.taxonomy.labels import Resolution
from hiercls.taxonomy.taxonomy import Taxonomy
from hiercls.taxonomy.view import View

if TYPE_CHECKING:
    from hiercls.data.rows import Labels, Row

    Key = tuple[Labels, tuple[str | None, ...] | None]

PRESENT, ABSENT, UNKNOWN = 1, 0, -1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Multilabels:
    """The labels of documents that may have several topics; documents that say the same share one *saying*.

    The absent topics are kept as those of whole views but for those spared, since nearly all topics are absent.

    Args:
        sets: n_sets × n_topics, 0/1: of each set some topic holds. Absent topics are in no set of their saying.
        starts: (n_sayings + 1,) where each saying's sets begin and end.
        bases: n_bases × n_topics, True for the topics of completely listed views; distinct.
        base_of: (n_sayings,) the position of each saying's base.
        spared: n_sayings × n_topics, 0/1: the topics of the base that may hold.
        saying_of: (n_documents,) the saying of each document.
        views: The labelled views of each document.
    """

    sets: csr_array
    starts: NDArray[np.int64]
    bases: NDArray[np.bool_]
    base_of: NDArray[np.int64]
    spared: csr_array
    saying_of: NDArray[np.int64]
    views: tuple[frozenset[str], ...]

    def __len__(self) -> int:
        """The number of documents."""
        return len(self.views)

    def take(self, indices: ArrayLike) -> Multilabels:
        """The labels of some documents, in the order of the indices.

        Args:
            indices: (n_taken,) positions of documents.

        Returns:
            Their labels.
        """
        chosen = np.asarray(indices, dtype=np.int64)
        return Multilabels(
            sets=self.sets,
            starts=self.starts,
            bases=self.bases,
            base_of=self.base_of,
            spared=self.spared,
            saying_of=self.saying_of[chosen],
            views=tuple(self.views[index] for index in chosen.tolist()),
        )

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What :meth:`from_arrays` needs, by name."""
        return {
            "sets": self.sets.indices.astype(np.int64),
            "set_starts": self.sets.indptr.astype(np.int64),
            "starts": self.starts,
            "bases": self.bases,
            "base_of": self.base_of,
            "spared": self.spared.indices.astype(np.int64),
            "spared_starts": self.spared.indptr.astype(np.int64),
            "saying_of": self.saying_of,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], *, n_topics: int) -> Multilabels:
        """Labels from what :meth:`to_arrays` gave; which views were labelled is not kept.

        Args:
            arrays: The arrays, by name.
            n_topics: Topics that they must be for.

        Returns:
            The labels.

        Raises:
            ValueError: If they do not fit each other or the topics.
        """
        n_sayings, saying_of = len(arrays["base_of"]), arrays["saying_of"]
        bases = arrays["bases"]
        if bases.shape[1:] != (n_topics,) or not (saying_of >= 0).all() or not (saying_of < n_sayings).all():
            raise ValueError(f"expected lists of labels of {n_topics} topics")
        return cls(
            sets=_rows_of(arrays["sets"], arrays["set_starts"], n_topics),
            starts=arrays["starts"],
            bases=bases,
            base_of=arrays["base_of"],
            spared=_rows_of(arrays["spared"], arrays["spared_starts"], n_topics),
            saying_of=saying_of,
            views=(frozenset(),) * len(saying_of),
        )

    def truth(self, members: csr_array) -> NDArray[np.int8]:
        """What the labels say of sets of topics, such as the classes of a view.

        Args:
            members: n_topics × n_classes, 0/1, such as a view's ``membership``.

        Returns:
            n_documents × n_classes: 1 where a listed set lies within the class, 0 where all its topics are absent, −1
            where the labels leave it open.

        Example:
            >>> from hiercls.data import Row
            >>> from hiercls.taxonomy import Taxonomy, shipped
            >>> tiny = Taxonomy.from_yaml(shipped("tiny"))
            >>> labels = resolve_multilabels(tiny, [Row(text="…", labels=(("two", "BC"), ("two", "F")))]).labels
            >>> labels.truth(tiny.view("one").membership).tolist()  # ABC, D, EF
            [[1, 0, 1]]
        """
        sizes = members.sum(axis=0)
        shared = csr_array(self.sets @ members)
        rows = np.repeat(np.arange(self.sets.shape[0]), np.diff(shared.indptr))
        within = shared.data == np.diff(self.sets.indptr)[rows]
        saying = np.repeat(np.arange(len(self.base_of)), np.diff(self.starts))
        told = np.full((len(self.base_of), members.shape[1]), UNKNOWN, dtype=np.int8)
        whole = (self.bases.astype(np.float64) @ members) == sizes
        touched = np.asarray((self.spared @ members).toarray()) > 0
        told[whole[self.base_of] & ~touched] = ABSENT
        told[saying[rows[within]], shared.indices[within]] = PRESENT
        found: NDArray[np.int8] = told[self.saying_of]
        return found


def resolve_multilabels(taxonomy: Taxonomy, rows: Sequence[Row]) -> Resolution[Multilabels]:
    """Look up the labels of rows where a document may have several topics.

    Labels are found as by :func:`hiercls.taxonomy.resolve`. The views that a row lists completely (``Row.complete``; by
    default those that it has labels of) say that the topics of their other classes are absent.

    Args:
        taxonomy: The map.
        rows: The rows.

    Returns:
        The good rows' labels, and the problems of the others: no label, an unknown view, class or customer, or a class
        whose topics are all absent by the other labels.

    Example:
        >>> from hiercls.data import Row
        >>> from hiercls.taxonomy import Taxonomy, shipped
        >>> both = Row(text="…", labels=(("one", "ABC"), ("one", "D")))
        >>> wrong = Row(text="…", labels=(("one", "D"), ("two", "F")))
        >>> resolution = resolve_multilabels(Taxonomy.from_yaml(shipped("tiny")), [both, wrong])
        >>> resolution.kept.tolist(), str(resolution.problems[0])[:49]
        ([0], "at row 2: no topic is left of 'one:D', 'two:F': a")
    """
    finder = LabelFinder(taxonomy)
    sayings = _Sayings(finder)
    saying_of, kept, problems = settle(
        rows, finder, key=lambda row: (row.labels, row.complete), meaning=sayings.meaning
    )
    labels = sayings.labels(np.array(saying_of, dtype=np.int64))
    return Resolution(labels=labels, kept=np.array(kept, dtype=np.int64), problems=problems)


class _Sayings:
    """Finds what each distinct list of labels says, once."""

    def __init__(self, finder: LabelFinder) -> None:
        self.finder = finder
        self.n_topics = len(finder.taxonomy.topics)
        self.sets: list[list[NDArray[np.int64]]] = []
        self.spared: list[NDArray[np.int64]] = []
        self.bases: dict[bytes, int] = {}
        self.base_of: list[int] = []
        self.views: list[frozenset[str]] = []

    def meaning(self, key: Key) -> int | list[Fault]:
        """The number of a saying, or what is wrong with it."""
        labels, complete = key
        if not labels and not complete:
            return [NO_LABEL]
        pairs, faults = self.finder.labels(labels)
        views = [view for view, _ in pairs]
        whole = views if complete is None else [self.finder.view(name) for name in complete]
        faults += [view for view in whole if isinstance(view, Fault) and view not in faults]
        listed = {view.name: view for view in whole if not isinstance(view, Fault)}
        return faults or self._saying(pairs, listed, frozenset(view.name for view in [*views, *listed.values()]))

    def _saying(self, pairs: list[NamedClass], whole: dict[str, View], views: frozenset[str]) -> int | list[Fault]:
        """Listed classes without the absent topics, and which topics these are."""
        base = np.zeros(self.n_topics, dtype=bool)
        absent = np.zeros(self.n_topics, dtype=bool)
        for view in whole.values():
            unlisted = np.ones(len(view.classes))
            unlisted[[view.index(name) for listed, name in pairs if listed.name == view.name]] = 0.0
            base |= view.scope
            absent |= view.membership @ unlisted > 0
        left = [view.members(name) for view, name in pairs]
        left = [topics[~absent[topics]] for topics in left]
        empty = [pair for pair, topics in zip(pairs, left, strict=True) if not len(topics)]
        if empty:
            return [_contradiction(empty)]
        self.sets.append(list({topics.tobytes(): topics for topics in left}.values()))
        self.spared.append(np.flatnonzero(base & ~absent))
        self.base_of.append(self.bases.setdefault(base.tobytes(), len(self.bases)))
        self.views.append(views)
        return len(self.views) - 1

    def labels(self, saying_of: NDArray[np.int64]) -> Multilabels:
        """The labels of documents, given each one's saying."""
        bases = [np.frombuffer(base, dtype=bool) for base in self.bases]
        return Multilabels(
            sets=self._matrix([topics for sets in self.sets for topics in sets]),
            starts=np.cumsum([0, *map(len, self.sets)]),
            bases=np.array(bases, dtype=bool).reshape(len(bases), self.n_topics),
            base_of=np.array(self.base_of, dtype=np.int64),
            spared=self._matrix(self.spared),
            saying_of=saying_of,
            views=tuple(self.views[index] for index in saying_of.tolist()),
        )

    def _matrix(self, rows: list[NDArray[np.int64]]) -> csr_array:
        columns = np.concatenate([*rows, np.empty(0, dtype=np.int64)])
        return _rows_of(columns, np.cumsum([0, *map(len, rows)]), self.n_topics)


def _rows_of(columns: NDArray[np.int64], starts: NDArray[np.int64], n_topics: int) -> csr_array:
    """A matrix of 0 and 1 from the columns of its ones."""
    return csr_array((np.ones(len(columns)), columns, starts), shape=(len(starts) - 1, n_topics))


def _contradiction(empty: list[NamedClass]) -> Fault:
    """The fault of classes of whose topics none is left."""
    shown = ", ".join(f"'{view.name}:{name}'" for view, name in empty)
    hint = "list what belongs to them in all these views, or write complete: false"
    return Fault(message=f"no topic is left of {shown}: another view that the row lists rules them out", hint=hint)
