"""Texts to log-probabilities of the topics, and from there to any view.

Knows a trained head, an encoding engine and the map; knows no label and no training.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from scipy.sparse import csr_array
from scipy.special import logsumexp
from torch import Tensor

from hiercls.aggregation import aggregate_many, is_lost
from hiercls.calibration import Calibration
from hiercls.encoding.engine import EncodingEngine
from hiercls.errors import ConfigError
from hiercls.extension import Extension, extended
from hiercls.model.head import Head
from hiercls.model.lexical import LexicalBranch
from hiercls.model.novelty import Novelty
from hiercls.model.task import ONE_TOPIC, OneTopic, Task
from hiercls.taxonomy import View

HEAD_BATCH = 4096
"""Documents that go through the heads at a time."""

WINDOW, NUMBERS = 4096, 1 << 24
"""Texts that are sorted by length and scored together: so many, and fewer where texts × topics were more numbers."""


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
        if self.adjustment == 0:
            return self.pooled
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

    ``p(k|x,c) = Σ_t A_c[t,k] · p_c(t|x)``, or as its task has it.

    Args:
        mix: The pooled mix of topics and the customers' own.
        head: The trained head, in evaluation mode, on the CPU; None where there is no encoder.
        engine: Encodes texts as the head was trained on them; None where there is no encoder.
        lexical: What words say beside the encoder, or instead of it; None: nothing.
        calibration: What makes the probabilities believable; None: they are as head and words give them.
        novelty: What tells documents of no known topic from others.
        task: How classes follow from topics, and which are predicted.
        filings: How customers who were adapted to file their topics, by name, each of shape (n_topics, n_classes).
        extensions: From the topics that were trained to those that are answered.
    """

    mix: TopicMix
    head: Head | None = None
    engine: EncodingEngine | None = None
    lexical: LexicalBranch | None = None
    calibration: Calibration | None = None
    novelty: Novelty = field(default_factory=Novelty)
    task: Task = ONE_TOPIC
    filings: Mapping[str, np.ndarray] = field(default_factory=dict)
    extensions: tuple[Extension, ...] = ()

    @property
    def window(self) -> int:
        """Texts to be scored together where there are any number of them, so that memory is bounded."""
        return min(WINDOW, max(16, NUMBERS // len(self.mix.pooled)))

    def filed(self, view: View) -> View:
        """A view, its topics filed as was found where it was adapted to."""
        return dataclasses.replace(view, filing=self.filings[view.name]) if view.name in self.filings else view

    def topics(self, texts: Sequence[str], *, progress: bool = False) -> Tensor:
        """Log p(t|x) under the pooled mix.

        Args:
            texts: The texts.
            progress: Whether to show a bar on standard error.

        Returns:
            Shape (n_texts, n_topics), float32.
        """
        return self.calibrated(self._uncalibrated(texts, self._encodings(texts, progress=progress)))

    def stream(
        self, windows: Iterable[Sequence[str]], *, advance: Callable[[int], object] = lambda n_texts: None
    ) -> Iterator[Tensor]:
        """Log p(t|x) of any number of texts in bounded memory, window by window and in order.

        Args:
            windows: The texts in parts, such as ``window`` at a time; one is taken ahead of what is yielded.
            advance: Told of texts, by their number, as they are encoded.

        Yields:
            Shape (n_texts in the window, n_topics), float32.
        """
        for texts, encodings in self._encoded(windows, advance):
            yield self.calibrated(self._uncalibrated(texts, encodings))

    def stream_with_novelty(
        self, windows: Iterable[Sequence[str]], *, advance: Callable[[int], object] = lambda n_texts: None
    ) -> Iterator[tuple[Tensor, np.ndarray]]:
        """The same as :meth:`topics_and_novelty` of any number of texts, window by window and in order.

        Args:
            windows: The texts in parts; one is taken ahead of what is yielded.
            advance: Told of texts, by their number, as they are encoded.

        Yields:
            Shapes (n_texts in the window, n_topics) and (n_texts in the window,).
        """
        for texts, encodings in self._encoded(windows, advance):
            topics = self._uncalibrated(texts, encodings)
            yield self.calibrated(topics), self._novelty(texts, encodings, topics)

    def _encoded(
        self, windows: Iterable[Sequence[str]], advance: Callable[[int], object]
    ) -> Iterator[tuple[Sequence[str], np.ndarray | None]]:
        """Each window with its encodings; None where there is no encoder."""
        if self.engine is None:
            for window in windows:
                yield window, None
                advance(len(window))
            return
        held: deque[Sequence[str]] = deque()

        def taken() -> Iterator[Sequence[str]]:
            for window in windows:
                held.append(window)
                yield window

        for encodings in self.engine.stream(taken(), advance=advance):
            yield held.popleft(), encodings

    @property
    def knows_novelty(self) -> bool:
        """Whether novelty can be scored: not by a model with an encoder that was saved before that was learnt."""
        return self._judges_topics or self.novelty.density is not None

    @property
    def _judges_topics(self) -> bool:
        """Whether a document is new where no topic is likely.

        So it is where sigmoids may all be low, as those of a softmax may not. A Gaussian around each topic would call
        whatever has two topics new, since it lies between them.
        """
        return self.engine is None or not isinstance(self.task, OneTopic)

    def topics_and_novelty(self, texts: Sequence[str], *, progress: bool = False) -> tuple[Tensor, np.ndarray]:
        """Log p(t|x) under the pooled mix, and how unlike all known topics each text is; each is encoded once.

        ``s = −log Σ_t exp( log N(h; μ_t, Σ_within) − log N(h; μ, Σ_all) + Σ_w x_w v_wt )``: encoding and words have to
        fit one and the same topic. Without an encoder, and where a document may have several topics,
        ``s = −max_t log p(t|x)``, before calibration.

        Args:
            texts: The texts.
            progress: Whether to show a bar on standard error.

        Returns:
            Log p(t|x), shape (n_texts, n_topics), float32; and s, shape (n_texts,), float64, higher for what is newer.

        Raises:
            ConfigError: If the model was saved before novelty was learnt.
        """
        encodings = self._encodings(texts, progress=progress)
        topics = self._uncalibrated(texts, encodings)
        return self.calibrated(topics), self._novelty(texts, encodings, topics)

    def _encodings(self, texts: Sequence[str], *, progress: bool) -> np.ndarray | None:
        """Encodings of texts, shape (n_texts, width); None where there is no encoder."""
        return None if self.engine is None else self.engine.encode(texts, progress=progress)

    def _uncalibrated(self, texts: Sequence[str], encodings: np.ndarray | None) -> Tensor:
        """Log p(t|x) as head and words give it, shape (n_texts, n_topics)."""
        if encodings is None and self.lexical is None:
            raise ConfigError("expected an encoding engine with its head, or a lexical branch, got neither")
        opinion = self.opinion(encodings, n_texts=len(texts))
        words = self.lexical
        trained = opinion if words is None else words.topics(texts, opinion, encodings, task=self.task)
        return extended(trained, encodings, self.novelty.density, self.extensions)

    def opinion(self, encodings: np.ndarray | None, *, n_texts: int) -> Tensor:
        """What is said of texts before words are, and before calibration.

        Args:
            encodings: Their encodings, shape (n_texts, width); None where there is no encoder.
            n_texts: How many there are.

        Returns:
            Log p(t|x) of the heads, or of the mix of topics where there is no encoder, shape (n_texts, n_topics).
        """
        if encodings is not None:
            return self._heads(encodings)
        pooled = self.extensions[0].mix_before if self.extensions else self.mix.pooled
        return torch.from_numpy(np.log(pooled).astype(np.float32)).expand(n_texts, -1)

    def _novelty(self, texts: Sequence[str], encodings: np.ndarray | None, topics: Tensor) -> np.ndarray:
        """s, shape (n_texts,)."""
        if encodings is None or self._judges_topics:
            return -topics.max(dim=-1).values.double().numpy()
        if self.novelty.density is None:
            raise ConfigError("this model has not learnt where its topics lie, as fit() now does; fit it again")
        density, evidence = self.novelty.density, np.zeros(())
        if self.lexical is not None:
            evidence = self.lexical.evidence(texts)
        for extension in self.extensions:
            density = extension.density(density) or density
            evidence = extension.carried(evidence) if evidence.ndim else evidence
        fit = density.log_ratios(encodings) + evidence
        novelty: np.ndarray = -logsumexp(fit, axis=1)
        return novelty

    def topics_of_encodings(self, encodings: np.ndarray) -> Tensor:
        """Log p(t|x) of texts that are encoded already, by the head alone.

        Args:
            encodings: Shape (n_texts, width).

        Returns:
            Shape (n_texts, n_topics), float32.
        """
        topics = extended(self._heads(encodings), encodings, self.novelty.density, self.extensions)
        return self.calibrated(topics)

    def calibrated(self, topics: Tensor) -> Tensor:
        """Log p(t|x) made believable, where that was learnt.

        Args:
            topics: log p(t|x) as head and words give it, shape (n_texts, n_topics).

        Returns:
            The same shape.
        """
        return topics if self.calibration is None else self.calibration.pooled.apply(topics, task=self.task)

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
            topics = self.calibration.of_view(topics, view.name, task=self.task)
        return self.task.conditioned(topics, view, shift=self.mix.shift(view.name))

    def classes(self, topics: Tensor, view: View) -> Tensor:
        """Log p(k|x) of a view's classes.

        Args:
            topics: log p(t|x), shape (n_texts, n_topics).
            view: A level or a customer.

        Returns:
            Shape (n_texts, n_classes).
        """
        return self.task.classes(self.conditioned(topics, view), self.filed(view))

    def classes_many(self, topics: Tensor, views: Sequence[View]) -> tuple[Tensor, ...]:
        """Log p(k|x) of many views' classes, by one sparse product.

        ``p(k|x,c) = n_k / Σ_j n_j``, ``n_k = Σ_t A_c[t,k] · π_c(t)/π(t) · p(t|x)``: a scope and a mix of topics only
        change the matrix. A view with a calibration of its own, and rows with sums too small, go by :meth:`classes`.

        Args:
            topics: log p(t|x), shape (n_texts, n_topics).
            views: Levels and customers.

        Returns:
            For each view shape (n_texts, n_classes).
        """
        if not isinstance(self.task, OneTopic):
            return tuple(self.classes(topics, view) for view in views)
        own = {} if self.calibration is None else self.calibration.customers
        shared = [view for view in views if view.name not in own]
        found: dict[str, Tensor] = {}
        if shared:
            sums = aggregate_many(topics, [self._shifted(view) for view in shared])
            parts = torch.split(sums, [len(view.classes) for view in shared], dim=-1)
            found = {view.name: self._normalised(part, topics, view) for view, part in zip(shared, parts, strict=True)}
        return tuple(found[view.name] if view.name in found else self.classes(topics, view) for view in views)

    def _shifted(self, view: View) -> csr_array:
        """A_c[t,k] · π_c(t)/π(t), shape (n_topics, n_classes)."""
        weights = self.filed(view).weights
        if view.name not in self.mix.customers:
            return weights
        return csr_array(weights.multiply((self.mix.customers[view.name] / self.mix.answered)[:, None]))

    def _normalised(self, sums: Tensor, topics: Tensor, view: View) -> Tensor:
        """The logs of a view's sums over their total, by the long way where a sum is too small for it."""
        lost = is_lost(sums).any(dim=-1)
        found = (sums / sums.sum(dim=-1, keepdim=True)).log_()
        if lost.any():
            found[lost] = self.classes(topics[lost], view)
        return found

    def nodes(self, topics: Tensor, view: View) -> Tensor:
        """Log P(topic below the class) of a view's classes, which may overlap.

        Args:
            topics: log p(t|x), shape (n_texts, n_topics).
            view: A level or a customer.

        Returns:
            Shape (n_texts, n_classes).
        """
        return self.task.nodes(self.conditioned(topics, view), view)

    def scope(self, topics: Tensor, view: View) -> Tensor:
        """Log of the probability that a topic is one that a view names, shape (n_texts,)."""
        return self.task.scope(topics, view)
