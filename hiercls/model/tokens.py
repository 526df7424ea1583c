"""A batch of windows, padded: as token ids, or as the hidden states that an encoder's lower layers made of them.

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
    """Token ids of a batch of texts, window by window, padded to the longest.

    Args:
        ids: Shape (n_windows, length).
        mask: 1 for tokens, 0 for padding, shape (n_windows, length).
        owners: Text of each window, shape (n_windows,).
    """

    ids: Tensor
    mask: Tensor
    owners: Tensor

    @classmethod
    def pad(cls, sequences: Sequence[np.ndarray], *, pad_id: int, owners: np.ndarray | None = None) -> Tokens:
        """Pad token sequences to the longest.

        Args:
            sequences: Token ids of each window, each of shape (length_w,).
            pad_id: The id to pad with.
            owners: Text of each window, shape (n_windows,); None: each is a text of its own.

        Returns:
            The batch.

        Example:
            >>> Tokens.pad([np.array([5]), np.array([6, 7])], pad_id=0).ids.tolist()
            [[5, 0], [6, 7]]
        """
        ids = _padded(sequences, fill=pad_id, dtype=np.int64)
        return cls(ids=ids, mask=_mask(sequences), owners=_owners(sequences, owners))

    def to(self, device: torch.device | str) -> Tokens:
        """The same tokens on another device."""
        return Tokens(ids=self.ids.to(device), mask=self.mask.to(device), owners=self.owners.to(device))


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """Hidden states of a batch of texts, window by window, padded to the longest.

    Args:
        values: What an encoder's lower layers made of the tokens, shape (n_windows, length, width), float32.
        mask: 1 for tokens, 0 for padding, shape (n_windows, length).
        owners: Text of each window, shape (n_windows,).
    """

    values: Tensor
    mask: Tensor
    owners: Tensor

    @classmethod
    def pad(cls, sequences: Sequence[np.ndarray], *, owners: np.ndarray | None = None) -> States:
        """Pad sequences of hidden states to the longest.

        Args:
            sequences: Hidden states of each window, each of shape (length_w, width).
            owners: Text of each window, shape (n_windows,); None: each is a text of its own.

        Returns:
            The batch.
        """
        values = _padded(sequences, fill=0, dtype=np.float32)
        return cls(values=values, mask=_mask(sequences), owners=_owners(sequences, owners))

    def to(self, device: torch.device | str) -> States:
        """The same states on another device."""
        return States(values=self.values.to(device), mask=self.mask.to(device), owners=self.owners.to(device))


def _padded(sequences: Sequence[np.ndarray], *, fill: int, dtype: type) -> Tensor:
    """Sequences in one array, shape (n_windows, length, ...)."""
    length = max((len(sequence) for sequence in sequences), default=0)
    values = np.full((len(sequences), length, *(sequences[0].shape[1:] if len(sequences) else ())), fill, dtype=dtype)
    for row, sequence in enumerate(sequences):
        values[row, : len(sequence)] = sequence
    return torch.from_numpy(values)


def _mask(sequences: Sequence[np.ndarray]) -> Tensor:
    """1 for what is there, 0 for padding, shape (n_windows, length)."""
    lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
    places = np.arange(lengths.max(initial=0))
    return torch.from_numpy((places < lengths[:, None]).astype(np.int64))


def _owners(sequences: Sequence[np.ndarray], owners: np.ndarray | None) -> Tensor:
    """Text of each window, shape (n_windows,)."""
    return torch.from_numpy(np.arange(len(sequences)) if owners is None else owners.astype(np.int64))
