"""Documents of several customers as tensors, and the steps that a network takes on them.

Knows the network; knows no strategy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from hiercls.study.strategies.network import NetworkConfig, Trunk
from hiercls.study.strategies.setting import Filed


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
