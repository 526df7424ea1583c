"""The training loop, in the open: union batches in, the best weights on held-out labels out.

Knows steps, epochs and checkpoints; what "better" means comes as a function. Knows no taxonomy and no text.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from hiercls.errors import TrainingError
from hiercls.model.batch import LabelledDocuments
from hiercls.model.encoder import TextEncoder
from hiercls.model.layers import layers_of
from hiercls.model.network import HierarchicalNetwork
from hiercls.training.checkpoints import Checkpoint, RunCheckpoints
from hiercls.training.config import TrainingConfig
from hiercls.training.distributed import Processes
from hiercls.training.parameters import set_dropout
from hiercls.training.sampling import CustomerSampler
from hiercls.training.state import named, parts, random_kept, random_states, set_random_states
from hiercls.training.steps import Steps, weights_of
from hiercls.training.watching import tell

Validate = Callable[[HierarchicalNetwork], float]
"""Held-out loss of a network: lower is better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRun:
    """What a training run did.

    Args:
        losses: Mean training loss of each epoch.
        heldout: Held-out loss after each epoch; empty where nothing is held out.
        best_epoch: The epoch, from 1, whose weights were kept.
        interrupted: Whether Ctrl-C ended it.
    """

    losses: tuple[float, ...]
    heldout: tuple[float, ...]
    best_epoch: int
    interrupted: bool

    @property
    def best_heldout(self) -> float:
        """Held-out loss of the kept weights; NaN where nothing is held out."""
        return self.heldout[self.best_epoch - 1] if self.heldout else math.nan


def train(
    network: HierarchicalNetwork,
    documents: LabelledDocuments,
    *,
    config: TrainingConfig,
    level_weights: Tensor,
    device: torch.device,
    seed: int,
    validate: Validate | None = None,
    checkpoints: RunCheckpoints | None = None,
    progress: bool = False,
) -> TrainingRun:
    """Train a network on the union of everybody's labels, and leave it with its best weights.

    ``minimise Σ_i weight_i · Σ_l w_l · −log p(S_l,i|x_i)`` over mixed batches of all customers.

    Args:
        network: The network; it is changed in place and left in evaluation mode on the CPU.
        documents: Inputs, labels' targets, weights and customers.
        config: Epochs, steps and regularisation.
        level_weights: w, shape (n_levels,).
        device: Where the steps run.
        seed: Seed of sampling, dropout and teacher forcing; the process's own random state is left as it was.
        validate: Held-out loss; None: all epochs are run and the last weights kept.
        checkpoints: Where the run is kept while it goes on; if it was begun there, it goes on as if it had never
            stopped. None: nowhere.
        progress: Whether to show a bar with the loss of every customer on standard error.

    Returns:
        The run's history.

    Raises:
        TrainingError: If a loss or a gradient is not finite; the network is left with the last good weights, and is the
            error's ``kept`` where an epoch was finished.
        CheckpointError: If a checkpoint cannot be written, or none that is there is whole; the same of the network.
    """
    with random_kept(device):
        processes = Processes.joined(device)
        _seed(device, seed, processes.rank)
        run = _Run(network, documents, config, level_weights, device, seed, processes, checkpoints)
        try:
            run.keep()
            run.go(validate, progress=progress and processes.rank == 0)
        except KeyboardInterrupt:
            run.interrupt()
            warnings.warn("training was interrupted; the best weights so far are kept", stacklevel=2)
        except TrainingError as error:
            error.kept = network if run.best_epoch else None
            raise
        finally:
            run.finish()
    return run.result()


def _seed(device: torch.device, seed: int, rank: int) -> None:
    """Seed the CPU and one device, and no other; processes that share batches draw dropout of their own."""
    own = seed if rank == 0 else int(np.random.default_rng([seed, rank]).integers(2**63))
    torch.default_generator.manual_seed(own)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(own)


