"""The sweep of the pooling study: all networks of all repeats, in programs of a few, on several cores or machines.

Knows a file with a line a network, where a sweep that was stopped goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from hiercls.study.parallel import Backend, run_many
from hiercls.study.pooling_documents import Documents
from hiercls.study.pooling_networks import Trained, train_networks
from hiercls.study.pooling_setup import Network, NetworkConfig
from hiercls.study.pooling_tasks import Pair, Task, joint_runs, main_tasks

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepConfig:
    """What is trained, and where.

    Args:
        per_class: Training documents of each topic.
        repeats: Seeds of draws and networks.
        backend: ``local`` processes, or a cluster of ``ray`` or ``dask`` that is running.
        workers: How many at once; -1: as many as there are cores.
        side_by_side: Networks in a program.
        device: Where torch computes; None: a GPU where there is one.
        alone: How a network of one task is trained.
        joint: How a network of two is.
    """

    per_class: int = 200
    repeats: Sequence[int] = (0, 1, 2, 3, 4)
    backend: Backend = "local"
    workers: int = -1
    side_by_side: int = 4
    device: str | None = None
    alone: NetworkConfig = field(default_factory=lambda: NetworkConfig(n_epochs=150))
    joint: NetworkConfig = field(default_factory=lambda: NetworkConfig(n_epochs=100))


Run = tuple[int, tuple[Task, ...]]
"""A repeat, and the one or two tasks of a network."""


def runs_of(pairs: Sequence[Pair], repeats: Sequence[int]) -> list[Run]:
    """The networks that pairs of tasks ask for: each main task alone, and each joint run, in each repeat.

    Args:
        pairs: Pairs of tasks.
        repeats: Seeds.

    Returns:
        The networks, in order.
    """
    tasks: list[tuple[Task, ...]] = [*((task,) for task in main_tasks(pairs)), *joint_runs(pairs)]
    return [(repeat, run) for repeat in repeats for run in tasks]


def sweep(
    documents: Documents, pairs: Sequence[Pair], config: SweepConfig, path: Path, *, say: Callable[[str], None]
) -> dict[Run, Trained]:
    """Train all networks that are not in the file yet, and add them to it.

    Args:
        documents: The documents.
        pairs: Pairs of tasks.
        config: What is trained, and where.
        path: A file of JSON lines, one a network.
        say: Is told how far it is.

    Returns:
        How each network did.
    """
    wanted = runs_of(pairs, config.repeats)
    done = read_runs(path)
    missing = [run for run in wanted if run not in done]
    alone, beside = ([run for run in missing if len(run[1]) == n] for n in (1, 2))
    programs = [part for some in (alone, beside) for part in _parts(some, config.side_by_side)]
    say(f"{len(wanted)} networks, {len(wanted) - len(missing)} of them done, {len(programs)} programs to run")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write("\n" if file.tell() else "")  # ends a line that was cut off
        for number, found in enumerate(_run(documents, programs, config), start=1):
            for run, trained in found:
                done[run] = trained
                file.write(json.dumps(_plain(run, trained)) + "\n")
            file.flush()
            say(f"program {number} of {len(programs)}")
    return {run: done[run] for run in wanted}


def read_runs(path: Path) -> dict[Run, Trained]:
    """What stands in a sweep's file; a last line that was cut off is left aside.

    Args:
        path: The file; it need not be there.

    Returns:
        How each network did.
    """
    found: dict[Run, Trained] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        run = row["repeat"], tuple((zero, one) for zero, one in row["tasks"])
        arrays = {name: np.array(row[name]) for name in ("losses", "f1", "affinity")}
        found[run] = Trained(**arrays)
    return found


def _plain(run: Run, trained: Trained) -> dict[str, Any]:
    repeat, tasks = run
    return {
        "repeat": repeat,
        "tasks": tasks,
        "f1": np.round(trained.f1, 5).tolist(),
        "losses": np.round(trained.losses, 5).tolist(),
        "affinity": np.round(trained.affinity, 6).tolist(),
    }


def _run(
    documents: Documents, programs: Sequence[Sequence[Run]], config: SweepConfig
) -> Iterator[list[tuple[Run, Trained]]]:
    """The programs' results, as they come."""
    device = config.device or ("cuda" if torch.cuda.is_available() else "cpu")
    given = (
        (
            program,
            networks_of(documents, program, config.per_class),
            config.alone if len(program[0][1]) == 1 else config.joint,
            device,
        )
        for program in programs
    )
    return run_many(run_program, given, backend=config.backend, workers=config.workers)


def _parts(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def networks_of(documents: Documents, program: Sequence[Run], per_class: int) -> list[Network]:
    """A program's networks with their documents.

    Args:
        documents: The corpus.
        program: Which networks.
        per_class: Training documents of each topic.

    Returns:
        The networks.
    """
    topics = documents.taxonomy.topics
    return [
        Network(
            tasks=tuple(documents.draw(task, per_class=per_class, repeat=repeat) for task in tasks),
            seed=(repeat, *(topics.index(topic) for task in tasks for topic in task)),
        )
        for repeat, tasks in program
    ]


def run_program(
    program: Sequence[Run], networks: Sequence[Network], config: NetworkConfig, device: str
) -> list[tuple[Run, Trained]]:
    """Train a program's networks, in a process of their own.

    Args:
        program: Which they are.
        networks: Their documents and seeds.
        config: How they are trained.
        device: Where torch computes.

    Returns:
        Each with how it did.
    """
    torch.set_num_threads(1)
    return list(zip(program, train_networks(networks, config, device=device), strict=True))
