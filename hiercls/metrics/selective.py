"""What may be answered at which risk: the risk–coverage curve, on documents and on a hierarchy.

Knows confidences, losses and coverages, not the rule that gave them; no torch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiercls.errors import ConfigError

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RiskCoverage:
    """The risk at every coverage.

    Args:
        coverage: How much is answered, rising, from above 0 to 1, shape (n_points,).
        risk: The mean loss of what is answered, shape (n_points,).
        area: The area under the curve, AURC; NaN where there is no document.

    Example:
        >>> risk_coverage([0.9, 0.8], [0, 1]).risk.tolist()
        [0.0, 0.5]
    """

    coverage: Array
    risk: Array
    area: float


def risk_coverage(confidence: ArrayLike, loss: ArrayLike) -> RiskCoverage:
    """The mean loss of the most confident documents, for every number of them.

    ``risk_i = Σ_{the i most confident} loss / i`` and ``AURC = Σ_i risk_i / n``; documents of equal confidence share
    their mean loss, which is what a random order among them gives on average.

    Args:
        confidence: How sure each answer is, shape (n_documents,).
        loss: What each answer costs, such as 1 where it is wrong, shape (n_documents,).

    Returns:
        The curve and its area.

    Raises:
        ConfigError: If the arrays are not of one length, or hold NaN.

    Example:
        >>> risk_coverage([0.9, 0.8, 0.7, 0.6], [0, 1, 0, 1]).area
        0.333...

    Source:
        Geifman, Uziel and El-Yaniv, Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers, ICLR 2019.
    """
    sure, cost = _vectors(confidence=confidence, loss=loss)
    distinct, group, sizes = np.unique(-sure, return_inverse=True, return_counts=True)
    means = np.bincount(group, weights=cost, minlength=len(distinct)) / sizes
    counts = np.arange(1, len(cost) + 1)
    risk = np.cumsum(np.repeat(means, sizes)) / counts
    return RiskCoverage(
        coverage=counts / max(len(cost), 1), risk=risk, area=float(risk.mean()) if len(risk) else math.nan
    )


def hierarchical_risk_coverage(coverage: ArrayLike, loss: ArrayLike) -> RiskCoverage:
    """The curve of a rule that answers more coarsely instead of not at all, from its operating points.

    At each point ``risk = mean loss / mean coverage``: a document that is answered at the root loses nothing and covers
    nothing. The area is taken by the trapezoid rule over coverages from 0 to 1; left of the least coverage the risk is
    that of the least, right of the greatest that of the greatest.

    Args:
        coverage: The mean coverage at each operating point, where an answer covers
            ``1 − log(topics below it) / log(all topics)``, shape (n_points,).
        loss: The mean loss at each operating point, 1 for an answer that the truth does not lie below, shape
            (n_points,).

    Returns:
        The curve by rising coverage, without points that cover nothing, and its area, hAURC.

    Raises:
        ConfigError: If the arrays are not of one length, hold NaN, or a coverage is outside 0 to 1.

    Example:
        >>> hierarchical_risk_coverage([0.0, 0.5, 1.0], [0.0, 0.0, 0.5]).area
        0.125

    Source:
        Goren, Galil and El-Yaniv, Hierarchical Selective Classification, NeurIPS 2024, sections 2 and 3.
    """
    covered, lost = _vectors(coverage=coverage, loss=loss)
    if ((covered < 0) | (covered > 1 + 1e-9)).any():
        raise ConfigError("expected coverages from 0 to 1")
    order = np.lexsort((lost, covered))
    covered, lost = covered[order], lost[order]
    covered, lost = covered[covered > 0], lost[covered > 0]
    risk = lost / covered
    if not len(risk):
        return RiskCoverage(coverage=covered, risk=risk, area=math.nan)
    x, y = np.concatenate([[0.0], covered, [1.0]]), np.concatenate([risk[:1], risk, risk[-1:]])
    return RiskCoverage(coverage=covered, risk=risk, area=float(np.trapezoid(y, x)))


def _vectors(**named: ArrayLike) -> tuple[Array, ...]:
    """Vectors of numbers, of one length."""
    arrays = {name: np.asarray(values, dtype=float) for name, values in named.items()}
    shapes = {array.shape for array in arrays.values()}
    if len(shapes) > 1 or len(*shapes) != 1:
        found = " and ".join(f"'{name}' of shape {array.shape}" for name, array in arrays.items())
        raise ConfigError(f"expected vectors of one length, got {found}")
    if any(np.isnan(array).any() for array in arrays.values()):
        raise ConfigError(f"expected numbers in {' and '.join(map(repr, arrays))}, got NaN")
    return tuple(arrays.values())
