"""The pooling study's networks as one would first write them: one at a time, dense, on all columns.

Knows what ``study/pooling_networks`` knows; stands here to be compared with it, in result and in time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.metrics import f1_score
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from hiercls.study.pooling_networks import Chance, Trained
from hiercls.study.pooling_setup import Network, NetworkConfig


class _Layers(nn.Module):
    """Two shared hidden layers of sigmoids and an output a task."""

    def __init__(self, weights: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
        super().__init__()
        first, second, output = (torch.from_numpy(part) for part in weights)
        self.first, self.second = nn.Linear(*first.shape), nn.Linear(*second.shape)
        outputs = [nn.Linear(output.shape[1], 1) for _ in output]
        self.outputs = nn.ModuleList(outputs)
        with torch.no_grad():
            for layer, weight in ((self.first, first.T), (self.second, second.T)):
                layer.weight.copy_(weight)
            for place, last in enumerate(outputs):
                last.weight.copy_(output[place : place + 1])
            for name, parameter in self.named_parameters():
                if name.endswith("bias"):
                    parameter.zero_()

    def forward(self, documents: Tensor, kept: Tensor, task: int) -> Tensor:
        """Logits of one task's documents, shape (batch,)."""
        lower = torch.sigmoid(self.first(documents)) * kept[0]
        logits: Tensor = self.outputs[task](torch.sigmoid(self.second(lower)) * kept[1])
        return logits.squeeze(-1)


def train_naively(network: Network, config: NetworkConfig, *, fused: bool = False) -> Trained:
    """Train one network.

    Args:
        network: The network.
        config: How it is trained.
        fused: Whether torch's fused Adam is taken, which is not what torch takes by itself.

    Returns:
        How it did.
    """
    chance = Chance(network, config)
    layers = _Layers(chance.weights(network.n_columns))
    adam = torch.optim.Adam(layers.parameters(), lr=config.learning_rate, eps=config.epsilon, fused=fused)
    training = [torch.from_numpy(task.training.toarray()) for task in network.tasks]
    labels = [torch.from_numpy(task.labels).float() for task in network.tasks]
    shared = [*layers.first.parameters(), *layers.second.parameters()]
    losses, scores, affinities = [], [], []
    for epoch in range(1, config.n_epochs + 1):
        order, kept = chance.epoch()
        scale = torch.from_numpy(kept).float() / (1 - config.dropout)
        total = np.zeros(len(training))
        for start in range(0, len(order), config.batch):
            places = order[start : start + config.batch]
            piece = slice(start, start + config.batch)
            logits = [layers(documents[places], scale[:, task, piece], task) for task, documents in enumerate(training)]
            each = [
                binary_cross_entropy_with_logits(logit, label[places])
                for logit, label in zip(logits, labels, strict=True)
            ]
            if start == 0 and epoch % config.every == 0:
                steps = [torch.autograd.grad(loss, shared, retain_graph=True) for loss in each]
                along = torch.stack([torch.cat([part.flatten() for part in step]) for step in steps])
                affinities.append((along @ along.T / torch.stack(each)[:, None]).detach().numpy())
            adam.zero_grad()
            torch.stack(each).sum().backward()  # type: ignore[no-untyped-call]
            adam.step()
            total += np.array([loss.item() for loss in each]) * len(places)
        losses.append(total / len(order))
        if epoch % config.every == 0:
            scores.append(_f1(layers, network))
    return Trained(losses=np.stack(losses, axis=-1), f1=np.stack(scores, axis=-1), affinity=np.mean(affinities, axis=0))


def _f1(layers: _Layers, network: Network) -> Sequence[float]:
    """F1 of class 1 of each task on its test documents."""
    found = []
    for place, task in enumerate(network.tasks):
        with torch.no_grad():
            logits = layers(torch.from_numpy(task.test.toarray()), torch.ones(2, 1, 1), place)
        found.append(float(f1_score(task.truth, logits.numpy() > 0, zero_division=0.0)))
    return found
