"""The training loop, in the open: union batches in, the best weights on held-out labels out.

Knows batches, losses and an optimiser; what "better" means comes as a function. Knows no taxonomy and no text.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from tqdm import tqdm

from hiercls.errors import TrainingError
from hiercls.losses import CascadeLoss, cascade_loss, symmetric_divergence
from hiercls.model.batch import Batch, LabelledDocuments
from hiercls.model.cascade import Forcing
from hiercls.model.network import HierarchicalNetwork
from hiercls.training.config import TrainingConfig
from hiercls.training.parameters import WeightAverage, head_l1, parameter_groups, set_dropout
from hiercls.training.sampling import CustomerSampler
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
        progress: Whether to show a bar with the loss of every customer on standard error.

    Returns:
        The run's history.

    Raises:
        TrainingError: If a loss or a gradient is not finite; the network is left with the last good weights, and is the
            error's ``kept`` where an epoch was finished.
    """
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        _seed(device, seed)
        run = _Run(network, documents, config, level_weights, device, seed)
        try:
            run.keep()
            run.go(validate, progress=progress)
        except KeyboardInterrupt:
            run.interrupt()
            warnings.warn("training was interrupted; the best weights so far are kept", stacklevel=2)
        except TrainingError as error:
            error.kept = network if run.best_epoch else None
            raise
        finally:
            run.restore()
    return run.result()


