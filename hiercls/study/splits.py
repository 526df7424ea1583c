"""A user's labelled documents, divided into those to learn from and those to be tested on.

Knows rows, labels and views; knows no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hiercls.data.rows import Row, thread_marks
from hiercls.data.splitting import holdout
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.labels import ResolvedLabels


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """Rows and what their labels say.

    Args:
        rows: The rows.
        labels: Their labels, one entry a row.
    """

    rows: tuple[Row, ...]
    labels: ResolvedLabels

    @property
    def texts(self) -> list[str]:
        """The rows' texts."""
        return [row.text for row in self.rows]

    def take(self, positions: np.ndarray) -> Labelled:
        """Some of the rows, by position."""
        return Labelled(rows=tuple(self.rows[place] for place in positions), labels=self.labels.take(positions))


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The documents whose class at a view is known.

    Args:
        documents: Their positions, shape (n_known,).
        classes: Positions of their classes, shape (n_known,).
    """

    documents: np.ndarray
    classes: np.ndarray


def known_at(taxonomy: Taxonomy, labels: ResolvedLabels, name: str) -> Known:
    """The documents that are labelled at a view, or at one that refines it.

    A document of another customer may happen to lie within one class here; it is left out, since the classes that
    catch such documents would come too often.

    Args:
        taxonomy: The map.
        labels: The labels.
        name: The level or customer.

    Returns:
        Documents and their classes.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> from hiercls.taxonomy.labels import resolve
        >>> tiny = Taxonomy.from_yaml(shipped("tiny"))
        >>> rows = [Row(text="a", labels=(label,)) for label in (("one", "ABC"), (None, "F"), ("two", "A"))]
        >>> known = known_at(tiny, resolve(tiny, rows).labels, "one")
        >>> known.documents.tolist(), known.classes.tolist()
        ([0, 1], [0, 2])
    """
    view = taxonomy.view(name)
    finer = {other for other in taxonomy.views if other == name or taxonomy.view(other).refines(view)}
    classes = labels.project(view)
    fits = np.array([bool(views & finer) for views in labels.views], dtype=bool)
    documents = np.flatnonzero(fits & (classes >= 0))
    return Known(documents=documents, classes=classes[documents])


@dataclass(frozen=True, kw_only=True)
class Split:
    """One division of the documents.

    Args:
        taxonomy: The map.
        training: The documents to learn from.
        test: The documents to be tested on.
        places: Where each test document stands among all that may be tested on, shape (n_test,).
        seed: Seed of the division and of all training.
    """

    taxonomy: Taxonomy
    training: Labelled
    test: Labelled
    places: np.ndarray
    seed: int

    @cached_property
    def views(self) -> tuple[str, ...]:
        """The levels and customers at which some test document's class is known."""
        return tuple(
            name for name in self.taxonomy.views if len(known_at(self.taxonomy, self.test.labels, name).documents)
        )


def random_splits(taxonomy: Taxonomy, documents: Labelled, *, fraction: float, seeds: Sequence[int]) -> list[Split]:
    """Hold documents out at random, label by label; threads and equal texts stay on one side.

    Args:
        taxonomy: The map.
        documents: All labelled documents.
        fraction: The share to be tested on.
        seeds: A split each.

    Returns:
        The splits.

    Raises:
        ConfigError: If the documents cannot be divided.
    """
    strata = [(row.customer, row.labels) for row in documents.rows]
    threads = thread_marks(documents.rows)
    splits = []
    for seed in seeds:
        training, test = holdout(documents.texts, groups=threads, strata=strata, fraction=fraction, seed=seed)
        splits.append(
            Split(
                taxonomy=taxonomy,
                training=documents.take(training),
                test=documents.take(test),
                places=test,
                seed=seed,
            )
        )
    return splits


def fixed_splits(taxonomy: Taxonomy, training: Labelled, test: Labelled, *, seeds: Sequence[int]) -> list[Split]:
    """The same documents to learn from and to be tested on, for every seed.

    Args:
        taxonomy: The map.
        training: The documents to learn from.
        test: The documents to be tested on.
        seeds: Seeds of training.

    Returns:
        The splits.
    """
    places = np.arange(len(test.rows))
    return [Split(taxonomy=taxonomy, training=training, test=test, places=places, seed=seed) for seed in seeds]


def thread_numbers(documents: Labelled) -> np.ndarray:
    """A number per document, the same for the documents of one thread and for equal texts outside of threads.

    Args:
        documents: The documents.

    Returns:
        Shape (n_documents,).
    """
    numbers: dict[tuple[bool, str], int] = {}
    marks = [
        (row.thread is None, " ".join(row.text.split()) if row.thread is None else row.thread) for row in documents.rows
    ]
    return np.array([numbers.setdefault(mark, len(numbers)) for mark in marks])
