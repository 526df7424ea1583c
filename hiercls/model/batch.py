"""The one door from words to tensors: what a training step and a scoring step are given.

Knows token ids, encodings and targets as tensors; knows no encoder weights, no taxonomy file and no optimiser.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from hiercls.model.targets import LevelTargets, TargetTable


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


class Inputs(Protocol):
    """Something that turns positions of documents into what the network reads."""

    def __len__(self) -> int:
        """Number of documents."""
        ...

    def batch(self, documents: np.ndarray) -> Tensor | Tokens:
        """The inputs of some documents, by position."""
        ...

    def take(self, documents: np.ndarray) -> Inputs:
        """The same kind of inputs for some documents, by position."""
        ...


@dataclass(frozen=True, slots=True)
class EncodingInputs:
    """Documents that a frozen encoder has encoded already.

    Args:
        encodings: Shape (n_documents, width), float32.
    """

    encodings: np.ndarray

    def __len__(self) -> int:
        """Number of documents."""
        return len(self.encodings)

    def batch(self, documents: np.ndarray) -> Tensor:
        """The encodings of some documents, shape (batch, width)."""
        return torch.from_numpy(self.encodings[documents])

    def take(self, documents: np.ndarray) -> EncodingInputs:
        """The encodings of some documents, as inputs of their own."""
        return EncodingInputs(self.encodings[documents])


@dataclass(frozen=True, slots=True)
class TokenInputs:
    """Documents as token ids, for an encoder that is trained.

    Args:
        sequences: Token ids, each of shape (length_i,).
        pad_id: The id to pad with.
    """

    sequences: Sequence[np.ndarray]
    pad_id: int

    def __len__(self) -> int:
        """Number of documents."""
        return len(self.sequences)

    def batch(self, documents: np.ndarray) -> Tokens:
        """The tokens of some documents, padded to the longest of them."""
        return Tokens.pad([self.sequences[document] for document in documents], pad_id=self.pad_id)

    def take(self, documents: np.ndarray) -> TokenInputs:
        """The tokens of some documents, as inputs of their own."""
        return TokenInputs([self.sequences[document] for document in documents], self.pad_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One training step's documents.

    Args:
        inputs: Encodings of shape (batch, width), or tokens.
        targets: What the labels say, level by level.
        allowed: The nodes that each label allows at every level but the last, for teacher forcing.
        weights: Weight of each document in the loss, shape (batch,).
        documents: Positions of the documents in the training set, shape (batch,).
    """

    inputs: Tensor | Tokens
    targets: tuple[LevelTargets, ...]
    allowed: tuple[Tensor, ...]
    weights: Tensor
    documents: Tensor

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device."""
        return Batch(
            inputs=self.inputs.to(device),
            targets=tuple(target.to(device) for target in self.targets),
            allowed=tuple(table.to(device) for table in self.allowed),
            weights=self.weights.to(device),
            documents=self.documents,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledDocuments:
    """Documents and what their labels say: all that a training run reads.

    Args:
        inputs: Encodings or tokens of the documents.
        targets: What the labels say.
        weights: Weight of each document in the loss, shape (n_documents,), float32.
        groups: Name of the customer (or labelled view) of each document, shape (n_documents,).
    """

    inputs: Inputs
    targets: TargetTable
    weights: np.ndarray
    groups: np.ndarray

    def __len__(self) -> int:
        """Number of documents."""
        return len(self.groups)

    def take(self, documents: np.ndarray) -> LabelledDocuments:
        """Some of the documents, by position.

        Args:
            documents: Their positions, shape (n_taken,).

        Returns:
            The documents, numbered anew.
        """
        return LabelledDocuments(
            inputs=self.inputs.take(documents),
            targets=self.targets.take(documents),
            weights=self.weights[documents],
            groups=self.groups[documents],
        )

    def batch(self, documents: np.ndarray) -> Batch:
        """Cut a batch.

        Args:
            documents: Positions of the documents, shape (batch,).

        Returns:
            The batch, on the CPU.
        """
        return Batch(
            inputs=self.inputs.batch(documents),
            targets=self.targets.batch(documents),
            allowed=self.targets.allowed(documents),
            weights=torch.from_numpy(self.weights[documents]),
            documents=torch.from_numpy(documents),
        )
