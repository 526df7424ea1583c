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

from hiercls.losses import topic_loss
from hiercls.model.batch import Batch, LabelledDocuments
from hiercls.model.network import HierarchicalNetwork
from hiercls.training.checkpoint_folder import CheckpointFolder
from hiercls.training.config import TrainingConfig
from hiercls.training.distributed import Processes
from hiercls.training.loop import TrainingRun, train

WEIGHT_DECAYS = (0.3, 1.0, 3.0)
"""The L2 strengths that are tried where none is given."""
HELDOUT_BATCH = 128
"""Held-out documents scored at a time."""


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
        checkpoints: Where the runs are kept while they go on; None: nowhere.
    """

    build: Callable[[], HierarchicalNetwork]
    level_weights: Tensor
    device: torch.device
    seed: int
    progress: bool = False
    checkpoints: CheckpointFolder | None = None

    def try_on(
        self, training: LabelledDocuments, heldout: LabelledDocuments, config: TrainingConfig, *, name: str
    ) -> tuple[HierarchicalNetwork, Trial]:
        """Train on some documents, stop early on others.

        Args:
            training: The documents to learn from.
            heldout: The documents that say when to stop; empty: nothing does.
            config: The setting.
            name: The run's name among the checkpoints; one that is over there is not repeated.

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
            checkpoints=None if self.checkpoints is None else self.checkpoints.of_run(name),
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
    observe: Callable[[HierarchicalNetwork], None] | None = None,
) -> tuple[HierarchicalNetwork, tuple[Trial, ...]]:
    """Try every setting on held-out labels, take the best, and train it on all documents where asked.

    The best is the strongest L2 whose held-out loss is within one standard error of the lowest: what is held out comes
    from the same time and hands as what is trained on, so it flatters weak regularisation.

    Args:
        trainer: Network, device and seed.
        documents: All labelled documents.
        candidates: The settings to try.
        split: Positions to train on and to hold out.
        refit: Whether to train the best setting again on all documents, for as many epochs as were best.
        observe: Is shown the best network before that, when it has not learnt from what is held out.

    Returns:
        The trained network, and the trials: the chosen one first, the others by held-out loss.
    """
    training, heldout = documents.take(split[0]), documents.take(split[1])
    tried: list[tuple[HierarchicalNetwork, Trial]] = []
    for number, config in enumerate(candidates, start=1):
        tried.append(trainer.try_on(training, heldout, config, name=f"trial-{number}"))
        if tried[-1][1].run.interrupted:
            break
    if not tried:
        raise ValueError("expected at least one candidate setting")
    if len(heldout):
        tried = _best_first(tried, heldout, device=trainer.device)
    network, best = tried[0]
    trials = tuple(trial for _, trial in tried)
    if observe is not None:
        observe(network)
    if refit and len(heldout) and not any(trial.run.interrupted for trial in trials):
        resolved = best.config.resolved(len(training), frozen=True)
        config = dataclasses.replace(resolved, epochs=max(1, best.run.best_epoch))
        network, _ = trainer.try_on(documents, documents.take(np.arange(0)), config, name="all")
    return network, trials


def _best_first(
    tried: list[tuple[HierarchicalNetwork, Trial]], heldout: LabelledDocuments, *, device: torch.device
) -> list[tuple[HierarchicalNetwork, Trial]]:
    """By held-out loss, but first the strongest L2 whose loss is within one standard error of the lowest."""
    if len(tried) == 1:
        return tried
    ordered = sorted(tried, key=lambda one: one[1].run.best_heldout)
    network, lowest = ordered[0]
    limit = lowest.run.best_heldout + standard_error(network.to(device), heldout, device=device)
    network.to("cpu")
    eligible = [one for one in ordered if one[1].run.best_heldout <= limit] or ordered[:1]
    chosen = max(eligible, key=lambda one: one[1].config.weight_decay or 0.0)
    return [chosen, *(one for one in ordered if one is not chosen)]


