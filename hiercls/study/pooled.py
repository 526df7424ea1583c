"""Whose documents help whom: accuracies of customers with other customers' documents and without, cross-fitted.

Knows labelled documents with their encodings; how the model itself does, ``pool_truth`` knows.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.model_selection import StratifiedGroupKFold

from hiercls.errors import ConfigError
from hiercls.study.labelled import NOBODY, Labelled, known_at, owners_of, thread_numbers
from hiercls.study.paired import Answers, Difference, paired_difference
from hiercls.study.pool_prior import Prior
from hiercls.study.topic_head import fit_head, topic_logits
from hiercls.taxonomy import Taxonomy

N_FOLDS, FEWEST = 5, 10
"""Parts that documents are divided into; documents below which there is nothing to cross-fit on."""

L2 = 1.0
"""How strongly the head's weights are shrunk."""

PRIOR = Prior(level=0.040, slope=-0.006, spread=0.045, narrowing=-1.02, offset=-0.005, doubt=0.023, unseen=0.029)
"""Likeliest under worlds of training documents: ``hiercls benchmark worlds --development --first 1000 --seeds 32``."""

Members = frozenset[str]
Tick = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What pooling is worth to one customer, in parts of accuracy.

    Args:
        n_documents: Its own documents.
        own: Accuracy from them alone, cross-fitted.
        by_each: The head's gain from each other owner's documents alone.
        by_head: The head's gain from all others' documents, with the error over the documents alone.
        by_all: Gain from all others' documents.
        best: The owners whose documents help most; all, unless fewer are clearly better.
        by_best: Gain from theirs.
    """

    n_documents: int
    own: float
    by_each: Mapping[str, Difference]
    by_head: Difference
    by_all: Difference
    best: tuple[str, ...]
    by_best: Difference


def forecast(
    taxonomy: Taxonomy, documents: Labelled, encodings: NDArray[np.floating], *, seed: int, tick: Tick = lambda: None
) -> dict[str, Worth]:
    """Foretell what pooling is worth to each customer, from a linear head on encodings instead of the model.

    A head is fitted to the documents of a set of owners, on four fifths of them, and asked for the last fifth of each
    customer's; gains are paired by document. The head is not the model, and few documents say little: what it says of
    all others and of the best of them is weighed against what customers of that size gain (``PRIOR``).
    Others are tried one by one, then together in the order of their gains; the best set is all, unless another is
    clearly ahead of it, which the doubt counts in.

    Args:
        taxonomy: The map.
        documents: All labelled documents.
        encodings: Theirs, shape (n_documents, width).
        seed: Seed of the division.
        tick: Called after each set.

    Returns:
        What it is worth, by customer with at least ``FEWEST`` documents.

    Raises:
        ConfigError: If no customer has so many, or nobody else has any.

    Source:
        Which sets to try is greedy by pairs, as in Standley et al., ICML 2020, §5.
    """
    fitted = _CrossFit(taxonomy, documents, encodings, seed=seed, tick=tick)
    return {name: _worth(fitted, name) for name in fitted.customers}


def n_sets(taxonomy: Taxonomy, documents: Labelled) -> int:
    """The most sets of owners that a forecast tries.

    Args:
        taxonomy: The map.
        documents: All labelled documents.

    Returns:
        Their number.
    """
    owners = np.unique(owners_of(taxonomy, documents))
    n_owners = len(owners)
    n_customers = n_owners - (NOBODY in owners)
    return 1 + n_customers + n_customers * (n_owners - 1) + n_customers * max(n_owners - 3, 0)


def _worth(fitted: _CrossFit, name: str) -> Worth:
    """One customer's."""
    others = [owner for owner in fitted.owners if owner != name]
    gain = partial(fitted.gain, name)
    alone, every = frozenset({name}), frozenset(fitted.owners)
    by_each = {other: gain(alone | {other}, alone) for other in others}
    order = sorted(others, key=lambda other: -by_each[other].mean)
    sets = [alone | set(order[:n]) for n in range(1, len(order))]
    best = max([every, *sets], key=lambda members: gain(members, alone).mean)
    if not doubted(gain(best, every)).is_clear:
        best = every
    return Worth(
        n_documents=fitted.size(name),
        own=fitted.answers(name, alone).accuracy,
        by_each={other: doubted(one) for other, one in by_each.items()},
        by_head=gain(every, alone),
        by_all=PRIOR.gain(gain(every, alone), fitted.size(name)),
        best=tuple(other for other in others if other in best),
        by_best=PRIOR.gain(gain(best, alone), fitted.size(name)),
    )


