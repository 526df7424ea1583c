"""What every head is: encodings in, log-probabilities of the topics out; and how it is asked for.

Knows no particular head, no loss and no file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from hiercls.model.cascade import CascadeOutput, Forcing
from hiercls.model.task import ONE_TOPIC, Task
from hiercls.taxonomy import Taxonomy

Composition = Literal["topic", "path", "flat"]
"""How p(topic) comes about, and with ``topic`` that each level's loss is read from its own logits."""


class HeadSettings(Protocol):
    """Settings that build a head."""

    @property
    def composition(self) -> Composition:
        """How p(topic) comes about."""

    @property
    def mix_adjustment(self) -> float | None:
        """τ: p(t|x) is for the mix ∝ π^(1−τ) of topics, where labels come as π has them; None: for no one mix."""

    @property
    def can_be_forced(self) -> bool:
        """Whether teacher forcing has anything to replace."""

    def build(self, width: int, taxonomy: Taxonomy, *, mix: np.ndarray | None = None, task: Task = ONE_TOPIC) -> Head:
        """A head with new weights.

        Args:
            width: Width of the encodings.
            taxonomy: The map.
            mix: The pooled mix of topics, shape (n_topics,); None: it is not known, or trained weights will follow.
            task: How logits become probabilities; one topic a document by default.

        Returns:
            The head.
        """


class Head(nn.Module, ABC):
    """Turns encodings into log-probabilities of every level."""

    config: HeadSettings

    @abstractmethod
    def forward(self, encodings: Tensor, *, forcing: Forcing | None = None) -> CascadeOutput:
        """Run the head.

        Args:
            encodings: Pooled encodings h, shape (batch, width).
            forcing: Teacher forcing for this batch; None in evaluation.

        Returns:
            Logits and log-probabilities of every level.
        """

    def penalty(self) -> Tensor:
        """What the loss adds for the weights themselves, beside AdamW's decay; shape ()."""
        return torch.zeros(())
