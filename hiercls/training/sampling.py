"""Which documents an epoch visits, and in which order: a mix over customers.

Knows customers as names and documents as positions; knows no tensor and no model.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

POOL = 50
"""Batches that are cut from documents sorted by length together."""


class CustomerSampler:
    """Draws each epoch's documents so that customers come in a chosen mix.

    ``share of customer c ∝ n_c^(1/temperature)``: temperature 1 is proportional to the customers' documents (each
    document once an epoch), ∞ gives every customer the same share.

    Args:
        groups: Customer of each document, shape (n_documents,).
        temperature: How far the mix is evened out, ≥ 1.
        seed: Seed of all epochs.

    Example:
        >>> sampler = CustomerSampler(np.array(["one", "one", "one", "two"]), temperature=math.inf, seed=0)
        >>> sorted(int(document) for document in sampler.epoch(0) if document == 3)
        [3, 3]
    """

    def __init__(self, groups: np.ndarray, *, temperature: float, seed: int) -> None:
        self.seed = seed
        self.n_documents = len(groups)
        self._members = [np.flatnonzero(groups == name) for name in np.unique(groups)]
        sizes = np.array([len(members) for members in self._members], dtype=float)
        shares = sizes ** (0.0 if math.isinf(temperature) else 1.0 / temperature)
        self.quotas = _apportion(shares / shares.sum(), total=len(groups))

    def epoch(self, number: int) -> np.ndarray:
        """The documents of an epoch, in order.

        Args:
            number: Which epoch, from 0.

        Returns:
            Positions, shape (n_documents,); a customer's documents are all drawn once before any is drawn again.
        """
        random = np.random.default_rng([self.seed, number])
        drawn = [_draw(members, quota, random) for members, quota in zip(self._members, self.quotas, strict=True)]
        order: np.ndarray = random.permutation(np.concatenate(drawn))
        return order

    def visits(self) -> np.ndarray:
        """How often an epoch visits each document on average, shape (n_documents,)."""
        expected = np.empty(self.n_documents)
        for members, quota in zip(self._members, self.quotas, strict=True):
            expected[members] = quota / len(members)
        return expected

    def batches(self, number: int, *, size: int, lengths: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """The batches of an epoch.

        Args:
            number: Which epoch, from 0.
            size: Documents in a batch; one may have fewer.
            lengths: Tokens of each document, shape (n_documents,): batches are of like length then, cut from some
                thousand documents at a time; None: whatever comes.

        Yields:
            Positions of a batch's documents.
        """
        order = self.epoch(number)
        if lengths is not None:
            pools = [order[start : start + POOL * size] for start in range(0, len(order), POOL * size)]
            order = np.concatenate([pool[np.argsort(lengths[pool], kind="stable")] for pool in pools])
        starts = np.arange(0, len(order), size)
        if lengths is not None:
            starts = np.random.default_rng([self.seed, number, 1]).permutation(starts)
        for start in starts.tolist():
            yield order[start : start + size]


def _draw(members: np.ndarray, quota: int, random: np.random.Generator) -> np.ndarray:
    """Whole passes over the members, and a part of one more."""
    passes = [random.permutation(members) for _ in range(math.ceil(quota / len(members)))]
    return np.concatenate([*passes, members[:0]])[:quota]


def _apportion(shares: np.ndarray, *, total: int) -> np.ndarray:
    """Whole numbers that sum to the total, nearest to the shares, at least 1 each (largest remainder)."""
    exact = shares * total
    quotas: np.ndarray = np.maximum(1, np.floor(exact).astype(int))
    missing = total - quotas.sum()
    for place in np.argsort(quotas - exact, kind="stable")[: max(0, missing)]:
        quotas[place] += 1
    return quotas
