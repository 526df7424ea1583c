"""What customers gain by pooling before anything is measured of them, and how measurements are weighed against that.

Knows numbers of documents and gains; knows no document and no head.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from hiercls.study.paired import Difference

TYPICAL = 100
"""Documents of the customer that ``Prior.level`` is of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """How gains by pooling lie, and how a head's gain lies around the model's, all in parts of accuracy.

    ``g ~ N(level + slope · ln(n / 100), spread²)``, ``h | g ~ N(g + offset, error² + doubt²)``.

    Args:
        level: The mean gain g of customers of 100 documents.
        slope: What it changes by for e times as many documents n.
        spread: Standard deviation of gains around that line.
        offset: How far a head's gain h is above the model's on average.
        doubt: Standard deviation of the head's gain around the model's, beyond that of the documents' number.
    """

    level: float
    slope: float
    spread: float
    offset: float
    doubt: float

    def gain(self, head: Difference, n_documents: int) -> Difference:
        """The model's gain, given a head's: the posterior's mean and standard deviation.

        Args:
            head: The head's gain, with its error over the documents.
            n_documents: The customer's own documents.

        Returns:
            The gain.

        Example:
            >>> prior = Prior(level=0.04, slope=0.0, spread=0.03, offset=0.0, doubt=0.03)
            >>> found = prior.gain(Difference(mean=0.1, error=0.0), 100)
            >>> round(found.mean, 3), round(found.error, 4)
            (0.07, 0.0212)

        Source:
            Empirical Bayes estimation: Efron and Morris, JASA 1975.
        """
        expected = self.level + self.slope * math.log(n_documents / TYPICAL)
        noise, spread = head.error**2 + self.doubt**2, self.spread**2
        weight = spread / (spread + noise)
        mean = expected + weight * (head.mean - self.offset - expected)
        return Difference(mean=mean, error=math.sqrt(weight * noise))


def fit_prior(
    n_documents: ArrayLike, head: ArrayLike, head_error: ArrayLike, measured: ArrayLike, measured_error: ArrayLike
) -> Prior:
    """The prior under which what heads said and what models gained is likeliest.

    Both are normal around the gain itself, which is summed out:
    ``(h, m) ~ N((μ + offset, μ), [[spread² + error_h² + doubt², spread²], [spread², spread² + error_m²]])``.

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
    said = np.stack([np.asarray(head, dtype=float), np.asarray(measured, dtype=float)], axis=1)
    errors = np.stack([np.asarray(head_error, dtype=float), np.asarray(measured_error, dtype=float)], axis=1) ** 2

    def surprise(values: NDArray[np.float64]) -> float:
        level, slope, log_spread, offset, log_doubt = values
        mean = level + slope * size
        shared, extra = math.exp(2 * log_spread), math.exp(2 * log_doubt)
        total = 0.0
        for one, centre, (of_head, of_model) in zip(said, mean, errors, strict=True):
            covariance = [[shared + of_head + extra, shared], [shared, shared + of_model]]
            total -= float(multivariate_normal.logpdf(one, [centre + offset, centre], covariance))
        return total

    start = np.array([said[:, 1].mean(), 0.0, math.log(0.04), 0.0, math.log(0.03)])
    found = minimize(surprise, start, method="Nelder-Mead", options={"maxiter": 4000, "xatol": 1e-5, "fatol": 1e-6}).x
    level, slope, log_spread, offset, log_doubt = (float(value) for value in found)
    return Prior(level=level, slope=slope, spread=math.exp(log_spread), offset=offset, doubt=math.exp(log_doubt))


def in_words(prior: Prior) -> str:
    """A prior's five numbers, as they stand in code."""
    names = ("level", "slope", "spread", "offset", "doubt")
    return ", ".join(f"{name}={value:.4f}" for name, value in zip(names, astuple(prior), strict=True))
