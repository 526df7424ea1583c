"""Texts to log-probabilities of the topics, and from there to any view.

Knows a trained head, an encoding engine and the map; knows no label and no training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from hiercls.aggregation import Entries, aggregate, condition
from hiercls.calibration import Calibration
from hiercls.encoding.engine import EncodingEngine
from hiercls.errors import ConfigError
from hiercls.model.head import Head
from hiercls.model.lexical import LexicalBranch
from hiercls.taxonomy import View

HEAD_BATCH = 4096
"""Documents that go through the heads at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicMix:
    """The mix of topics that the model was trained under, and those of customers whose own is known.

    Args:
        pooled: π, shape (n_topics,), positive, sums to 1.
        customers: π_c by customer, each of shape (n_topics,), positive, sums to 1.
        adjustment: τ of the logit adjustment in training; None: it was down the path, so that p(t|x) is for no one mix.
    """

    pooled: np.ndarray
    customers: Mapping[str, np.ndarray] = field(default_factory=dict)
    adjustment: float | None = 0.0

    @property
    def answered(self) -> np.ndarray:
        """The mix that p(t|x) is for, ∝ π^(1−τ): the pooled one, or a more even one; shape (n_topics,)."""
        if self.adjustment is None:
            raise ConfigError(
                "logits that are adjusted down the path answer for no one mix of topics, from which a customer's prior "
                "could lead; give no priors, or train with composition='topic'"
            )
        tempered = self.pooled ** (1.0 - self.adjustment)
        mix: np.ndarray = tempered / tempered.sum()
        return mix

    def shift(self, view: str) -> Tensor | None:
        """Log π_c minus the log of the mix answered for, shape (n_topics,); None where a view's mix is not known."""
        if view not in self.customers:
            return None
        return torch.from_numpy((np.log(self.customers[view]) - np.log(self.answered)).astype(np.float32))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """Scores texts with a trained head.

    ``p(k|x,c) = Σ_t A_c[t,k] · p_c(t|x)``

    Args:
        mix: The pooled mix of topics and the customers' own.
        head: The trained head, in evaluation mode, on the CPU; None where there is no encoder.
        engine: Encodes texts as the head was trained on them; None where there is no encoder.
        lexical: What words say beside the encoder, or instead of it; None: nothing.
        calibration: What makes the probabilities believable; None: they are as head and words give them.
    """

    mix: TopicMix
    head: Head | None = None
    engine: EncodingEngine | None = None
    lexical: LexicalBranch | None = None
    calibration: Calibration | None = None

    def topics(self, texts: Sequence[str], *, progress: bool = False) -> Tensor:
        """Log p(t|x) under the pooled mix.

        Args:
            texts: The texts.
            progress: Whether to show a bar on standard error.

        Returns:
            Shape (n_texts, n_topics), float32.
        """
        encodings = None if self.engine is None else self.engine.encode(texts, progress=progress)
        if encodings is None and self.lexical is None:
            raise ConfigError("expected an encoding engine with its head, or a lexical branch, got neither")
        mix = torch.from_numpy(np.log(self.mix.pooled).astype(np.float32)).expand(len(texts), -1)
        topics = mix if encodings is None else self._heads(encodings)
        return self._calibrated(topics if self.lexical is None else self.lexical.topics(texts, topics, encodings))

    def topics_of_encodings(self, encodings: np.ndarray) -> Tensor:
        """Log p(t|x) of texts that are encoded already, by the head alone.

        Args:
            encodings: Shape (n_texts, width).

        Returns:
            Shape (n_texts, n_topics), float32.
        """
        return self._calibrated(self._heads(encodings))

    def _calibrated(self, topics: Tensor) -> Tensor:
        """Log p(t|x) made believable, where that was learnt."""
        return topics if self.calibration is None else self.calibration.pooled.apply(topics)

    def _heads(self, encodings: np.ndarray) -> Tensor:
        """Log p(t|x) as the head gives it, shape (n_texts, n_topics)."""
        head = self.head
        if head is None:
            raise ConfigError("this model has no encoder; ask for the topics of texts")
        with torch.inference_mode():
            parts = torch.split(torch.from_numpy(encodings), HEAD_BATCH)
            return torch.cat([head(part).topics for part in parts])

    def conditioned(self, topics: Tensor, view: View) -> Tensor:
        """Log p_c(t|x): a view's own calibration, mix of topics and scope, where it has them.

        Args:
            topics: log p(t|x), shape (n_texts, n_topics).
            view: A level or a customer.

        Returns:
            Shape (n_texts, n_topics).
        """
        if self.calibration is not None:
            topics = self.calibration.of_view(topics, view.name)
        shift = self.mix.shift(view.name)
        scope = torch.from_numpy(view.scope.copy()) if view.is_partial else None
        if shift is None and scope is None:
            return topics
        return condition(topics, prior_shift=shift, scope=scope)

    def classes(self, topics: Tensor, view: View) -> Tensor:
        """Log p(k|x) of a view's classes.

        Args:
            topics: log p(t|x), shape (n_texts, n_topics).
            view: A level or a customer.

        Returns:
            Shape (n_texts, n_classes).
        """
        return aggregate(self.conditioned(topics, view), Entries.of_view(view))

    def nodes(self, topics: Tensor, view: View) -> Tensor:
        """Log P(topic below the class) of a view's classes, which may overlap.

        Args:
            topics: log p(t|x), shape (n_texts, n_topics).
            view: A level or a customer.

        Returns:
            Shape (n_texts, n_classes).
        """
        return aggregate(self.conditioned(topics, view), Entries.of_matrix(view.membership.T))

    def scope(self, topics: Tensor, view: View) -> Tensor:
        """Log of the probability mass on the topics that a view names, shape (n_texts,)."""
        return topics[:, torch.from_numpy(view.scope.copy())].logsumexp(dim=-1)
