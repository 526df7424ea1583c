"""Token ids of a batch of texts.

Knows padding; knows no encoder and no tokenizer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Token ids of a batch of texts, padded to the longest.

    Args:
        ids: Shape (batch, length).
        mask: 1 for tokens, 0 for padding, shape (batch, length).
    """

    ids: Tensor
    mask: Tensor

    @classmethod
    def pad(cls, sequences: Sequence[np.ndarray], *, pad_id: int) -> Tokens:
        """Pad token sequences to the longest.

        Args:
            sequences: Token ids, each of shape (length_i,).
            pad_id: The id to pad with.

        Returns:
            The batch.

        Example:
            >>> Tokens.pad([np.array([5]), np.array([6, 7])], pad_id=0).ids.tolist()
            [[5, 0], [6, 7]]
        """
        length = max((len(sequence) for sequence in sequences), default=0)
        ids = np.full((len(sequences), length), pad_id, dtype=np.int64)
        mask = np.zeros((len(sequences), length), dtype=np.int64)
        for row, sequence in enumerate(sequences):
            ids[row, : len(sequence)] = sequence
            mask[row, : len(sequence)] = 1
        return cls(ids=torch.from_numpy(ids), mask=torch.from_numpy(mask))

    def to(self, device: torch.device | str) -> Tokens:
        """The same tokens on another device."""
        return Tokens(ids=self.ids.to(device), mask=self.mask.to(device))
