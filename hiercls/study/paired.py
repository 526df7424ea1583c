"""How sure a difference between two methods is: paired over test documents, threads counted as one.

Knows right and wrong answers; knows no model and no text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

NORMAL = 1.96
"""Standard errors on each side of a mean within which 95 % of a normal distribution lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Which test documents a method has right at one view, in one split.

    Args:
        clusters: A number per document; documents of one thread share it, in all splits, shape (n_documents,).
        right: Whether its class is right, shape (n_documents,).
    """

    clusters: np.ndarray
    right: np.ndarray

    @property
    def accuracy(self) -> float:
        """The share that is right."""
        return float(self.right.mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A difference between two accuracies.

    Args:
        mean: The first minus the second.
        error: Its standard error over the test documents.

    Example:
        >>> gain = Difference(mean=0.05, error=0.01)
        >>> [round(end, 4) for end in gain.interval], gain.is_clear, round(Difference(mean=0.01, error=0.01).chance, 2)
        ([0.0304, 0.0696], True, 0.84)
    """

    mean: float
    error: float

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval."""
        return self.mean - NORMAL * self.error, self.mean + NORMAL * self.error

    @property
    def chance(self) -> float:
        """How likely the difference is above 0, if it is normal around its mean."""
        return float(ndtr(self.mean / self.error)) if self.error else float(self.mean > 0)

    @property
    def is_clear(self) -> bool:
        """Whether 0 lies outside of the interval."""
        low, high = self.interval
        return low > 0 or high < 0


def paired_difference(first: Sequence[Answers], second: Sequence[Answers]) -> Difference:
    """How far a method is ahead of another, as the mean over splits and views.

    ``d = mean_v Σ_i (a_vi − b_vi) / n_v``, ``error² = Σ_g ( Σ_(v, i in g) (a_vi − b_vi − d_v) / (n_v V) )²``: what a
    document, or a whole thread, adds is summed over views and splits first, so that those tested twice count once.

    Args:
        first: A method's answers, one entry a split and view, V in all.
        second: Those of the other on the same documents.

    Returns:
        The difference and its standard error.

    Example:
        >>> clusters = np.arange(4)
        >>> ours = Answers(clusters=clusters, right=np.array([True, True, True, False]))
        >>> theirs = Answers(clusters=clusters, right=np.array([True, False, True, False]))
        >>> paired_difference([ours], [theirs])
        Difference(mean=0.25, error=0.2165...)

    Source:
        Cluster-robust variance of a mean: Liang and Zeger, Biometrika 1986.
    """
    n_parts = len(first)
    differences = [ours.right.astype(float) - theirs.right for ours, theirs in zip(first, second, strict=True)]
    influence: dict[int, float] = {}
    for answers, values in zip(first, differences, strict=True):
        shares = (values - values.mean()) / (len(values) * n_parts)
        for cluster, share in zip(answers.clusters.tolist(), shares.tolist(), strict=True):
            influence[cluster] = influence.get(cluster, 0.0) + share
    error = math.sqrt(sum(value * value for value in influence.values()))
    return Difference(mean=float(np.mean([values.mean() for values in differences])), error=error)
