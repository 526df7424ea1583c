"""What a network of the pooling study is, and how it is trained.

Knows documents as arrays; trains nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hiercls.study.pooling_documents import TaskData


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """How a network is built and trained.

    Args:
        n_epochs: Times that it sees its documents.
        every: It is tested after every so many of them.
        width: Units of each of the two hidden layers, sigmoids.
        dropout: Share of hidden units that is left out at each step; to the nearest 256th.
        batch: Documents of each task in a step.
        learning_rate: Step size of Adam.
        epsilon: Adam's summand in the denominator, as Keras has it.
    """

    n_epochs: int
    every: int = 5
    width: int = 100
    dropout: float = 0.5
    batch: int = 32
    learning_rate: float = 1e-3
    epsilon: float = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Network:
    """One network to be trained.

    Args:
        tasks: Its tasks' documents; all tasks have equally many training documents.
        seed: What its chance depends on.
    """

    tasks: tuple[TaskData, ...]
    seed: tuple[int, ...]

    @property
    def n_columns(self) -> int:
        """All words."""
        return int(self.tasks[0].training.shape[1])

    @property
    def used(self) -> np.ndarray:
        """The columns of words that a training document has, sorted."""
        return np.unique(np.concatenate([task.training.indices for task in self.tasks]))
