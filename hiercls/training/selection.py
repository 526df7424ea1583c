"""Which settings to train with: tried on held-out coarse labels, then trained again on everything.

Knows labelled documents and training runs. Fine labels are never looked at unless they are the labels given.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hiercls.losses import set_loss
from hiercls.model.batch import LabelledDocuments
from hiercls.model.network import HierarchicalNetwork
from hiercls.training.config import TrainingConfig
from hiercls.training.loop import TrainingRun, train

WEIGHT_DECAYS = (0.3, 1.0, 3.0)
"""The L2 strengths that are tried where none is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One setting, tried on held-out labels.

    Args:
        config: The setting.
        run: How its training went.
    """

    config: TrainingConfig
    run: TrainingRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Trainer:
    """What all runs of one fit share.

    Args:
        build: Makes a network with its initial weights, the same every time.
        level_weights: Weight of each level's loss, shape (n_levels,).
        device: Where the steps run.
        seed: Seed of the runs.
        progress: Whether to show bars on standard error.
    """

    build: Callable[[], HierarchicalNetwork]
    level_weights: Tensor
    device: torch.device
    seed: int
    progress: bool = False

    def try_on(
        self, training: LabelledDocuments, heldout: LabelledDocuments, config: TrainingConfig
    ) -> tuple[HierarchicalNetwork, Trial]:
        """Train on some documents, stop early on others.

        Args:
            training: The documents to learn from.
            heldout: The documents that say when to stop; empty: nothing does.
            config: The setting.

        Returns:
            The network with its best weights, and how it went.
        """

        def validate(network: HierarchicalNetwork) -> float:
            return heldout_loss(network, heldout, device=self.device)

        network = self.build()
        run = train(
            network,
            training,
            config=config,
            level_weights=self.level_weights,
            device=self.device,
            seed=self.seed,
            validate=validate if len(heldout) else None,
            progress=self.progress,
        )
        return network, Trial(config=config, run=run)


def select_and_train(
    trainer: Trainer,
    documents: LabelledDocuments,
    *,
    candidates: Sequence[TrainingConfig],
    split: tuple[np.ndarray, np.ndarray],
    refit: bool,
) -> tuple[HierarchicalNetwork, tuple[Trial, ...]]:
    """Try every setting on held-out labels, take the best, and train it on all documents where asked.

    Args:
        trainer: Network, device and seed.
        documents: All labelled documents.
        candidates: The settings to try.
        split: Positions to train on and to hold out.
        refit: Whether to train the best setting again on all documents, for as many epochs as were best.

    Returns:
        The trained network, and the trials, the best first.
    """
    training, heldout = documents.take(split[0]), documents.take(split[1])
    best_network: HierarchicalNetwork | None = None
    trials: list[Trial] = []
    for config in candidates:
        network, trial = trainer.try_on(training, heldout, config)
        trials.append(trial)
        trials.sort(key=lambda one: one.run.best_heldout if len(heldout) else math.inf)
        if best_network is None or trials[0] is trial:
            best_network = network
        if trial.run.interrupted:
            break
    if best_network is None:
        raise ValueError("expected at least one candidate setting")
    if refit and len(heldout) and not any(trial.run.interrupted for trial in trials):
        best = trials[0].config.resolved(len(training), frozen=True)
        config = dataclasses.replace(best, epochs=max(1, trials[0].run.best_epoch))
        best_network, _ = trainer.try_on(documents, documents.take(np.arange(0)), config)
    return best_network, tuple(trials)


def heldout_loss(
    network: HierarchicalNetwork, documents: LabelledDocuments, *, device: torch.device, batch_size: int = 128
) -> float:
    """Mean negative log-likelihood of held-out labels, as their customers wrote them.

    ``Σ_i w_i · −log p(y_i|x_i) / Σ_i w_i``

    Args:
        network: The network, in evaluation mode.
        documents: The held-out documents.
        device: Where the network is.
        batch_size: Documents at a time.

    Returns:
        The mean, in nats.
    """
    total, weight = 0.0, 0.0
    with torch.inference_mode():
        for start in range(0, len(documents), batch_size):
            batch = documents.batch(np.arange(start, min(start + batch_size, len(documents)))).to(device)
            losses = set_loss(network(batch.inputs).topics, batch.targets[-1])
            total += float((losses * batch.weights).sum())
            weight += float(batch.weights.sum())
    return total / weight