def log_topics(network: HierarchicalNetwork, documents: LabelledDocuments, *, device: torch.device) -> Tensor:
    """What a network says of documents.

    Args:
        network: The network, in evaluation mode, on the CPU; it is left there.
        documents: The documents.
        device: Where to compute.

    Returns:
        log p(t|x), shape (n_documents, n_topics), on the CPU.
    """
    return encode(network, documents, device=device)[1]


def encode(
    network: HierarchicalNetwork, documents: LabelledDocuments, *, device: torch.device
) -> tuple[Tensor, Tensor]:
    """What a network makes of documents, and what it says of them.

    Args:
        network: The network, in evaluation mode, on the CPU; it is left there.
        documents: The documents.
        device: Where to compute.

    Returns:
        Their encodings, shape (n_documents, width), and log p(t|x), shape (n_documents, n_topics), on the CPU.
    """
    if not len(documents):
        return torch.empty(0, 0), torch.empty(0, documents.targets.n_topics)

    def answer(batch: Batch) -> tuple[Tensor, ...]:
        encoding = network.body(batch.inputs)
        return encoding, network.head(encoding).topics

    network.to(device)
    encodings, topics = _answers(documents, device, answer)
    network.to("cpu")
    return encodings, topics


def heldout_loss(network: HierarchicalNetwork, documents: LabelledDocuments, *, device: torch.device) -> float:
    """Mean negative log-likelihood of held-out labels, as their customers wrote them.

    ``Σ_i w_i · −log p(y_i|x_i) / Σ_i w_i``

    Args:
        network: The network, in evaluation mode.
        documents: The held-out documents.
        device: Where the network is.

    Returns:
        The mean, in nats.
    """
    return float(np.average(_losses(network, documents, device), weights=documents.weights))


def standard_error(network: HierarchicalNetwork, documents: LabelledDocuments, *, device: torch.device) -> float:
    """Standard error of the mean negative log-likelihood of held-out labels.

    ``√( Σ_i w_i² (l_i − l̄)² ) / Σ_i w_i``

    Args:
        network: The network, in evaluation mode.
        documents: The held-out documents.
        device: Where the network is.

    Returns:
        The standard error, in nats.

    Source:
        The one-standard-error rule: Breiman et al., "Classification and Regression Trees", 1984, section 3.4.3.
    """
    losses, weights = _losses(network, documents, device), documents.weights.astype(float)
    spread = weights * (losses - np.average(losses, weights=weights))
    return float(np.sqrt((spread**2).sum()) / weights.sum())


def _losses(network: HierarchicalNetwork, documents: LabelledDocuments, device: torch.device) -> np.ndarray:
    """−log p(label) of each document, shape (n_documents,)."""

    def answer(batch: Batch) -> tuple[Tensor, ...]:
        return (topic_loss(network(batch.inputs), batch.targets[-1]).double(),)

    losses: np.ndarray = _answers(documents, device, answer)[0].numpy()
    return losses


@torch.no_grad()  # weights that are shared out and gathered under inference_mode could not be trained on
def _answers(
    documents: LabelledDocuments, device: torch.device, answer: Callable[[Batch], tuple[Tensor, ...]]
) -> list[Tensor]:
    """What is answered of all documents in order, on the CPU; each process asks about its share of the batches."""
    processes, n_batches = Processes.joined(device), math.ceil(len(documents) / HELDOUT_BATCH)
    shared = 1 < processes.number <= n_batches
    found: list[np.ndarray] = []
    numbers: np.ndarray = np.arange(n_batches)
    if shared:  # each as many, its first again if need be: where weights are shared out, all compute together
        numbers = np.resize(processes.share(numbers), math.ceil(n_batches / processes.number))
    for number in numbers.tolist():
        positions = np.arange(number * HELDOUT_BATCH, min((number + 1) * HELDOUT_BATCH, len(documents)))
        answers = [part.cpu().numpy() for part in answer(documents.batch(positions).to(device))]
        found = found or [np.zeros((len(documents), *part.shape[1:]), dtype=part.dtype) for part in answers]
        for whole, part in zip(found, answers, strict=True):
            whole[positions] = part
    return [torch.from_numpy(processes.total(whole) if shared else whole) for whole in found]