def doubted(gain: Difference) -> Difference:
    """A gain of the head, as sure as it is of the model."""
    return Difference(mean=gain.mean, error=math.hypot(gain.error, PRIOR.doubt, PRIOR.unseen))


class _CrossFit:
    """Heads on sets of owners, each fitted once."""

    def __init__(
        self,
        taxonomy: Taxonomy,
        documents: Labelled,
        encodings: NDArray[np.floating],
        *,
        seed: int,
        tick: Tick,
    ) -> None:
        self._taxonomy, self._labels, self._encodings, self._tick = taxonomy, documents.labels, encodings, tick
        self._by = owners_of(taxonomy, documents)
        self._clusters = thread_numbers(documents)
        self.owners: Sequence[str] = sorted(set(self._by.tolist()))
        self._known = {name: self._own(name) for name in self.owners if name != NOBODY}
        self.customers = [name for name, (places, _) in self._known.items() if len(places) >= FEWEST]
        if not self.customers or len(self.owners) < 2:
            sizes = ", ".join(f"{name}: {self.size(name):,}" for name in self.owners)
            raise ConfigError(
                f"expected a customer with at least {FEWEST} documents labelled at its own classes, and documents of "
                f"somebody else; got {sizes or 'none'}"
            )
        marks = [f"{owner} {sorted(classes)}" for owner, classes in zip(self._by, self._labels.classes, strict=True)]
        folds = StratifiedGroupKFold(N_FOLDS, shuffle=True, random_state=seed)
        self._fold = np.zeros(len(self._by), dtype=int)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a class of fewer documents than folds
            for number, (_, held) in enumerate(folds.split(marks, marks, self._clusters)):
                self._fold[held] = number
        self._found: dict[Members, Mapping[str, Answers]] = {}

    def size(self, owner: str) -> int:
        """How many documents an owner has."""
        return int((self._by == owner).sum())

    def gain(self, name: str, members: Members, others: Members) -> Difference:
        """How far a customer's accuracy with some owners' documents is ahead of that with others'."""
        return paired_difference([self.answers(name, members)], [self.answers(name, others)])

    def answers(self, name: str, members: Members) -> Answers:
        """Where a customer's documents are classed right by heads that were fitted to some owners' documents."""
        if members not in self._found:
            self._found[members] = self._fit(members)
            self._tick()
        return self._found[members][name]

    def _own(self, name: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """A customer's documents whose class is known there, and their classes."""
        known = known_at(self._taxonomy, self._labels, name)
        own = self._by[known.documents] == name
        return known.documents[own], known.classes[own]

    def _fit(self, members: Members) -> dict[str, Answers]:
        """One head a fold; all members are asked, since each is held out from the heads that it is asked of."""
        belongs = np.isin(self._by, sorted(members))
        asked = [name for name in self.customers if name in members]
        right = {name: np.zeros(len(self._known[name][0]), dtype=bool) for name in asked}
        for number in range(N_FOLDS):
            taught = np.flatnonzero(belongs & (self._fold != number))
            head = fit_head(self._encodings[taught], self._labels.take(taught), l2=L2)
            for name in asked:
                places, classes = self._known[name]
                held = np.flatnonzero(self._fold[places] == number)
                shares = softmax(topic_logits(self._encodings[places[held]], head), axis=1)
                said = (shares @ self._taxonomy.view(name).weights).argmax(axis=1)
                right[name][held] = said == classes[held]
        return {name: Answers(clusters=self._clusters[self._known[name][0]], right=right[name]) for name in asked}
