"""Which way to serve a customer, how sure that is, and what more labels would bring: by cross-validation.

Knows classes by position and ways to foresee some documents from others; no model and no text.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiercls.customers.em import Array
from hiercls.errors import ConfigError

Indices = NDArray[np.int64]
Way = Callable[[Indices, Indices], Indices]
"""From positions of documents whose labels are seen, and of others, to classes of the others."""

N_FOLDS, LEAST_DOCUMENTS, N_REPLICATES, MORE = 5, 20, 1000, 100
"""Parts of the documents; the least of these; how often documents are drawn again; the labels that might be added."""

PARTS = (0.25, 0.5, 1.0)
"""The parts of the labels that each way is tried with, for its learning curve."""

SURE, WORTH = 0.9, 0.01
"""From where a choice is called sure, and from where a gain is worth its labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Ways to serve a customer, each tried on documents that it had not seen.

    Args:
        ways: Their names, the simplest first.
        accuracy: What each reached, shape (n_ways,).
        error: Standard errors, of the same shape.
        foretold: What each would reach with 100 labels more, of the same shape.
        best: The position of the way to use.
        sureness: How often it is the best where documents are drawn again.
        gain: What the best way after 100 labels more would gain over the best one now.
        gain_error: Its standard error.
        n_documents: The documents.
    """

    ways: tuple[str, ...]
    accuracy: Array
    error: Array
    foretold: Array
    best: int
    sureness: float
    gain: float
    gain_error: float
    n_documents: int

    @property
    def is_sure(self) -> bool:
        """Whether the way to use is the best in nine of ten draws of documents."""
        return self.sureness >= SURE

    @property
    def later(self) -> str:
        """The way that would be the best with 100 labels more."""
        return self.ways[int(self.foretold.argmax())]

    def __str__(self) -> str:
        """What to do, how sure that is, and whether to label more."""
        found = f"{self.accuracy[self.best]:.1%} ± {self.error[self.best]:.1%} of {self.n_documents:,} documents"
        doubt = "" if self.is_sure else "; that is not sure, so prefer what is simpler, or label more"
        gain = f"{100 * self.gain:+.1f} ± {100 * self.gain_error:.1f} points"
        worth = "worth it" if self.gain > max(WORTH, self.gain_error) else "hardly worth it"
        other = f", by '{self.later}'" if self.later != self.ways[self.best] else ""
        return (
            f"use '{self.ways[self.best]}': it is right for {found}, and the best way in {self.sureness:.0%} of draws"
            f"{doubt}. {MORE} labels more would bring about {gain}{other}: {worth}"
        )


def advise(
    ways: Mapping[str, Way], classes: ArrayLike, *, groups: Sequence[Hashable] | None = None, seed: int = 0
) -> Advice:
    """Try ways to foresee a customer's classes, and say which to use.

    Each fifth of the documents is foreseen from a quarter, a half and all of the others. The most accurate way is
    taken, the simplest of equals. ``accuracy(n) = a − b / √n`` with b ≥ 0 foretells what labels would add.

    Args:
        ways: What is tried, the simplest first.
        classes: The documents' classes, by position, shape (n_documents,).
        groups: A mark per document; those of one mark, such as a thread, are in one part. None: each stands alone.
        seed: Seed of the parts and of the draws.

    Returns:
        The advice.

    Raises:
        ConfigError: If there are fewer than 20 documents, or than 5 marks.

    Example:
        >>> truth = np.arange(40) % 2
        >>> ways = {"guess": lambda inside, outside: 0 * outside, "know": lambda inside, outside: truth[outside]}
        >>> found = advise(ways, truth)
        >>> found.ways[found.best], found.sureness, found.gain
        ('know', 1.0, 0.0)

    Source:
        The bootstrap over documents: Efron, Annals of Statistics 1979; learning curves as power laws: Hestness et al.,
        2017.
    """
    truth = np.asarray(classes, dtype=np.int64)
    numbers: dict[Hashable, int] = {}
    marks = [numbers.setdefault(mark, len(numbers)) for mark in (range(len(truth)) if groups is None else groups)]
    if len(truth) < LEAST_DOCUMENTS or len(numbers) < N_FOLDS:
        raise ConfigError(
            f"expected {LEAST_DOCUMENTS} labelled documents at least, of {N_FOLDS} threads, to compare ways with, got "
            f"{len(truth)} of {len(numbers)}; until then use the YAML alone"
        )
    random = np.random.default_rng(seed)
    parts = random.permutation(np.arange(len(numbers)) % N_FOLDS)[marks]
    right, sizes = _tried(list(ways.values()), truth, parts, random)
    n = len(truth)
    drawn = random.integers(n, size=(N_REPLICATES, n))
    accuracy, foretold = right[-1].mean(axis=1), _foretold(right.mean(axis=2), sizes, n)
    best, later = int(accuracy.argmax()), int(foretold.argmax())
    replicates = np.stack([right[:, :, rows].mean(axis=2) for rows in drawn])
    wins = replicates[:, -1, best] >= replicates[:, -1].max(axis=1)
    gains = np.array([_foretold(one, sizes, n)[later] - one[-1, best] for one in replicates])
    return Advice(
        ways=tuple(ways),
        accuracy=accuracy,
        error=replicates[:, -1].std(axis=0),
        foretold=foretold,
        best=best,
        sureness=float(wins.mean()),
        gain=float(foretold[later] - accuracy[best]),
        gain_error=float(gains.std()),
        n_documents=n,
    )


def _tried(ways: Sequence[Way], truth: Indices, parts: Indices, random: np.random.Generator) -> tuple[Array, Array]:
    """Whether each document is foreseen by each way from each part of the labels, and how many labels these are."""
    right, sizes = np.zeros((len(PARTS), len(ways), len(truth))), np.zeros(len(PARTS))
    for part in range(N_FOLDS):
        inside, outside = random.permutation(np.flatnonzero(parts != part)), np.flatnonzero(parts == part)
        for place, share in enumerate(PARTS):
            few = np.sort(inside[: max(2, round(share * len(inside)))])
            sizes[place] += len(few) / N_FOLDS
            for row, way in enumerate(ways):
                right[place, row, outside] = way(few, outside) == truth[outside]
    return right, sizes


def _foretold(accuracy: Array, sizes: Array, n_documents: int) -> Array:
    """Accuracy with 100 labels more, from that with parts of the labels, shape (n_parts, n_ways) → (n_ways,).

    The curve's slope is taken by least squares; its height where all labels are.
    """
    x = sizes**-0.5
    slope = ((x - x.mean())[:, None] * (accuracy - accuracy.mean(axis=0))).sum(axis=0) / ((x - x.mean()) ** 2).sum()
    step = sizes[-1] ** -0.5 - (n_documents + MORE) ** -0.5
    found: Array = np.minimum(accuracy[-1] + np.maximum(-slope, 0.0) * step, 1.0)
    return found
