"""What customers gain by pooling before anything is measured of them, and how measurements are weighed against that.

Knows numbers of documents and gains; knows no document and no head.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

from hiercls.study.paired import Difference

TYPICAL = 100
"""Documents of the customer that ``Prior.level`` is of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """How gains by pooling lie, and how a head's gain lies around the model's, all in parts of accuracy.

    Of a customer of n documents the gain is ``g = s + u``: s, which a head can see, and u, which none does.
    ``s ~ N(level + slope · ln(n / 100), (spread · (n / 100)^narrowing)²)``, ``u ~ N(0, unseen²)``, and the head's gain
    is ``h ~ N(s + offset, error² + doubt²)``.

    Args:
        level: The mean gain of customers of 100 documents.
        slope: What it changes by for e times as many documents.
        spread: Standard deviation around that line of what a head can see, for customers of 100 documents.
        narrowing: The power of the documents by which that standard deviation changes.
        offset: How far a head's gain is above the model's on average.
        doubt: Standard deviation of what the head sees that is not so, beyond that of the documents' number.
        unseen: Standard deviation of what no head sees.
    """

    level: float
    slope: float
    spread: float
    narrowing: float
    offset: float
    doubt: float
    unseen: float

    def gain(self, head: Difference, n_documents: int) -> Difference:
        """The model's gain, given a head's: the posterior's mean and standard deviation.

        Args:
            head: The head's gain, with its error over the documents.
            n_documents: The customer's own documents.

        Returns:
            The gain.

        Example:
            >>> prior = Prior(level=0.04, slope=0.0, spread=0.03, narrowing=0.0, offset=0.0, doubt=0.03, unseen=0.0)
            >>> found = prior.gain(Difference(mean=0.1, error=0.0), 100)
            >>> round(found.mean, 3), round(found.error, 4)
            (0.07, 0.0212)

        Source:
            Empirical Bayes estimation: Efron and Morris, JASA 1975.
        """
        size = math.log(n_documents / TYPICAL)
        expected = self.level + self.slope * size
        spread = (self.spread * math.exp(self.narrowing * size)) ** 2
        noise = head.error**2 + self.doubt**2
        weight = spread / (spread + noise)
        mean = expected + weight * (head.mean - self.offset - expected)
        return Difference(mean=mean, error=math.sqrt(weight * noise + self.unseen**2))


def fit_prior(
    n_documents: ArrayLike, head: ArrayLike, head_error: ArrayLike, measured: ArrayLike, measured_error: ArrayLike
) -> Prior:
    """The prior under which what heads said and what models gained is likeliest.

    What heads can see is summed out: with v = (spread · (n / 100)^narrowing)² and μ the line,
    ``(h, m) ~ N((μ + offset, μ), [[v + error_h² + doubt², v], [v, v + error_m² + unseen²]])``.

    Args:
        n_documents: Own documents of each customer, shape (n_customers,).
        head: Gains of the head, the same shape.
        head_error: Their standard errors.
        measured: Gains of the model.
        measured_error: Their standard errors.

    Returns:
        The prior.
    """
    size = np.log(np.asarray(n_documents, dtype=float) / TYPICAL)
    said, came, of_head, of_model = (
        np.asarray(one, dtype=float) for one in (head, measured, head_error, measured_error)
    )

    def surprise(values: NDArray[np.float64]) -> float:
        level, slope, log_spread, narrowing, offset, log_doubt, log_unseen = values
        shared = np.exp(2 * (log_spread + narrowing * size))
        first = shared + of_head**2 + math.exp(2 * log_doubt)
        second = shared + of_model**2 + math.exp(2 * log_unseen)
        off, beside = said - level - slope * size - offset, came - level - slope * size
        determinant = first * second - shared**2
        squares = (second * off**2 - 2 * shared * off * beside + first * beside**2) / determinant
        return float((np.log(determinant) + squares).sum() / 2)

    ends = []
    for slope, narrowing, unseen in ((0.0, 0.0, 0.01), (-0.01, -0.5, 0.03)):  # more than one valley
        start = [came.mean(), slope, math.log(0.04), narrowing, 0.0, math.log(0.03), math.log(unseen)]
        options = {"maxiter": 20_000, "maxfev": 20_000, "xatol": 1e-6, "fatol": 1e-8}
        ends.append(minimize(surprise, start, method="Nelder-Mead", options=options))
    level, slope, log_spread, narrowing, offset, log_doubt, log_unseen = min(ends, key=lambda end: float(end.fun)).x
    return Prior(
        level=float(level),
        slope=float(slope),
        spread=math.exp(log_spread),
        narrowing=float(narrowing),
        offset=float(offset),
        doubt=math.exp(log_doubt),
        unseen=math.exp(log_unseen),
    )


def in_words(prior: Prior) -> str:
    """A prior's numbers, as they stand in code."""
    return ", ".join(f"{name}={value:.4f}" for name, value in asdict(prior).items())