@dataclass(slots=True)
class _Run:
    """The state of one run."""

    network: HierarchicalNetwork
    documents: LabelledDocuments
    config: TrainingConfig
    level_weights: Tensor
    device: torch.device
    seed: int
    processes: Processes
    checkpoints: RunCheckpoints | None
    losses: list[float] = field(default_factory=list)
    heldout: list[float] = field(default_factory=list)
    best_epoch: int = 0
    best_state: dict[str, Tensor] = field(default_factory=dict)
    interrupted: bool = False
    n_epochs: int = 0
    learning: HierarchicalNetwork = field(init=False)
    """What takes the steps: the network, or a copy of which each process holds a part."""

    def __post_init__(self) -> None:
        self.learning = self.network

    def go(self, validate: Validate | None, *, progress: bool) -> None:
        """Run the epochs that are left."""
        frozen = not any(parameter.requires_grad for parameter in self.network.body.parameters())
        config = self.config = self.config.resolved(len(self.documents), frozen=frozen)
        sampler = CustomerSampler(self.documents.groups, temperature=config.sampling_temperature, seed=self.seed)
        self.n_epochs, size = config.epochs or 0, config.batch_size or 0  # numbers, once resolved
        n_batches, lengths = math.ceil(len(self.documents) / size), self.documents.inputs.lengths
        steps = self._steps(sampler, n_steps=self.n_epochs * n_batches)
        meter = _Meter(self.documents.groups, self.processes)
        if self._restored(steps, meter):
            return
        with tqdm(total=steps.n_steps, initial=steps.taken, desc="training", unit="step", disable=not progress) as bar:
            for epoch in range(len(self.losses), self.n_epochs):
                steps.train()
                batches = sampler.batches(epoch, size=size, lengths=lengths)
                for positions in islice(batches, steps.taken - epoch * n_batches, None):
                    meter.add(*steps.take(positions))
                    self._checkpoint(steps, meter)
                    bar.update()
                self.losses.append(meter.finish(bar))
                over = self._is_over(steps, validate)
                if self.processes.rank == 0:
                    tell(config, losses=self.losses, heldout=self.heldout)
                if over:
                    break
        self._checkpoint(steps, meter, over=True)

    def _steps(self, sampler: CustomerSampler, *, n_steps: int) -> Steps:
        """What takes the steps, before the first of them."""
        set_dropout(self.network.body, self.config.encoder_dropout)
        if self.config.shard_weights:
            self._share_out()
        self.learning.to(self.device)
        return Steps(
            self.learning,
            self.documents,
            self.config,
            level_weights=self.level_weights.to(self.device),
            device=self.device,
            processes=self.processes,
            n_steps=n_steps,
            mean_weight=float(sampler.visits() @ self.documents.weights) / len(self.documents),
            advice=self._advice,
        )

    def _share_out(self) -> None:
        """Leave the network on the CPU, and take steps with a copy of which each process holds a part."""
        if self.processes.number == 1:
            warnings.warn("shard_weights=True: there is one process, which holds all weights", stacklevel=2)
            return
        self.learning = copy.deepcopy(self.network.to("cpu"))
        body = self.learning.body
        layers = list(layers_of(body.transformer)) if isinstance(body, TextEncoder) else []
        self.processes.shard(self.learning, layers, self.device)

    def _checkpoint(self, steps: Steps, meter: _Meter, *, over: bool = False) -> None:
        """Keep the run as it stands if it is time; of one that is over the best weights are enough."""
        if self.checkpoints is None or not (over or self.processes.agreed(self.checkpoints.is_due)):
            return
        state: dict[str, Any] = {"over": over, "losses": self.losses, "heldout": self.heldout}
        tensors: dict[str, Tensor] = {}
        if not over:
            state["steps"], tensors = steps.state()
            state["meter"] = meter.state()
            states = random_states(self.device)
            tensors |= named({name: self.processes.gathered(own) for name, own in states.items()}, "random")
        if self.processes.rank == 0:
            best = self.best_state if self.best_epoch else {}
            step = steps.taken + over
            self.checkpoints.write(
                Checkpoint(step=step, best_epoch=self.best_epoch, state=state, tensors=tensors, best=best)
            )

    def _restored(self, steps: Steps, meter: _Meter) -> bool:
        """Go on from the last checkpoint, if there is one; whether it is of a run that was over."""
        found = None if self.checkpoints is None else self.checkpoints.latest()
        if found is None:
            return False
        self.losses, self.heldout = list(found.state["losses"]), list(found.state["heldout"])
        self.best_epoch, self.best_state = found.best_epoch, dict(found.best) or self.best_state
        if found.state["over"]:
            return True
        steps.restore(found.state["steps"], found.tensors)
        meter.restore(found.state["meter"])
        states = parts(found.tensors, "random")
        if self.processes.rank < len(states["torch"]):
            set_random_states({name: own[self.processes.rank] for name, own in states.items()}, self.device)
        return False

    def _advice(self) -> str:
        """What is left after a run had to stop, and what to do."""
        kept = f"the weights after epoch {self.best_epoch} are kept" if self.best_epoch else "no epoch was finished"
        return f"{kept}; a smaller learning rate usually helps"

    def _is_over(self, steps: Steps, validate: Validate | None) -> bool:
        """Look at the held-out labels after an epoch, keep the weights if they are the best."""
        with steps.averaged():
            if validate is None:
                self.keep()
                return False
            loss = validate(self.learning)
            if not math.isfinite(loss):
                raise TrainingError(f"the held-out loss after epoch {len(self.losses)} is {loss}; {self._advice()}")
            self.heldout.append(loss)
            if not self.best_epoch or self.heldout[-1] < self.heldout[self.best_epoch - 1]:
                self.keep()
            return len(self.heldout) - self.best_epoch >= self.config.patience * self.n_epochs

    def keep(self) -> None:
        """Remember the present weights as the best."""
        self.best_state = weights_of(self.learning)
        self.best_epoch = len(self.losses)

    def interrupt(self) -> None:
        """Remember that the user ended the run; weights of an unfinished first epoch are better than none."""
        self.interrupted = True
        if not self.best_epoch and self.learning is self.network:  # others may be gone, with their parts of the weights
            self.keep()

    def finish(self) -> None:
        """Leave the network with the best weights, in evaluation mode, on the CPU."""
        self.network.eval().to("cpu")
        self.network.load_state_dict(self.best_state)

    def result(self) -> TrainingRun:
        """The history."""
        return TrainingRun(
            losses=tuple(self.losses),
            heldout=tuple(self.heldout),
            best_epoch=self.best_epoch,
            interrupted=self.interrupted,
        )


