"""Labelled documents, and where the class of which is known.

Knows rows, labels and views; knows no model and no split.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from hiercls.data.rows import Row
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.labels import ResolvedLabels

NOBODY = "(no customer)"
"""The owner of documents that are labelled at levels alone."""


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


@contextmanager
def undetermined_topics() -> Iterator[None]:
    """Train in this block without a warning of topics that the labels leave undetermined: there it is expected."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "the labelled views leave topics undetermined", UserWarning)
        yield


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


def owners_of(taxonomy: Taxonomy, documents: Labelled) -> np.ndarray:
    """Whose each document is: its customer's, or the one at whose view alone it is labelled.

    Args:
        taxonomy: The map.
        documents: The documents.

    Returns:
        Names, ``NOBODY`` where there is no customer, shape (n_documents,).
    """
    found, customers = [], set(taxonomy.customers)
    for row, views in zip(documents.rows, documents.labels.views, strict=True):
        own = sorted(views & customers)
        found.append(row.customer or (own[0] if len(own) == 1 else NOBODY))
    return np.array(found)
