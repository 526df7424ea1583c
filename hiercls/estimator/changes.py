"""What changes in the answers from one trained model to another, on given documents.

Knows two estimators; not how they came to differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from hiercls.estimator.classifier import HierarchicalTextClassifier

N_EXAMPLES = 3
"""Documents that are named for each change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Documents that are answered otherwise, alike before and alike after.

    Args:
        before: Their class as it was; several joined by commas where a document may have several.
        after: Their class as it is.
        n_documents: How many they are.
        examples: Positions of some, the surest first.
    """

    before: str
    after: str
    n_documents: int
    examples: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewChanges:
    """What changes at one view.

    Args:
        view: A level or a customer of both models.
        n_documents: The documents that were asked about.
        changes: Pairs of classes, most documents first.
        shift: How far probabilities moved: the mean over documents of half the sum of absolute differences, classes by
            name; 0: nothing, 1: everything.
    """

    view: str
    n_documents: int
    changes: tuple[Change, ...]
    shift: float

    @property
    def n_changed(self) -> int:
        """How many documents are answered otherwise."""
        return sum(change.n_documents for change in self.changes)


def prediction_changes(
    before: HierarchicalTextClassifier,
    after: HierarchicalTextClassifier,
    texts: Iterable[str],
    *,
    at: Sequence[str] | None = None,
) -> tuple[ViewChanges, ...]:
    """Say which documents two models answer differently.

    Args:
        before: A trained model.
        after: Another one.
        texts: The documents.
        at: Levels and customers; None: those that both have.

    Returns:
        What changes, a view at a time, in the order of the first model's views.

    Raises:
        ConfigError: If a model has no such view.

    Example:
        >>> from hiercls import HierarchicalTextClassifier
        >>> flat = "{hiercls: 1, levels: [topic], topics: [A, B]}"
        >>> one, two = (HierarchicalTextClassifier(flat, encoder=None) for _ in range(2))
        >>> one, two = one.fit(["red", "sea"] * 4, ["A", "B"] * 4), two.fit(["red", "sea"] * 4, ["B", "A"] * 4)
        >>> [(change.before, change.after) for change in prediction_changes(one, two, ["red"])[0].changes]
        [('A', 'B')]
    """
    documents = list(texts)
    common = [name for name in before.taxonomy_.views if name in after.taxonomy_.views]
    names = common if at is None else list(at)
    old, new = before.predict_proba_many(documents, at=names), after.predict_proba_many(documents, at=names)
    return tuple(_at(before, after, documents, name, old[name], new[name]) for name in names)


def _at(
    before: HierarchicalTextClassifier,
    after: HierarchicalTextClassifier,
    documents: list[str],
    name: str,
    old: np.ndarray,
    new: np.ndarray,
) -> ViewChanges:
    """What changes at one view."""
    views = before.taxonomy_.view(name), after.taxonomy_.view(name)
    classes = list(dict.fromkeys((*views[0].classes, *views[1].classes)))
    aligned = []
    for view, found in zip(views, (old, new), strict=True):
        whole = np.zeros((len(found), len(classes)))
        whole[:, [classes.index(one) for one in view.classes]] = found
        aligned.append(whole)
    distances = np.abs(aligned[0] - aligned[1]).sum(axis=1) / 2
    pairs = list(zip(_answers(before, views[0].classes, old), _answers(after, views[1].classes, new), strict=True))
    moved: dict[tuple[str, str], list[int]] = {}
    for place in np.argsort(-distances, kind="stable").tolist():
        if pairs[place][0] != pairs[place][1]:
            moved.setdefault(pairs[place], []).append(place)
    changes = [
        Change(before=one, after=other, n_documents=len(places), examples=tuple(places[:N_EXAMPLES]))
        for (one, other), places in moved.items()
    ]
    changes.sort(key=lambda change: -change.n_documents)
    shift = float(distances.mean()) if documents else 0.0
    return ViewChanges(view=name, n_documents=len(documents), changes=tuple(changes), shift=shift)


def _answers(model: HierarchicalTextClassifier, classes: Sequence[str], found: np.ndarray) -> list[str]:
    """The predicted class of each document by name; several joined by commas."""
    chosen = model.scorer_.task.chosen(torch.from_numpy(np.log(np.maximum(found, np.finfo(found.dtype).tiny))))
    return [", ".join(np.asarray(classes)[row].tolist()) for row in chosen]
