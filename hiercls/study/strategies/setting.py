"""What all strategies are given, and how each chooses its settings: by the customer's own documents, held out.

Knows documents and classes by position; knows no strategy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hiercls.customers.heads import held_out_loss
from hiercls.study.baselines import Documents

N_FOLDS, LEAST_DOCUMENTS = 3, 10
"""Parts of the own documents that are held out in turn to choose a setting; and the least to try it with."""

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Answer = Callable[[Documents], Array]
"""Probabilities of the customer's classes, shape (n_documents, n_classes)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Filed:
    """One customer's documents, and where it files them.

    Args:
        documents: Texts and encodings.
        classes: Positions of their classes, shape (n_documents,).
        n_classes: The classes that the customer has.
    """

    documents: Documents
    classes: Indices
    n_classes: int

    def __len__(self) -> int:
        return len(self.classes)

    def take(self, places: Indices) -> Filed:
        """Some of the documents, by position."""
        return Filed(documents=self.documents.take(places), classes=self.classes[places], n_classes=self.n_classes)


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """The other customers' documents.

    Args:
        customers: Their documents by name; a pool equals itself alone, so that what is learnt from it can be kept.
    """

    customers: Mapping[str, Filed]


def chosen(candidates: Sequence[Callable[[Filed], Answer]], own: Filed, *, seed: int) -> Callable[[Filed], Answer]:
    """The candidate under which held-out documents of the customer are likeliest.

    Args:
        candidates: Ways to learn from the own documents, the most cautious first.
        own: The own documents.
        seed: Seed of the folds.

    Returns:
        One of them; the middle one where there are too few documents to tell.
    """
    if len(own) < LEAST_DOCUMENTS or len(candidates) == 1:
        return candidates[len(candidates) // 2]
    folds = np.random.default_rng(seed).permutation(len(own)) % N_FOLDS
    losses = np.zeros(len(candidates))
    for fold in range(N_FOLDS):
        inside, outside = (own.take(np.flatnonzero(part)) for part in (folds != fold, folds == fold))
        for place, learn in enumerate(candidates):
            said = np.log(np.maximum(learn(inside)(outside.documents), 1e-12))
            losses[place] += len(outside) * held_out_loss(said, outside.classes)
    return candidates[int(losses.argmin())]
