"""How much documents and levels weigh in the loss.

Knows settings by name and the taxonomy; knows no label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from hiercls.errors import ConfigError
from hiercls.names import composed
from hiercls.taxonomy import Taxonomy


def document_weights(
    taxonomy: Taxonomy,
    groups: np.ndarray,
    *,
    customers: Mapping[str, float] | None,
    documents: np.ndarray | None,
) -> np.ndarray:
    """Weight of each document in the loss: its customer's times its own.

    Args:
        taxonomy: The map.
        groups: The customer of each document, shape (n_documents,).
        customers: Weights by customer; 1 where not named.
        documents: The documents' own weights, shape (n_documents,); None: 1 each.

    Returns:
        Shape (n_documents,), float32.

    Raises:
        ConfigError: If a customer is unknown, or weights are negative, not finite or too few.
    """
    named = {composed(name): weight for name, weight in (customers or {}).items()}
    unknown = sorted(set(named) - set(taxonomy.customers))
    if unknown or not all(np.isfinite(weight) and weight >= 0 for weight in named.values()):
        raise ConfigError(f"expected finite customer_weights >= 0 for customers of the taxonomy, got {named}")
    weights = np.array([named.get(group, 1.0) for group in groups], dtype=np.float32)
    if documents is None:
        return weights
    given = np.asarray(documents, dtype=np.float32)
    if given.shape != weights.shape:
        raise ConfigError(f"expected {len(weights)} sample weights, got an array of shape {given.shape}")
    wrong = np.flatnonzero(~np.isfinite(given) | (given < 0))
    if len(wrong):
        raise ConfigError(f"expected finite sample weights >= 0, got {given[wrong[0]]} at position {wrong[0]}")
    return weights * given


def level_weights(taxonomy: Taxonomy, weights: Sequence[float] | None) -> torch.Tensor:
    """w, one for each level.

    Args:
        taxonomy: The map.
        weights: As they were given; None: 1 each.

    Returns:
        Shape (n_levels,).

    Raises:
        ConfigError: If they are not one finite number ≥ 0 for each level, the last > 0.
    """
    given: Any = [1.0] * len(taxonomy.levels) if weights is None else weights
    fits = not isinstance(given, str | Mapping) and len(given) == len(taxonomy.levels)
    if not fits or not all(np.isfinite(weight) and weight >= 0 for weight in given) or not given[-1]:
        raise ConfigError(
            f"expected one finite level weight >= 0 for each of {list(taxonomy.levels)}, the last > 0, got {given!r}"
        )
    return torch.tensor(list(given), dtype=torch.float32)
