"""Gaussians in closed form: what a prior over weights, and a posterior, are worth.

Knows arrays; knows no classifier.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def log_density(values: ArrayLike, *, mean: ArrayLike, deviation: ArrayLike) -> float:
    """The log-density of values under independent Gaussians.

    ``Σ_i −½ ((x_i − μ_i) / σ_i)² − log σ_i − ½ log 2π``

    Args:
        values: x, of any shape.
        mean: μ, broadcast to it.
        deviation: σ, broadcast to it.

    Returns:
        The log-density, in nats.

    Example:
        >>> round(log_density([0.0], mean=0.0, deviation=1.0), 4)
        -0.9189
    """
    points, centre, width = (np.asarray(part, dtype=np.float64) for part in (values, mean, deviation))
    squares = ((points - centre) / width) ** 2
    return float(np.sum(-0.5 * squares - np.log(width) - 0.5 * np.log(2.0 * np.pi)))


def divergence(mean: ArrayLike, deviation: ArrayLike, *, prior_mean: ArrayLike, prior_deviation: ArrayLike) -> float:
    """The Kullback–Leibler divergence of independent Gaussians from others.

    ``Σ_i log(σ'_i / σ_i) + (σ_i² + (μ_i − μ'_i)²) / 2σ'_i² − ½``

    Args:
        mean: μ, of any shape.
        deviation: σ, broadcast to it.
        prior_mean: μ', broadcast to it.
        prior_deviation: σ', broadcast to it.

    Returns:
        The divergence, in nats.

    Example:
        >>> round(divergence([1.0], 1.0, prior_mean=0.0, prior_deviation=1.0), 4)
        0.5
    """
    given = (np.asarray(part, dtype=np.float64) for part in (mean, deviation, prior_mean, prior_deviation))
    centre, width, prior, broad = np.broadcast_arrays(*given)
    terms = np.log(broad / width) + (width**2 + (centre - prior) ** 2) / (2.0 * broad**2) - 0.5
    return float(terms.sum())
