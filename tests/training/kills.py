"""Trainings that are killed again and again, and whether what comes out is what comes out without.

``python kills.py FOLDER KILLS SEED [ENCODER TUNE]``: one process forks one training after another, of heads alone or
of a whole estimator. Each is killed (SIGKILL) at a moment that is drawn, or before or after a system call that is
drawn: a file synced (half of it is there when it is killed before), renamed, deleted, a folder made. The next one goes
on from its checkpoints. Prints JSON: kills by kind, trainings that came to their end, and how many of these gave the
same weights as one that was never killed. A checkpoint that is not whole would be a warning, which is an error here.
"""

from __future__ import annotations

import json
import os
import random
import signal
import stat
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import small

from hiercls.training.config import CheckpointConfig, TrainingConfig

CALLS = ("fsync", "replace", "unlink", "mkdir")
N_POINTS = 80
"""Of so many moments around system calls one is drawn: two or three checkpoints' worth."""
TRAINING = TrainingConfig(epochs=4, batch_size=16, averaging=0.2, teacher_forcing=0.5)

Train = Callable[[CheckpointConfig | None], str]


def train_heads(checkpoints: CheckpointConfig | None) -> str:
    """Train heads, and hash what comes out."""
    network, trials = small.select(TRAINING, dropout=0.3, checkpoints=checkpoints)
    return small.digest(trials, network)


def of_estimator(encoder: str, tune: str) -> Train:
    """The same of an estimator on an encoder, which is loaded once."""
    import dataclasses

    from hiercls.estimator import HierarchicalTextClassifier, classifier
    from hiercls.model.encoder import EncoderConfig, load_encoder
    from hiercls.model.heads import HeadConfig

    reads = EncoderConfig(name=encoder, max_length=16)
    loaded = load_encoder(reads)
    classifier.load_encoder = lambda config: loaded
    topics = ["ABCDEF"[number % 6] for number in range(48)]
    texts = [f"{topic.lower()}{place % 5} {topic.lower()}{place % 4} the" for place, topic in enumerate(topics)]
    views = [small.TINY.view(small.TINY.customers[place // 6 % 3]) for place in range(48)]
    labels = [
        next(k for k in view.classes if topic in view.topics_of(k)) for view, topic in zip(views, topics, strict=True)
    ]

    def train(checkpoints: CheckpointConfig | None) -> str:
        model = HierarchicalTextClassifier(
            small.TINY,
            encoder=reads,
            tune=tune,
            lexical=False,
            cache=False,
            device="cpu",
            head=HeadConfig(hidden=8, dropout=0.3),
            training=dataclasses.replace(TRAINING, checkpoints=checkpoints),
        ).fit(texts, labels, views=[view.name for view in views])
        return small.digest(model.trials_, model.scorer_.head, model.scorer_.engine.encoder)

    return train


def kill_at(point: int) -> None:
    """Kill this process at a moment before (even) or after (odd) one of its system calls on files."""
    left = point

    def wrap(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*given: Any, **settings: Any) -> Any:
            nonlocal left
            if left == 0 and name == "fsync" and stat.S_ISREG(os.fstat(given[0]).st_mode):
                os.ftruncate(given[0], os.fstat(given[0]).st_size // 2)
            die(left)
            try:
                return call(*given, **settings)
            finally:
                die(left - 1)
                left -= 2

        return called

    for name in CALLS:
        setattr(os, name, wrap(name, getattr(os, name)))


def die(left: int) -> None:
    """Kill this process if nothing is left to do before."""
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)


def attempt(train: Train, config: CheckpointConfig, *, point: int | None = None, seconds: float = 0.0) -> str | None:
    """One training that goes on from the last, until it is over or killed."""

    def work() -> str:
        if point is not None:
            kill_at(point)
        return train(config)

    child, read = small.fork(work)
    if seconds:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    return small.heard(child, read)


def main(folder: str, n_kills: int, seed: int, train: Train) -> dict[str, Any]:
    """Kill trainings so many times, and let the last one come to its end."""
    begin = time.monotonic()
    expected = small.heard(*small.fork(partial(train, None)))
    longest = max(0.1, time.monotonic() - begin)
    draw, kills, same, n_trainings = random.Random(seed), Counter[str](), 0, 0
    while kills.total() < n_kills:
        with tempfile.TemporaryDirectory(dir=folder) as own:
            config, found = CheckpointConfig(folder=Path(own, "checkpoints"), resume=True, every=0.0), None
            while found is None:
                if kills.total() == n_kills:
                    found = attempt(train, config)
                elif draw.random() < 0.5:
                    found = attempt(train, config, point=draw.randrange(N_POINTS))
                    kills["at a system call"] += found is None
                else:
                    found = attempt(train, config, seconds=draw.uniform(0.0, longest))
                    kills["at a moment"] += found is None
        n_trainings += 1
        same += found == expected
    return {"kills": dict(kills), "trainings": n_trainings, "same": same}


if __name__ == "__main__":
    folder, n_kills, seed, *encoder = sys.argv[1:]
    print(json.dumps(main(folder, int(n_kills), int(seed), of_estimator(*encoder) if encoder else train_heads)))
