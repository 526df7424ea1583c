"""What turns positions of documents into what the network reads: encodings that are ready, or tokens.

Knows arrays; knows no label, no encoder and no taxonomy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hiercls.model.tokens import Tokens


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


Inputs = EncodingInputs | TokenInputs
"""The inputs of a training run."""