def _seed(device: torch.device, seed: int) -> None:
    """Seed the CPU and one device, and no other: what is seeded here is put back."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)


@dataclass(slots=True)
class _Run:
    """The state of one run."""

    network: HierarchicalNetwork
    documents: LabelledDocuments
    config: TrainingConfig
    level_weights: Tensor
    device: torch.device
    seed: int
    losses: list[float] = field(default_factory=list)
    heldout: list[float] = field(default_factory=list)
    best_epoch: int = 0
    best_state: dict[str, Tensor] = field(default_factory=dict)
    interrupted: bool = False
    step: int = 0
    n_epochs: int = 0
    n_steps: int = 0
    mean_weight: float = 1.0
    average: WeightAverage | None = None

    def go(self, validate: Validate | None, *, progress: bool) -> None:
        """Run the epochs."""
        frozen = not any(parameter.requires_grad for parameter in self.network.body.parameters())
        config = self.config = self.config.resolved(len(self.documents), frozen=frozen)
        sampler = CustomerSampler(self.documents.groups, temperature=config.sampling_temperature, seed=self.seed)
        self.n_epochs, batch_size = config.epochs or 0, config.batch_size or 0  # numbers, once resolved
        self.n_steps = self.n_epochs * math.ceil(len(self.documents) / batch_size)
        self.mean_weight = float(sampler.visits() @ self.documents.weights) / len(self.documents)
        # The device is ours to choose at every run; accelerate keeps its first one for the whole process.
        accelerator = Accelerator(device_placement=False)
        self.network.to(self.device)
        set_dropout(self.network.body, config.encoder_dropout)
        if config.averaging:
            self.average = WeightAverage(self.network, horizon=config.averaging * self.n_steps)
        optimizer = torch.optim.AdamW(parameter_groups(self.network, config), fused=True)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._rate)
        network, optimizer = accelerator.prepare(self.network, optimizer)
        self.level_weights = self.level_weights.to(self.device)
        lengths = self.documents.inputs.lengths
        with tqdm(total=self.n_steps, desc="training", unit="step", disable=not progress) as bar:
            for epoch in range(self.n_epochs):
                network.train()
                meter = _Meter(self.documents.groups)
                for positions in sampler.batches(epoch, size=batch_size, lengths=lengths):
                    loss = self._take_step(accelerator, network, optimizer, positions)
                    schedule.step()
                    meter.add(positions, loss.per_document)
                    bar.update()
                self.losses.append(meter.mean())
                bar.set_postfix(meter.by_customer())
                over = self._is_over(validate)
                tell(config, losses=self.losses, heldout=self.heldout)
                if over:
                    break

    def _take_step(
        self, accelerator: Accelerator, network: nn.Module, optimizer: torch.optim.Optimizer, positions: np.ndarray
    ) -> CascadeLoss:
        """One step: loss, gradient, clipping, update."""
        batch = self.documents.batch(positions).to(self.device)
        loss = self._loss(network, batch)
        total = (loss.per_document * batch.weights).mean() / self.mean_weight + self.network.head.penalty()
        if self.config.l1:
            total = total + self.config.l1 * head_l1(self.network)
        self._check(total, "loss", batch)
        optimizer.zero_grad()
        accelerator.backward(total)
        norm = accelerator.clip_grad_norm_(network.parameters(), self.config.max_grad_norm)
        self._check(norm, "gradient", batch)
        optimizer.step()
        self.step += 1
        if self.average is not None:
            self.average.add()
        return loss

    def _loss(self, network: nn.Module, batch: Batch) -> CascadeLoss:
        """The loss of a batch; with R-Drop that of two passes, and how far their answers differ."""
        composed = self.network.head.config.composition != "topic"
        forcing, weights, smoothing = self._forcing(batch), self.level_weights, self.config.label_smoothing
        outputs = [network(batch.inputs, forcing) for _ in range(2 if self.config.r_drop else 1)]
        losses = [
            cascade_loss(output, batch.targets, level_weights=weights, composed=composed, smoothing=smoothing)
            for output in outputs
        ]
        if len(losses) == 1:
            return losses[0]
        apart = self.config.r_drop / 4 * symmetric_divergence(outputs[0].topics, outputs[1].topics)
        terms = (losses[0].terms + losses[1].terms) / 2
        return CascadeLoss(terms, (losses[0].per_document + losses[1].per_document) / 2 + apart)

    def _check(self, value: Tensor, name: str, batch: Batch) -> None:
        """Stop where a loss or the length of a gradient is not finite, and name the batch."""
        if not value.isfinite():
            raise TrainingError(
                f"the {name} of step {self.step + 1} is {value.item()}; the batch held the documents at positions "
                f"{batch.documents.tolist()}; {self._advice()}"
            )

    def _advice(self) -> str:
        """What is left after a run had to stop, and what to do."""
        kept = f"the weights after epoch {self.best_epoch} are kept" if self.best_epoch else "no epoch was finished"
        return f"{kept}; a smaller learning rate usually helps"

    def _forcing(self, batch: Batch) -> Forcing | None:
        """Teacher forcing for this step, with a probability that stays, or falls to 0 at half of the steps."""
        falls = self.config.teacher_forcing_schedule == "linear"
        left = max(0.0, 1.0 - 2.0 * self.step / self.n_steps) if falls else 1.0
        probability = self.config.teacher_forcing * left
        if probability == 0.0 or not batch.allowed:
            return None
        documents = torch.rand(len(batch.documents)) < probability
        return Forcing(allowed=batch.allowed, documents=documents.to(self.device))

    def _rate(self, step: int) -> float:
        """The step size's factor: a linear rise, then a linear fall."""
        rise = max(1, round(self.config.warmup * self.n_steps))
        return (step + 1) / rise if step < rise else max(0.0, (self.n_steps - step) / max(1, self.n_steps - rise))

    def _is_over(self, validate: Validate | None) -> bool:
        """Look at the held-out labels after an epoch, keep the weights if they are the best."""
        self.network.eval()
        if self.average is not None:
            self.average.swap()
        over = self._judge(validate)
        if self.average is not None:
            self.average.swap()
        return over

    def _judge(self, validate: Validate | None) -> bool:
        """Keep the weights as they are now if they are the best; whether there has been no better for too long."""
        if validate is None:
            self.keep()
            return False
        loss = validate(self.network)
        if not math.isfinite(loss):
            raise TrainingError(f"the held-out loss after epoch {len(self.losses)} is {loss}; {self._advice()}")
        self.heldout.append(loss)
        if not self.best_epoch or self.heldout[-1] < self.heldout[self.best_epoch - 1]:
            self.keep()
        return len(self.heldout) - self.best_epoch >= self.config.patience * self.n_epochs

    def keep(self) -> None:
        """Remember the present weights as the best."""
        self.best_epoch = len(self.losses)
        self.best_state = {name: value.detach().cpu().clone() for name, value in self.network.state_dict().items()}

    def interrupt(self) -> None:
        """Remember that the user ended the run; weights of an unfinished first epoch are better than none."""
        self.interrupted = True
        if not self.best_epoch:
            self.keep()

    def restore(self) -> None:
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
    """Mean loss of an epoch, whole and by customer."""

    def __init__(self, groups: np.ndarray) -> None:
        self.names, self.index = np.unique(groups, return_inverse=True)
        self.sums = np.zeros(len(self.names))
        self.counts = np.zeros(len(self.names))

    def add(self, positions: np.ndarray, losses: Tensor) -> None:
        """Count a batch."""
        np.add.at(self.sums, self.index[positions], losses.detach().float().cpu().numpy())
        np.add.at(self.counts, self.index[positions], 1)

    def mean(self) -> float:
        """Mean over the epoch's documents."""
        return float(self.sums.sum() / self.counts.sum())

    def by_customer(self) -> dict[str, str]:
        """Mean by customer, the first six, for the bar."""
        means = self.sums / np.maximum(1, self.counts)
        return {str(name): f"{mean:.3f}" for name, mean in list(zip(self.names, means, strict=True))[:6]}
