"""The steps of a run: loss, gradient, clipping and update, each process on its share of the batch.

Knows batches, losses and an optimiser; knows no epoch, no held-out document and no file.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hiercls.errors import TrainingError
from hiercls.losses import CascadeLoss, cascade_loss, symmetric_divergence
from hiercls.model.batch import Batch, LabelledDocuments
from hiercls.model.cascade import Forcing
from hiercls.model.encoder import TextEncoder
from hiercls.model.network import HierarchicalNetwork
from hiercls.model.windows import CPU_BATCH_TOKENS
from hiercls.training.config import TrainingConfig
from hiercls.training.distributed import Processes, does_not_fit, let_go, share_like, whole
from hiercls.training.parameters import WeightAverage, head_l1, parameter_groups
from hiercls.training.state import named, optimizer_state, parts, set_optimizer_state


class Steps:
    """Takes a run's steps.

    Args:
        network: The network, on the device; its weights are changed in place.
        documents: Inputs, labels' targets, weights and customers.
        config: Settings, resolved.
        level_weights: w, shape (n_levels,), on the device.
        device: Where to compute.
        processes: Those that share every batch.
        n_steps: How many steps there will be at most.
        mean_weight: Mean weight of a document, as often as it is visited.
        advice: Says what is left, and what to do, where a loss is not finite.
    """

    def __init__(
        self,
        network: HierarchicalNetwork,
        documents: LabelledDocuments,
        config: TrainingConfig,
        *,
        level_weights: Tensor,
        device: torch.device,
        processes: Processes,
        n_steps: int,
        mean_weight: float,
        advice: Callable[[], str],
    ) -> None:
        self.network, self.documents, self.config = network, documents, config
        self.level_weights, self.device, self.processes = level_weights, device, processes
        self.n_steps, self.mean_weight, self.advice = n_steps, mean_weight, advice
        self.taken = 0
        self.at_once: int | None = None
        """Documents that fit in memory together; None: all of a batch."""
        self.average: WeightAverage | None = None
        if config.averaging:
            self.average = WeightAverage(network, horizon=config.averaging * n_steps)
        if isinstance(network.body, TextEncoder):
            network.body.recompute_activations(config.activation_checkpointing)
        by_parts = device.type == "cpu" and processes.number == 1
        self._lengths = documents.inputs.lengths if by_parts else None
        self.optimizer = torch.optim.AdamW(parameter_groups(network, config), fused=True)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._rate)
        self._shared, self._optimizer = processes.prepare(network, self.optimizer)

    def take(self, positions: np.ndarray) -> tuple[np.ndarray, Tensor]:
        """Take one step on a batch.

        Args:
            positions: Its documents, in all processes, shape (batch,).

        Returns:
            The positions of this process's share, and their losses.

        Raises:
            TrainingError: If a loss or the gradient is not finite, or not even one document fits in memory.
        """
        share = self.processes.share(positions)
        losses = self._gradient(positions, share)
        while losses is None:  # it did not fit; what was taken for it is free again here
            losses = self._gradient(positions, share)
        norm = self.processes.clip(self._shared, self.config.max_grad_norm)
        self._check(norm.item(), "gradient", positions)
        self._optimizer.step()
        self.schedule.step()
        self.taken += 1
        if self.average is not None:
            self.average.add()
        return share, losses

    def _gradient(self, positions: np.ndarray, share: np.ndarray) -> Tensor | None:
        """The gradient of a batch's loss, added up part by part; None where a part did not fit in memory.

        The loss is a mean over the documents of all processes, whose gradients are averaged: a part counts by its
        documents.
        """
        self._optimizer.zero_grad()
        documents = share if len(share) else positions[:1]  # a process without documents waits with the others
        size = self._size(documents)
        losses = []
        for start in range(0, len(documents), size):
            part = documents[start : start + size]
            counts = self.processes.number * len(part) / len(positions) if len(share) else 0.0
            try:
                losses.append(self._add_gradient(part, positions, counts, last=start + size >= len(documents)))
            except (RuntimeError, MemoryError) as error:
                if isinstance(error, TrainingError) or not does_not_fit(error):
                    raise
                self._halve(len(part), error)
                return None
        return torch.cat(losses)[: len(share)]

    def _size(self, documents: np.ndarray) -> int:
        """How many documents are computed together.

        All but where they did not fit in memory, and on a CPU no more tokens than its caches hold. Processes wait for
        each other after every part, so that several take their whole share.
        """
        size = self.at_once or len(documents)
        if self._lengths is None:
            return size
        return min(size, max(1, CPU_BATCH_TOKENS // int(self._lengths[documents].max())))

    def _add_gradient(self, part: np.ndarray, positions: np.ndarray, counts: float, *, last: bool) -> Tensor:
        """Add the gradient of a part of a batch; with the last part that of the penalties."""
        batch = self.documents.batch(part).to(self.device)
        loss = self._loss(self._shared, batch)
        total = (loss.per_document * batch.weights).mean() / self.mean_weight * counts
        if last:
            total = total + self.network.head.penalty()
            if self.config.l1:
                total = total + self.config.l1 * head_l1(self.network)
        sums = self.processes.total(total.detach().double().cpu().numpy()[None]) if last else [total.item()]
        self._check(float(sums[0]), "loss", positions)
        self.processes.backward(total)
        return loss.per_document.detach()

    def _halve(self, n_documents: int, error: Exception) -> None:
        """Compute fewer documents at once from now on, and say so the first time."""
        if n_documents == 1:
            raise TrainingError(
                "not even one document fits in memory; read fewer tokens of it (max_length, windows), or train fewer "
                "layers"
            ) from error
        if self.processes.number > 1:
            raise TrainingError(
                f"{n_documents} documents, one process's share of a batch, do not fit in memory; give a smaller "
                "batch_size, or more processes"
            ) from error
        if self.at_once is None:
            warnings.warn(
                f"a batch of {n_documents} documents does not fit in memory; half as many are computed at once, and "
                "their gradients added up: the steps stay the same and take longer",
                stacklevel=2,
            )
        self.at_once = n_documents // 2
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

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

    def _check(self, value: float, name: str, positions: np.ndarray) -> None:
        """Stop where a loss or the length of a gradient is not finite, and name the batch."""
        if not np.isfinite(value):
            places = positions if self.documents.origins is None else self.documents.origins[positions]
            raise TrainingError(
                f"the {name} of step {self.taken + 1} is {value}; the batch held the documents at positions "
                f"{places.tolist()}; {self.advice()}"
            )

    def _forcing(self, batch: Batch) -> Forcing | None:
        """Teacher forcing for this step, with a probability that stays, or falls to 0 at half of the steps."""
        falls = self.config.teacher_forcing_schedule == "linear"
        left = max(0.0, 1.0 - 2.0 * self.taken / self.n_steps) if falls else 1.0
        probability = self.config.teacher_forcing * left
        if probability == 0.0 or not batch.allowed:
            return None
        documents = torch.rand(len(batch.documents)) < probability
        return Forcing(allowed=batch.allowed, documents=documents.to(self.device))

    def _rate(self, step: int) -> float:
        """The step size's factor: a linear rise, then a linear fall."""
        rise = max(1, round(self.config.warmup * self.n_steps))
        return (step + 1) / rise if step < rise else max(0.0, (self.n_steps - step) / max(1, self.n_steps - rise))

    def train(self) -> None:
        """Make ready for the steps of an epoch."""
        self._shared.train()

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The network as it would be kept now, in evaluation mode: with its running average, where there is one."""
        self.network.eval()
        if self.average is not None:
            self.average.swap()
        yield
        let_go(self.network)
        if self.average is not None:
            self.average.swap()

    def state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Weights, their average, optimiser and schedule, as plain data and tensors on the CPU."""
        moments, groups = optimizer_state(self.optimizer)
        plain = {"taken": self.taken, "at_once": self.at_once, "groups": groups, "schedule": self.schedule.state_dict()}
        tensors = named(weights_of(self.network), "network") | named(moments, "optimizer")
        if self.average is not None:
            plain["averaged"] = self.average.n_steps
            tensors |= named(self.average.state(), "average")
        return plain, tensors

    def restore(self, plain: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        """Go on from a state that :meth:`state` gave."""
        self.taken = plain["taken"]
        self.at_once = plain["at_once"] if self.processes.number == 1 else None  # of several, all take as many parts
        own, kept = self.network.state_dict(), parts(tensors, "network")
        self.network.load_state_dict({name: share_like(value, own[name]) for name, value in kept.items()})
        set_optimizer_state(self.optimizer, parts(tensors, "optimizer"), plain["groups"])
        self.schedule.load_state_dict(plain["schedule"])
        if self.average is not None:
            self.average.restore(plain["averaged"], parts(tensors, "average"))


def weights_of(network: nn.Module) -> dict[str, Tensor]:
    """A copy of a network's weights, whole, on the CPU."""
    return {name: whole(value.detach()).cpu().clone() for name, value in network.state_dict().items()}
