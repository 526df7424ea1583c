"""A training that takes a tenth of a second and needs no encoder, for the programs that kill it or share it out.

Forked processes do the work, so that what is heavy is imported once; the first must not train, for threads of autograd
do not outlive a fork.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import sys
import traceback
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
import torch._dynamo  # an optimiser's first step imports it, two seconds that no fork need repeat
from torch import nn

from hiercls.data.rows import Row
from hiercls.model.batch import LabelledDocuments
from hiercls.model.heads import HeadConfig
from hiercls.model.inputs import EncodingInputs
from hiercls.model.network import HierarchicalNetwork
from hiercls.model.targets import TargetTable
from hiercls.taxonomy import Taxonomy, shipped
from hiercls.taxonomy.labels import resolve
from hiercls.training.checkpoint_folder import CheckpointFolder, opened
from hiercls.training.config import CheckpointConfig, TrainingConfig
from hiercls.training.selection import Trainer, Trial, select_and_train

TINY = Taxonomy.read(shipped("tiny"))
CPU = torch.device("cpu")
N_DOCUMENTS = 61


def make_documents() -> LabelledDocuments:
    """Noisy one-hot encodings with weights, labelled by the customers in turn."""
    draw = np.random.default_rng(0)
    topics = draw.integers(6, size=N_DOCUMENTS)
    encodings = (np.eye(6)[topics] + 0.1 * draw.normal(size=(N_DOCUMENTS, 6))).astype(np.float32)
    rows = []
    for number, topic in enumerate(topics):
        view = TINY.view(TINY.customers[number % 3])
        label = next(label for label in view.classes if topic in view.members(label))
        rows.append(Row(text="…", labels=((view.name, label),)))
    return LabelledDocuments(
        inputs=EncodingInputs(encodings),
        targets=TargetTable(TINY, resolve(TINY, rows).labels, composition="topic"),
        weights=draw.uniform(0.5, 2.0, size=N_DOCUMENTS).astype(np.float32),
        groups=np.array([row.labels[0][0] for row in rows]),
    )


def make_trainer(*, dropout: float) -> Trainer:
    """Heads on encodings that are ready."""

    def build() -> HierarchicalNetwork:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            head = HeadConfig(hidden=8, dropout=dropout).build(6, TINY)
        return HierarchicalNetwork(head, body=nn.Identity())

    return Trainer(build=build, level_weights=torch.ones(2), device=CPU, seed=0)


def select(
    config: TrainingConfig, *, dropout: float, checkpoints: CheckpointConfig | None = None
) -> tuple[HierarchicalNetwork, tuple[Trial, ...]]:
    """Try two settings on held-out labels and train the better one on everything."""
    first = checkpoints is not None and os.environ.get("RANK", "0") == "0"
    other = None if checkpoints is None else CheckpointFolder(checkpoints)
    keeping = opened(checkpoints, made_from={}, made_on={}) if first else nullcontext(other)
    with keeping as folder:
        return select_and_train(
            dataclasses.replace(make_trainer(dropout=dropout), checkpoints=folder),
            make_documents(),
            candidates=[dataclasses.replace(config, weight_decay=decay) for decay in (0.1, 3.0)],
            split=(np.arange(48), np.arange(48, N_DOCUMENTS)),
            refit=True,
        )


def digest(trials: tuple[Trial, ...], *modules: nn.Module) -> str:
    """A hash of a history and of trained weights."""
    found = hashlib.sha256(repr([trial.run for trial in trials]).encode())
    for module in modules:
        for name, value in module.state_dict().items():
            found.update(name.encode() + value.double().numpy().tobytes())  # numpy has no bfloat16
    return found.hexdigest()


def fork(work: Callable[[], str], **variables: Any) -> tuple[int, int]:
    """Do something in a process of its own.

    Args:
        work: What; a warning in it is an error.
        variables: The process's environment beside this one's.

    Returns:
        The process, and where what it says can be read.
    """
    read, write = os.pipe()
    child = os.fork()
    if child:
        os.close(write)
        return child, read
    try:
        os.environ.update({name: str(value) for name, value in variables.items()})
        warnings.simplefilter("error")
        os.write(write, work().encode())
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def heard(child: int, read: int) -> str | None:
    """What a process says; None where it was killed."""
    with os.fdopen(read) as said:
        answer = said.read()
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return answer or None
    if os.WEXITSTATUS(status):
        sys.exit("a training failed")
    return answer