class _Meter:
    """Mean loss of an epoch, whole and by customer, over all processes."""

    def __init__(self, groups: np.ndarray, processes: Processes) -> None:
        self.names, self.index = np.unique(groups, return_inverse=True)
        self.processes = processes
        self.sums = np.zeros((2, len(self.names)))

    def add(self, positions: np.ndarray, losses: Tensor) -> None:
        """Count a batch: losses and documents by customer."""
        np.add.at(self.sums[0], self.index[positions], losses.float().cpu().numpy())
        np.add.at(self.sums[1], self.index[positions], 1)

    def finish(self, bar: tqdm) -> float:
        """Mean over the epoch's documents; the first six customers' beside the bar."""
        losses, counts = self.processes.total(self.sums)
        means = (losses / np.maximum(1, counts)).tolist()
        bar.set_postfix({str(name): f"{mean:.3f}" for name, mean in list(zip(self.names, means, strict=True))[:6]})
        self.sums = np.zeros_like(self.sums)
        return float(losses.sum() / counts.sum())

    def state(self) -> list[list[float]]:
        """What was counted in the epoch so far."""
        counted: list[list[float]] = self.processes.total(self.sums).tolist()
        return counted

    def restore(self, counted: list[list[float]]) -> None:
        """Go on counting from there."""
        self.sums = np.array(counted) if self.processes.rank == 0 else np.zeros_like(self.sums)
