"""What turns positions of documents into what the network reads: encodings that are ready, tokens, or hidden states.

Knows arrays; knows no label, no encoder and no taxonomy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hiercls.model.tokens import States, Tokens
from hiercls.model.windows import Windows


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

    @property
    def lengths(self) -> None:
        """Encodings are of one size, whatever the documents' lengths."""
        return None

    def batch(self, documents: np.ndarray) -> Tensor:
        """The encodings of some documents, shape (batch, width)."""
        return torch.from_numpy(self.encodings[documents])

    def take(self, documents: np.ndarray) -> EncodingInputs:
        """The encodings of some documents, as inputs of their own."""
        return EncodingInputs(self.encodings[documents])


@dataclass(frozen=True, slots=True)
class WindowInputs:
    """Documents as windows, for an encoder that is trained.

    Args:
        windows: Token ids of the documents' windows; or hidden states, where only upper layers are trained.
        pad_id: The id to pad token ids with; None: the windows hold hidden states.
    """

    windows: Windows
    pad_id: int | None

    def __len__(self) -> int:
        """Number of documents."""
        return len(self.windows)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each document, shape (n_documents,)."""
        return self.windows.lengths

    def batch(self, documents: np.ndarray) -> Tokens | States:
        """The windows of some documents, padded to the longest of them."""
        taken = self.windows.take(documents)
        if self.pad_id is None:
            return States.pad(taken.sequences, owners=taken.owners)
        return Tokens.pad(taken.sequences, pad_id=self.pad_id, owners=taken.owners)

    def take(self, documents: np.ndarray) -> WindowInputs:
        """The windows of some documents, as inputs of their own."""
        return WindowInputs(self.windows.take(documents), self.pad_id)


Inputs = EncodingInputs | WindowInputs
"""The inputs of a training run."""
