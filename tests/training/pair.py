"""Two processes that train together over gloo on CPUs, beside one that trains alone.

``python pair.py FOLDER ENCODER``: prints JSON with what each of them did in 50 steps, what a whole encoder learnt, and
hashes of what comes out of two that were never killed, and of two of which one was killed (SIGKILL) and that went on
from their checkpoints; once with each holding all weights, once with the weights shared out.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import small
import torch
from safetensors.torch import load_file

from hiercls.estimator import HierarchicalTextClassifier
from hiercls.model.encoder import EncoderConfig, load_encoder
from hiercls.model.heads import HeadConfig
from hiercls.training.config import CheckpointConfig, TrainingConfig
from hiercls.training.steps import Steps

TRAINING = TrainingConfig(epochs=10, batch_size=15, learning_rate=0.05, averaging=0.2, l1=1e-4, r_drop=0.3)
"""Batches of 15 and one of 1 an epoch: shares are of 8 and 7 documents, and of 1 and none."""
N_EPOCHS_KEPT, N_BEFORE_KILL = 2, 4


def run_once(*, shard: bool = False) -> str:
    """50 steps and a held-out loss an epoch; which documents went into each, their losses, and the weights after.

    Held out are encodings with other documents' labels, so that the first epochs are the best and later ones not kept.
    """
    steps: list[dict[str, list[Any]]] = []
    take = Steps.take

    def watched(self: Steps, positions: np.ndarray) -> Any:
        share, losses = take(self, positions)
        steps.append({"positions": share.tolist(), "losses": losses.tolist()})
        return share, losses

    Steps.take = watched  # type: ignore[method-assign]
    documents = small.make_documents()
    others = small.EncodingInputs(np.roll(documents.inputs.encodings, 1, axis=0))
    network, trial = small.make_trainer(dropout=0.0).try_on(
        documents,
        small.dataclasses.replace(documents, inputs=others),
        small.dataclasses.replace(TRAINING, weight_decay=0.1, patience=1.0, shard_weights=shard),
        name="once",
    )
    weights = torch.cat([value.flatten() for value in network.state_dict().values()])
    return json.dumps(
        {"steps": steps, "losses": trial.run.losses, "heldout": trial.run.heldout, "weights": weights.tolist()}
    )


def run_tuned(encoder: str, *, shard: bool = False) -> str:
    """Train an encoder and heads without dropout; the held-out losses, and the weights after."""
    texts = [f"{'abcdef'[number % 6]}{number % 5} the" for number in range(48)]
    model = HierarchicalTextClassifier(
        small.TINY,
        encoder=EncoderConfig(name=encoder, max_length=8),
        tune="all",
        precision="float32",
        lexical=False,
        cache=False,
        device="cpu",
        head=HeadConfig(hidden=8, dropout=0.0),
        training=TrainingConfig(epochs=3, batch_size=15, about_weight=0.0, shard_weights=shard),
    ).fit(texts, ["ABCDEF"[number % 6] for number in range(48)])
    parts = (model.scorer_.head, model.scorer_.engine.encoder)
    weights = torch.cat([value.float().flatten() for part in parts for value in part.state_dict().values()])
    return json.dumps({"heldout": model.trials_[0].run.heldout, "weights": weights.tolist()})


def layout(folder: Path) -> dict[str, dict[str, list[int]]]:
    """The shapes of all tensors in a folder of checkpoints."""
    files = {str(path.relative_to(folder)): load_file(path) for path in sorted(folder.rglob("*.safetensors"))}
    return {name: {key: list(value.shape) for key, value in tensors.items()} for name, tensors in files.items()}


def run_kept(folder: Path, *, shard: bool, killed: bool = False) -> str:
    """Select and train with dropout, kept after every step; the second process is killed if it is to be."""
    take, n_taken = Steps.take, 0

    def watched(self: Steps, positions: np.ndarray) -> Any:
        nonlocal n_taken
        n_taken += 1
        if killed and os.environ["RANK"] == "1" and n_taken > N_BEFORE_KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        return take(self, positions)

    Steps.take = watched  # type: ignore[method-assign]
    checkpoints = CheckpointConfig(folder=folder, resume=True, every=0.0)
    config = small.dataclasses.replace(TRAINING, epochs=N_EPOCHS_KEPT, shard_weights=shard)
    network, trials = small.select(config, dropout=0.3, checkpoints=checkpoints)
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


def of_two(folder: Path, encoder: str, *, shard: bool) -> dict[str, Any]:
    """What two processes do."""
    kept, broken = folder / "kept", folder / "broken"
    return {
        "pair": [json.loads(said or "") for said in together(partial(run_once, shard=shard))],
        "tuned": [json.loads(said or "") for said in together(partial(run_tuned, encoder, shard=shard))],
        "whole": together(partial(run_kept, kept, shard=shard)),
        "layout": layout(kept),
        "killed": together(partial(run_kept, broken, shard=shard, killed=True)),
        "left": sorted(path.name for path in broken.iterdir()),
        "resumed": together(partial(run_kept, broken, shard=shard)),
    }


def main(folder: str, encoder: str) -> dict[str, Any]:
    """All of it."""
    load_encoder(EncoderConfig(name=encoder, max_length=8))  # what it imports, no fork need repeat
    alone = small.heard(*small.fork(run_once))
    tuned = small.heard(*small.fork(partial(run_tuned, encoder)))
    held, shared = (of_two(Path(folder, name), encoder, shard=name == "shared") for name in ("held", "shared"))
    return {"alone": json.loads(alone or ""), "tuned": json.loads(tuned or ""), "held": held, "shared": shared}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
