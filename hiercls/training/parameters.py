"""Which parameters learn how: step sizes by layer, L2 and L1 where they belong, a running average of the weights.

Knows networks and numbers; knows no document and no loss.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from hiercls.errors import ConfigError
from hiercls.model.encoder import TextEncoder
from hiercls.model.layers import depths
from hiercls.model.network import HierarchicalNetwork
from hiercls.training.config import TrainingConfig
from hiercls.training.distributed import share_like, whole


def parameter_groups(network: HierarchicalNetwork, config: TrainingConfig) -> list[dict[str, object]]:
    """AdamW's groups: step sizes of heads and layers, and no decay on biases and normalisations.

    A layer that stands d below the last has ``encoder_learning_rate · layer_decay^d``; the embeddings stand below all.
    A pooling that is learnt begins from nothing, as the heads do, and has their step size.

    Args:
        network: The network.
        config: Step sizes and weight decay.

    Returns:
        Groups that together hold every trainable parameter once.
    """
    if config.weight_decay is None:
        raise ConfigError("expected a weight_decay, got None: choose it on held-out labels first")
    members: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter, rate, decay in _settings(network, config, decay=config.weight_decay):
        if parameter.requires_grad:
            members.setdefault((rate, decay if parameter.ndim > 1 else 0.0), []).append(parameter)
    return [{"params": some, "lr": rate, "weight_decay": decay} for (rate, decay), some in members.items()]


def _settings(
    network: HierarchicalNetwork, config: TrainingConfig, *, decay: float
) -> Iterator[tuple[nn.Parameter, float, float]]:
    """Each parameter with its step size and L2."""
    heads = config.learning_rate or 0.0  # a number, once resolved
    for parameter in network.head.parameters():
        yield parameter, heads, decay
    body = network.body
    if isinstance(body, TextEncoder):
        depth = depths(body.transformer)
        for parameter in body.transformer.parameters():
            rate = config.encoder_learning_rate * config.layer_decay ** depth[id(parameter)]
            yield parameter, rate, config.encoder_weight_decay
        for parameter in body.pooling.parameters():
            yield parameter, heads, decay


def head_l1(network: HierarchicalNetwork) -> Tensor:
    """``Σ |w|`` over the weight matrices of the heads."""
    matrices = [parameter for parameter in network.head.parameters() if parameter.ndim > 1]
    return torch.stack([matrix.abs().sum() for matrix in matrices]).sum()


def set_dropout(body: nn.Module, probability: float) -> None:
    """Give all dropouts of an encoder one probability.

    Args:
        body: The encoder, changed in place.
        probability: That of dropping an entry.
    """
    for part in body.modules():
        if isinstance(part, nn.Dropout):
            part.p = probability
        for name in ("dropout_prob", "dropout", "attention_dropout"):  # numbers that layers of some encoders read
            if isinstance(getattr(part, name, None), float):
                setattr(part, name, probability)


class WeightAverage:
    """A running average of the weights over the steps, recent ones first.

    ``average ← average + (1 − decay) · (weights − average)``, with a smaller decay for the first steps, as there is
    little to average over yet: ``min(1 − 1/horizon, (1 + step) / (10 + step))``.

    Args:
        network: The network whose trainable weights are averaged.
        horizon: Steps that the average reaches back, ≥ 1.

    Source:
        Polyak and Juditsky, 1992; the ramp as in TensorFlow's ``ExponentialMovingAverage``.
    """

    def __init__(self, network: nn.Module, *, horizon: float) -> None:
        self.horizon = max(1.0, horizon)
        self.n_steps = 0
        self._weights: list[Tensor] = [weight for weight in network.parameters() if weight.requires_grad]
        self._average = [weight.detach().clone() for weight in self._weights]

    @torch.no_grad()
    def add(self) -> None:
        """Count the weights as they are after one more step."""
        self.n_steps += 1
        decay = min(1.0 - 1.0 / self.horizon, (1 + self.n_steps) / (10 + self.n_steps))
        torch._foreach_lerp_(self._average, self._weights, 1.0 - decay)

    def state(self) -> dict[str, Tensor]:
        """The average, whole, by the number of the weight."""
        return {str(number): whole(average).cpu() for number, average in enumerate(self._average)}

    @torch.no_grad()
    def restore(self, n_steps: int, state: Mapping[str, Tensor]) -> None:
        """Go on from an average over so many steps, as :meth:`state` gave it."""
        self.n_steps = n_steps
        for number, average in enumerate(self._average):
            average.copy_(share_like(state[str(number)], average))

    @torch.no_grad()
    def swap(self) -> None:
        """Put the average in the weights' place, and the weights in the average's: twice is as before."""
        for weight, average in zip(self._weights, self._average, strict=True):
            kept = weight.clone()
            weight.copy_(average)
            average.copy_(kept)
