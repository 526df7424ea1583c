"""The network of the pooled strategies: one hidden layer on the encoding, and one table of all customers' classes.

Knows encodings, customers and classes by position; knows no strategy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hiercls.study.baselines import Documents
from hiercls.study.strategies.setting import Answer, Filed


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Examples:
    """Documents of several customers as tensors.

    Args:
        encodings: Shape (n_documents, width).
        customers: Whose each is, by position, shape (n_documents,).
        targets: Its class in the table of all classes, shape (n_documents,).
        places: The positions of each customer's documents.
    """

    encodings: Tensor
    customers: Tensor
    targets: Tensor
    places: list[Tensor] = field(default_factory=list)

    @classmethod
    def of(cls, filed: Sequence[Filed]) -> Examples:
        """All documents of customers, in their order."""
        starts = np.cumsum([0, *(one.n_classes for one in filed)])
        owners = np.concatenate([np.full(len(one), place) for place, one in enumerate(filed)])
        targets = np.concatenate([one.classes + start for one, start in zip(filed, starts[:-1], strict=True)])
        return cls(
            encodings=torch.from_numpy(np.concatenate([one.documents.encodings for one in filed])),
            customers=torch.from_numpy(owners),
            targets=torch.from_numpy(targets),
            places=[torch.from_numpy(np.flatnonzero(owners == place)) for place in range(len(filed))],
        )

    def loss(self, network: Trunk, rows: Tensor) -> Tensor:
        """Mean cross-entropy of documents within their customers' classes."""
        logits = network(self.encodings[rows], self.customers[rows])
        return nn.functional.cross_entropy(logits, self.targets[rows])

    def batches(self, places: Tensor, *, size: int, random: torch.Generator) -> Iterator[Tensor]:
        """Documents in random order, all of them before any comes again, for ever."""
        while True:
            order = places[torch.randperm(len(places), generator=random)]
            yield from order.split(size)  # type: ignore[no-untyped-call]


def descend(
    network: Trunk, config: NetworkConfig, backward: Callable[[], None], *, n_steps: int, parameters: Sequence[Tensor]
) -> None:
    """Take steps of AdamW, the last ones shorter and shorter.

    Args:
        network: What is trained.
        config: Step size, L2 and seed.
        backward: Leaves gradients of one more batch.
        n_steps: How many.
        parameters: What moves.
    """
    optimizer = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0 - step / n_steps)
    network.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        for _ in range(n_steps):
            optimizer.zero_grad()
            backward()
            optimizer.step()
            schedule.step()
    network.eval()
