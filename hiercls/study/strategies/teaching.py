"""How a network is taught by the documents of several customers, the last of whom has few: what is in a step's loss.

Knows the network and its examples; knows no strategy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch

from hiercls.study.strategies.examples import Examples
from hiercls.study.strategies.network import NetworkConfig, Trunk

ENOUGH, MULTIPLIER_STEP, OWN_BATCH = 0.25, 0.1, 64
"""The own loss that is small enough, as a part of what guessing costs; the multiplier's step size; own documents in a
step."""

Teach = Callable[[Trunk, Examples, NetworkConfig], Callable[[], None]]
"""Makes what leaves the gradients of one more batch."""


def _random(config: NetworkConfig) -> torch.Generator:
    return torch.Generator().manual_seed(config.seed)


def heads(network: Trunk, examples: Examples, config: NetworkConfig) -> Callable[[], None]:
    """A batch and a loss for each customer, however few documents it has."""
    random, size = _random(config), config.batch // len(examples.places)
    streams = [examples.batches(places, size=size, random=random) for places in examples.places]

    def backward() -> None:
        losses = [examples.loss(network, next(stream)) for stream in streams]
        torch.stack(losses).mean().backward()  # type: ignore[no-untyped-call]

    return backward


def mask(network: Trunk, examples: Examples, config: NetworkConfig) -> Callable[[], None]:
    """Everybody's documents mixed, each as much as any other."""
    stream = examples.batches(torch.cat(examples.places), size=config.batch, random=_random(config))

    def backward() -> None:
        examples.loss(network, next(stream)).backward()  # type: ignore[no-untyped-call]

    return backward


def lagrangian(network: Trunk, examples: Examples, config: NetworkConfig) -> Callable[[], None]:
    """``min_w max_λ≥0  loss of the others + λ (own loss − ε)``; λ climbs while the own loss is above ε."""
    random, multiplier = _random(config), [1.0]
    others = examples.batches(torch.cat(examples.places[:-1]), size=config.batch, random=random)
    own = examples.batches(examples.places[-1], size=OWN_BATCH, random=random)
    enough = ENOUGH * float(np.log(max(_n_own(network), 2)))

    def backward() -> None:
        ours = examples.loss(network, next(own))
        (examples.loss(network, next(others)) + multiplier[0] * ours).backward()  # type: ignore[no-untyped-call]
        multiplier[0] = max(0.0, multiplier[0] + MULTIPLIER_STEP * (float(ours.detach()) - enough))

    return backward


def projection(network: Trunk, examples: Examples, config: NetworkConfig) -> Callable[[], None]:
    """The own classes learn from own documents; the rest from the others, never against the own gradient."""
    random, parameters = _random(config), [*network.parameters()]
    others = examples.batches(torch.cat(examples.places[:-1]), size=config.batch, random=random)
    own = examples.batches(examples.places[-1], size=OWN_BATCH, random=random)
    columns = network.columns[-1]

    def backward() -> None:
        theirs = torch.autograd.grad(examples.loss(network, next(others)), parameters)
        ours = torch.autograd.grad(examples.loss(network, next(own)), parameters)
        shared = list(zip(parameters[:2], theirs[:2], ours[:2], strict=True))
        product = sum(float((left * right).sum()) for _, left, right in shared)
        length = sum(float((right**2).sum()) for _, _, right in shared)
        against = min(product, 0.0) / max(length, 1e-12)
        for parameter, left, right in shared:
            parameter.grad = left - against * right
        for parameter, left, right in zip(parameters[2:], theirs[2:], ours[2:], strict=True):
            parameter.grad = left.clone()
            parameter.grad[columns] = right[columns]

    return backward


def _n_own(network: Trunk) -> int:
    """The classes of the last customer."""
    return int(network.columns[-1].stop - network.columns[-1].start)


TEACHINGS: Mapping[str, Teach] = {"heads": heads, "mask": mask, "lagrangian": lagrangian, "projection": projection}
"""A loss each, summed; one loss over the mixed documents; the others' loss as long as the own one is small enough, by a
multiplier; the others' gradient without what would raise the own loss."""
