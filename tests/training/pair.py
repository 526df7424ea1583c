"""Two processes that train together over gloo on CPUs, beside one that trains alone.

``python pair.py FOLDER``: prints JSON with what each of them did in 50 steps, and hashes of what comes out of two that
were never killed, and of two of which one was killed (SIGKILL) and that went on from their checkpoints.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import small
import torch

from hiercls.training.config import CheckpointConfig, TrainingConfig
from hiercls.training.steps import Steps

TRAINING = TrainingConfig(epochs=10, batch_size=15, learning_rate=0.01, averaging=0.2, l1=1e-4, r_drop=0.3)
"""Batches of 15 and one of 1 an epoch: shares are of 8 and 7 documents, and of 1 and none."""
N_BEFORE_KILL = 23


def run_once() -> str:
    """50 steps and a held-out loss an epoch; which documents went into each, their losses, and the weights after."""
    steps: list[dict[str, list[Any]]] = []
    take = Steps.take

    def watched(self: Steps, positions: np.ndarray) -> Any:
        share, losses = take(self, positions)
        steps.append({"positions": share.tolist(), "losses": losses.tolist()})
        return share, losses

    Steps.take = watched  # type: ignore[method-assign]
    documents = small.make_documents()
    network, trial = small.make_trainer(dropout=0.0).try_on(
        documents, documents, small.dataclasses.replace(TRAINING, weight_decay=0.1, patience=1.0), name="once"
    )
    weights = torch.cat([value.flatten() for value in network.state_dict().values()])
    return json.dumps(
        {"steps": steps, "losses": trial.run.losses, "heldout": trial.run.heldout, "weights": weights.tolist()}
    )


def run_kept(folder: str, *, killed: bool) -> str:
    """Select and train with dropout, kept after every step; the second process is killed if it is to be."""
    take, n_taken = Steps.take, 0

    def watched(self: Steps, positions: np.ndarray) -> Any:
        nonlocal n_taken
        n_taken += 1
        if killed and os.environ["RANK"] == "1" and n_taken > N_BEFORE_KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        return take(self, positions)

    Steps.take = watched  # type: ignore[method-assign]
    checkpoints = CheckpointConfig(folder=Path(folder), resume=True, every=0.0)
    network, trials = small.select(TRAINING, dropout=0.3, checkpoints=checkpoints)
    return small.digest(trials, network)


def together(work: Callable[[], str]) -> list[str | None]:
    """What two processes say that do the same together; nothing where one was killed, and the other with it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = {"WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    forks = [small.fork(work, RANK=rank, LOCAL_RANK=rank, **shared) for rank in range(2)]
    second = small.heard(*forks[1])
    if second is None:  # the first waits for it, or has seen it go
        os.kill(forks[0][0], signal.SIGKILL)
        os.waitpid(forks[0][0], 0)
        os.close(forks[0][1])
        return [None, None]
    return [small.heard(*forks[0]), second]


def main(folder: str) -> dict[str, Any]:
    """All of it."""
    alone = small.heard(*small.fork(run_once))
    pair = together(run_once)
    kept, broken = str(Path(folder, "kept")), str(Path(folder, "broken"))
    return {
        "alone": json.loads(alone or ""),
        "pair": [json.loads(said or "") for said in pair],
        "whole": together(lambda: run_kept(kept, killed=False)),
        "killed": together(lambda: run_kept(broken, killed=True)),
        "left": sorted(path.name for path in Path(broken).iterdir()),
        "resumed": together(lambda: run_kept(broken, killed=False)),
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
