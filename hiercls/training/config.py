"""How a training run goes: its length, its steps, its regularisation, and where it is kept meanwhile.

Knows numbers and what they may be; knows no tensor and opens no file.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hiercls.errors import ConfigError

EPOCHS, MIN_STEPS, BATCH_SIZE = 20, 500, 128
ENCODER_EPOCHS, ENCODER_BATCH_SIZE, ENCODER_AVERAGING = 3, 32, 0.1
SMALLEST_RATE, LARGEST_RATE = 3e-4, 2e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointConfig:
    """Where a training is kept while it goes on, so that it need not begin anew when it is cut short.

    Args:
        folder: The folder; made where it is not there. One training has it at a time.
        resume: Whether to go on from what is there, where there is anything; else a folder that holds checkpoints is
            refused.
        every: Seconds of training between two of them; 0: one after every step.
        keep: How many of the latest are kept of a run, ≥ 1; the weights that were best so far are kept beside them.

    Raises:
        ConfigError: If a value is out of range.

    Example:
        >>> CheckpointConfig(folder="checkpoints").every
        60.0
    """

    folder: str | Path
    resume: bool = False
    every: float = 60.0
    keep: int = 2

    def __post_init__(self) -> None:
        if not (self.every >= 0 and self.keep >= 1):
            raise ConfigError(f"expected every >= 0 and keep >= 1, got every = {self.every}, keep = {self.keep}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """Settings of one training run.

    Args:
        epochs: Passes over the documents at most; None: 20, or as many as make 500 steps where that is more, and 3
            where the encoder is trained.
        batch_size: Documents in a step, in all processes together; None: 128, and 32 where the encoder is trained.
        learning_rate: AdamW's step size for the heads; None: one divided by the number of steps, so that short runs get
            as far, but from 3e-4 to 2e-3.
        encoder_learning_rate: AdamW's step size for the encoder's last layer, where it is trained.
        layer_decay: Factor of the step size from each layer to the one below, at most 1; the embeddings are the lowest.
        weight_decay: AdamW's decoupled L2 on the heads' weight matrices, none on biases; None: chosen on held-out
            labels, and 1 where the encoder is trained.
        encoder_weight_decay: The same on the encoder's matrices, none on biases and normalisations.
        l1: Weight of ``Σ |w|`` over the heads' weight matrices in the loss.
        encoder_dropout: Probability of dropping a unit in the layers that are trained; the heads have their own
            (``HeadConfig``).
        label_smoothing: ε of ``(1 − ε) · −log p(label) + ε · mean of −log p(t)`` over the topics that the document's
            customer names; at upper levels over their nodes.
        r_drop: α of R-Drop: each document goes through the network twice, and ``α/4 · (KL(p, q) + KL(q, p))`` between
            the two answers is added to the mean of their losses; 0: once.
        averaging: Reach of the running average that is kept in the place of the last weights, as a share of all steps;
            0: the last weights. None: 0.1 where the encoder is trained, else 0.
        warmup: Share of all steps in which the step size rises from 0; it falls linearly to 0 after.
        max_grad_norm: Gradients are clipped to this norm.
        patience: Share of the epochs without a better held-out loss after which training stops.
        teacher_forcing: Probability, at the first step, that a document's label replaces what a level feeds to the
            next.
        teacher_forcing_schedule: ``linear``: the probability falls to 0 at half of the steps. ``constant``: it stays.
        about_weight: Documents that a topic's ``about`` line in the taxonomy counts as, which helps where documents
            are few; 0: the lines are not read.
        sampling_temperature: How far customers of different size are evened out, ≥ 1: 1 is proportional, ∞ balanced.
        shard_weights: Whether processes that train together hold a part of the weights and of AdamW's moments each
            (FSDP2), where those of all layers are too many for one GPU; else each holds all of them. The steps stay
            the same, and it is no part of a saved model.
        activation_checkpointing: Whether an encoder that is trained computes each layer's activations again on the way
            back, which takes a third more time, in the place of keeping them all; the steps stay the same.
        checkpoints: Where training is kept while it goes on; None: nowhere. It is no part of a saved model.

    Raises:
        ConfigError: If a value is out of range.

    Example:
        >>> TrainingConfig(epochs=3).weight_decay is None
        True

    Source:
        Step sizes by layer: Howard and Ruder, ACL 2018, section 3.2. R-Drop: Liang et al., NeurIPS 2021, equation 4.
    """

    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    encoder_learning_rate: float = 3e-4
    layer_decay: float = 0.7
    weight_decay: float | None = None
    encoder_weight_decay: float = 0.01
    l1: float = 0.0
    encoder_dropout: float = 0.0
    label_smoothing: float = 0.0
    r_drop: float = 0.0
    averaging: float | None = None
    warmup: float = 0.1
    max_grad_norm: float = 1.0
    patience: float = 0.2
    teacher_forcing: float = 0.0
    teacher_forcing_schedule: Literal["linear", "constant"] = "linear"
    about_weight: float = 4.0
    sampling_temperature: float = 1.0
    shard_weights: bool = False
    activation_checkpointing: bool = False
    checkpoints: CheckpointConfig | None = None

    def __post_init__(self) -> None:
        checks = {
            "epochs >= 1": self.epochs is None or self.epochs >= 1,
            "batch_size >= 1": self.batch_size is None or self.batch_size >= 1,
            "learning_rate > 0": self.learning_rate is None or self.learning_rate > 0,
            "encoder_learning_rate > 0": self.encoder_learning_rate > 0,
            "0 < layer_decay <= 1": 0 < self.layer_decay <= 1,
            "weight_decay >= 0": self.weight_decay is None or self.weight_decay >= 0,
            "encoder_weight_decay >= 0": self.encoder_weight_decay >= 0,
            "l1 >= 0": self.l1 >= 0,
            "0 <= encoder_dropout < 1": 0 <= self.encoder_dropout < 1,
            "0 <= label_smoothing < 1": 0 <= self.label_smoothing < 1,
            "r_drop >= 0": self.r_drop >= 0,
            "0 <= averaging < 1": self.averaging is None or 0 <= self.averaging < 1,
            "0 <= warmup < 1": 0 <= self.warmup < 1,
            "max_grad_norm > 0": self.max_grad_norm > 0,
            "0 < patience <= 1": 0 < self.patience <= 1,
            "0 <= teacher_forcing <= 1": 0 <= self.teacher_forcing <= 1,
            "teacher_forcing_schedule 'linear' or 'constant'": self.teacher_forcing_schedule in ("linear", "constant"),
            "0 <= about_weight < inf": 0 <= self.about_weight < math.inf,
            "sampling_temperature >= 1": self.sampling_temperature >= 1,
        }
        broken = [rule for rule, holds in checks.items() if not holds]
        if broken:
            got = ", ".join(
                f"{name} = {getattr(self, name)}"
                for name in self.__slots__
                if any(name in rule.split() for rule in broken)
            )
            raise ConfigError(f"expected {' and '.join(broken)}, got {got}")

    def resolved(self, n_documents: int, *, frozen: bool) -> TrainingConfig:
        """The same settings with numbers where epochs, batch size, step size and averaging were left open.

        Args:
            n_documents: How many documents there are.
            frozen: Whether only the heads are trained.

        Returns:
            Settings whose ``epochs``, ``batch_size``, ``learning_rate`` and ``averaging`` are numbers.

        Example:
            >>> few, many = (TrainingConfig().resolved(n, frozen=True) for n in (128, 100_000))
            >>> (few.epochs, few.learning_rate), (many.epochs, many.learning_rate)
            ((500, 0.002), (20, 0.0003))
        """
        size = BATCH_SIZE if frozen else ENCODER_BATCH_SIZE
        size = size if self.batch_size is None else self.batch_size
        steps_per_epoch = math.ceil(n_documents / size)
        default = max(EPOCHS, math.ceil(MIN_STEPS / steps_per_epoch)) if frozen else ENCODER_EPOCHS
        epochs = default if self.epochs is None else self.epochs
        inverse = min(LARGEST_RATE, max(SMALLEST_RATE, 1.0 / (epochs * steps_per_epoch)))
        rate = inverse if self.learning_rate is None else self.learning_rate
        averaging = (0.0 if frozen else ENCODER_AVERAGING) if self.averaging is None else self.averaging
        return dataclasses.replace(self, epochs=epochs, batch_size=size, learning_rate=rate, averaging=averaging)
