"""Mixes of topics as the loss sees them.

Knows arrays; where a mix comes from is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Priors:
    """The pooled mix of topics and the customers' own, where they are known.

    Args:
        pooled: π, shape (n_topics,); positive.
        customers: π_c by row, shape (n_known, n_topics); positive.
        index: Row of ``customers`` for each document, −1 where its customer's mix is not known, shape (n_documents,).
    """

    pooled: np.ndarray
    customers: np.ndarray
    index: np.ndarray

    def shifts(self, weights: Any) -> np.ndarray:
        """Log π_c − log π over the nodes of a level, priors summed over each node; the last row is 0, for −1.

        Args:
            weights: The level's divided membership, shape (n_topics, n_nodes).

        Returns:
            Shape (n_known + 1, n_nodes).
        """
        known = np.log(self.customers @ weights) - np.log(self.pooled @ weights)
        return np.vstack([known, np.zeros((1, known.shape[1]))]).astype(np.float32)
