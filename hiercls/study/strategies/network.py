"""The network of the pooled strategies: one hidden layer on the encoding, and one table of all customers' classes.

Knows encodings, customers and classes by position; knows no strategy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hiercls.study.baselines import Documents
from hiercls.study.strategies.setting import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """How a network is built and trained; chosen with another customer as the new one, on training documents.

    Args:
        width: Hidden units.
        dropout: The part of them that is left out at random.
        weight_decay: Decoupled L2.
        learning_rate: Step size, which falls to nothing.
        epochs: Times that the pool is seen.
        batch: Documents of a step.
        seed: Seed of weights, order and dropout.
    """

    width: int = 256
    dropout: float = 0.5
    weight_decay: float = 1.0
    learning_rate: float = 3e-3
    epochs: int = 12
    batch: int = 256
    seed: int = 0


class Trunk(nn.Module):
    """``logits = W · dropout(GELU(V [h; marker]))``, of the columns of one customer's classes, −∞ elsewhere.

    The table of all classes behind a mask is a head for each customer side by side: how they are taught sets the
    strategies apart.

    Args:
        n_classes: The classes of each customer, in their order.
        width: Width of encodings.
        config: The network.
        marked: Whether the hidden layer is told whose document it reads.
    """

    def __init__(self, n_classes: Sequence[int], *, width: int, config: NetworkConfig, marked: bool = False) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.hidden = nn.Linear(width + marked * len(n_classes), config.width)
            self.table = nn.Linear(config.width, sum(n_classes))
        nn.init.zeros_(self.table.weight)
        nn.init.zeros_(self.table.bias)
        self.dropout = nn.Dropout(config.dropout)
        self.marked = marked
        stops = np.cumsum(n_classes).tolist()
        self.columns = [slice(stop - size, stop) for stop, size in zip(stops, n_classes, strict=True)]
        mask = torch.full((len(n_classes), sum(n_classes)), -torch.inf)
        for row, columns in zip(mask, self.columns, strict=True):
            row[columns] = 0.0
        self.register_buffer("mask", mask)

    def features(self, encodings: Tensor, customers: Tensor) -> Tensor:
        """The hidden units, shape (batch, width)."""
        if self.marked:
            marker = nn.functional.one_hot(customers, len(self.columns)).to(encodings.dtype)
            encodings = torch.cat([encodings, marker * encodings.shape[1] ** 0.5], dim=1)
        return nn.functional.gelu(self.hidden(encodings))

    def forward(self, encodings: Tensor, customers: Tensor) -> Tensor:
        """Logits of all classes, −∞ for those of other customers, shape (batch, n_all_classes)."""
        logits: Tensor = self.table(self.dropout(self.features(encodings, customers)))
        mask: Tensor = self.get_buffer("mask")
        return logits + mask[customers]

    def answer(self, customer: int) -> Answer:
        """Answers documents as those of one customer."""
        self.eval()

        def said(documents: Documents) -> NDArray[np.float64]:
            with torch.inference_mode():
                owners = torch.full((len(documents.texts),), customer)
                logits = self(torch.from_numpy(documents.encodings), owners)[:, self.columns[customer]]
            found: NDArray[np.float64] = logits.double().softmax(dim=-1).numpy()
            return found

        return said
