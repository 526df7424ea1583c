"""The one door from words to tensors: the documents of a training run, and the batches cut from them.

Knows inputs and targets as tensors; knows no encoder weights, no taxonomy file and no optimiser.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hiercls.model.inputs import Inputs
from hiercls.model.multilabel_targets import MultilabelTable, MultilabelTargets
from hiercls.model.targets import LevelTargets, TargetTable
from hiercls.model.tokens import States, Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One training step's documents.

    Args:
        inputs: Encodings of shape (batch, width), tokens, or hidden states.
        targets: What the labels say, level by level.
        allowed: What teacher forcing knows at every level but the last: True for the nodes that a label allows; where
            a document may have several topics, 1 and 0 for nodes that hold and do not, NaN for the others.
        weights: Weight of each document in the loss, shape (batch,).
        documents: Positions of the documents among those that were first given, shape (batch,).
    """

    inputs: Tensor | Tokens | States
    targets: tuple[LevelTargets, ...] | tuple[MultilabelTargets, ...]
    allowed: tuple[Tensor, ...]
    weights: Tensor
    documents: Tensor

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device."""
        return Batch(
            inputs=self.inputs.to(device),
            targets=tuple(target.to(device) for target in self.targets),  # type: ignore[arg-type]
            allowed=tuple(table.to(device) for table in self.allowed),
            weights=self.weights.to(device),
            documents=self.documents,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledDocuments:
    """Documents and what their labels say: all that a training run reads.

    Args:
        inputs: Encodings, tokens or hidden states of the documents.
        targets: What the labels say.
        weights: Weight of each document in the loss, shape (n_documents,), float32.
        groups: Name of the customer (or labelled view) of each document, shape (n_documents,).
        origins: Positions of the documents among those that these were taken from; None: these are the first.
    """

    inputs: Inputs
    targets: TargetTable | MultilabelTable
    weights: np.ndarray
    groups: np.ndarray
    origins: np.ndarray | None = None

    def __len__(self) -> int:
        """Number of documents."""
        return len(self.groups)

    def take(self, documents: np.ndarray) -> LabelledDocuments:
        """Some of the documents, by position.

        Args:
            documents: Their positions, shape (n_taken,).

        Returns:
            The documents, numbered anew; their origins are kept.
        """
        return LabelledDocuments(
            inputs=self.inputs.take(documents),
            targets=self.targets.take(documents),
            weights=self.weights[documents],
            groups=self.groups[documents],
            origins=documents if self.origins is None else self.origins[documents],
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
            documents=torch.from_numpy(documents if self.origins is None else self.origins[documents]),
        )
