"""Strategies that learn from everybody's documents at once, each in its own classes; no one says what these share.

Knows the network; knows no text.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hiercls.errors import ConfigError
from hiercls.study.baselines import Documents
from hiercls.study.strategies.examples import Examples, descend
from hiercls.study.strategies.network import NetworkConfig, Trunk
from hiercls.study.strategies.setting import Answer, Filed, Pool
from hiercls.study.strategies.teaching import TEACHINGS


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """One network on all customers' documents, the customer's few among them.

    Args:
        teaching: How it is taught: a name of ``TEACHINGS``.
        marked: Whether it is told whose document it reads.
        config: The network.

    Raises:
        ConfigError: If there is no such teaching.

    Source:
        Gradient projection: Chaudhry et al., "A-GEM", ICLR 2019; the multiplier: Platt and Barr, NIPS 1987.
    """

    teaching: str = "heads"
    marked: bool = False
    config: NetworkConfig = field(default_factory=NetworkConfig)

    def __post_init__(self) -> None:
        if self.teaching not in TEACHINGS:
            raise ConfigError(f"expected the teaching to be one of {', '.join(TEACHINGS)}, got {self.teaching!r}")

    def fit(self, pool: Pool, own: Filed, unlabelled: Documents) -> Answer:
        """Learn from the pool and the own documents; see ``Strategy``."""
        filed = [*pool.customers.values(), own]
        examples, config = Examples.of(filed), self.config
        sizes = [one.n_classes for one in filed]
        width = own.documents.encodings.shape[1]
        network = Trunk(sizes, width=width, config=config, marked=self.marked)
        teach = TEACHINGS[self.teaching]
        n_steps = config.epochs * -(-len(examples.targets) // config.batch)
        descend(network, config, teach(network, examples, config), n_steps=n_steps, parameters=[*network.parameters()])
        return network.answer(len(filed) - 1)
