"""Strategies that learn from the other customers first, and from the customer's own documents after.

Knows the network; knows no text.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import nn

from hiercls.study.baselines import Documents
from hiercls.study.strategies.examples import Examples, descend
from hiercls.study.strategies.network import NetworkConfig, Trunk
from hiercls.study.strategies.regularised import fitted_head
from hiercls.study.strategies.setting import Answer, Filed, Pool, chosen
from hiercls.study.strategies.teaching import heads

N_STEPS, BATCH = 200, 32
"""Steps of tuning, and own documents in each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """Pre-trained on the others, then all of it tuned on the own documents.

    Args:
        anchors: Strengths of an L2 towards the weights as they were before tuning, of which one is chosen; 0: none.
        learning_rates: Step sizes of the tuning, of which one is chosen.
        config: The network.

    Source:
        L2 towards the start: Li et al., "Explicit inductive bias for transfer learning", ICML 2018.
    """

    anchors: tuple[float, ...] = (0.0,)
    learning_rates: tuple[float, ...] = (3e-4, 1e-3)
    config: NetworkConfig = field(default_factory=NetworkConfig)

    def fit(self, pool: Pool, own: Filed, unlabelled: Documents) -> Answer:
        """Learn from the pool, then from the own documents; see ``Strategy``."""
        start = pretrained(pool, self.config)
        settings = [(anchor, rate) for rate in self.learning_rates for anchor in sorted(self.anchors, reverse=True)]
        candidates = [functools.partial(self._tune, start, anchor=anchor, rate=rate) for anchor, rate in settings]
        return chosen(candidates, own, seed=self.config.seed)(own)

    def _tune(self, start: Trunk, own: Filed, *, anchor: float, rate: float) -> Answer:
        """Steps on the own documents, by a new table of classes."""
        network = Trunk([own.n_classes], width=start.hidden.in_features, config=self.config)
        network.hidden.load_state_dict(start.hidden.state_dict())
        examples, before = Examples.of([own]), [one.detach().clone() for one in start.hidden.parameters()]
        random = torch.Generator().manual_seed(self.config.seed)
        stream = examples.batches(examples.places[0], size=BATCH, random=random)

        def backward() -> None:
            away = [((now - then) ** 2).sum() for now, then in zip(network.hidden.parameters(), before, strict=True)]
            loss = examples.loss(network, next(stream)) + anchor * torch.stack(away).sum()
            loss.backward()  # type: ignore[no-untyped-call]

        config = dataclasses.replace(self.config, learning_rate=rate)
        descend(network, config, backward, n_steps=N_STEPS, parameters=[*network.parameters()])
        return network.answer(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenTrunk:
    """Pre-trained on the others and frozen; a head alone is learnt from the own documents, its L2 chosen.

    Args:
        config: The network.
    """

    config: NetworkConfig = field(default_factory=NetworkConfig)

    def fit(self, pool: Pool, own: Filed, unlabelled: Documents) -> Answer:
        """Learn from the pool, then a head from the own documents; see ``Strategy``."""
        read = _reader(pretrained(pool, self.config))
        answer = fitted_head(Filed(documents=read(own.documents), classes=own.classes, n_classes=own.n_classes))
        return lambda documents: answer(read(documents))


@functools.lru_cache(maxsize=1)
def pretrained(pool: Pool, config: NetworkConfig) -> Trunk:
    """A network on the pool alone, a head and a loss for each customer; kept for the next call."""
    filed = list(pool.customers.values())
    examples = Examples.of(filed)
    network = Trunk([one.n_classes for one in filed], width=examples.encodings.shape[1], config=config)
    n_steps = config.epochs * -(-len(examples.targets) // config.batch)
    teach = heads(network, examples, config)
    descend(network, config, teach, n_steps=n_steps, parameters=[*network.parameters()])
    return network


def _reader(trunk: Trunk) -> Callable[[Documents], Documents]:
    """Puts hidden units in the place of encodings."""

    def read(documents: Documents) -> Documents:
        with torch.inference_mode():
            hidden = nn.functional.gelu(trunk.hidden(torch.from_numpy(documents.encodings))).numpy()
        return Documents(texts=documents.texts, encodings=hidden)

    return read
