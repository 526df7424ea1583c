"""How much quicker the pooling study's programs are than the loop one would first write, measured side by side.

Knows networks and a clock; knows no result.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch

from hiercls.study.pooling_documents import Documents
from hiercls.study.pooling_naive import train_naively
from hiercls.study.pooling_networks import train_networks
from hiercls.study.pooling_setup import NetworkConfig
from hiercls.study.pooling_sweep import SweepConfig, networks_of, runs_of
from hiercls.study.pooling_tasks import Pair, joint_runs, main_tasks

N_EPOCHS, N_ROUNDS = (5, 15), 5
"""What is timed: the first with all that comes before, the difference for what each epoch more takes; how often."""


def speed(documents: Documents, pairs: Sequence[Pair], config: SweepConfig) -> dict[str, dict[str, float]]:
    """Time one program of networks alone and one of joint runs, and each of their networks in the naive loop.

    The naive loop trains a main task anew for each pair, and each pair's joint run for one role; the programs train
    each main task once, and a joint run for both roles. It is timed with Adam as torch has it by default, and fused.

    Args:
        documents: The corpus.
        pairs: The pairs that the sweep is for.
        config: How networks are trained; one thread.

    Returns:
        Hours of one core for one repeat, and how many times that of the programs it is: medians over rounds in which
        all take turns, and the least.
    """
    seconds: dict[str, list[float]] = {"programs": [], "naive loop": [], "naive loop, fused Adam": []}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    kinds = [_Kind.of(documents, pairs, config, n_tasks) for n_tasks in (1, 2)]
    for number in range(N_ROUNDS + 1):
        for name, found in seconds.items():
            spent = sum(kind.seconds(name) for kind in kinds)
            if number:  # the first round warms up
                found.append(spent)
    torch.set_num_threads(threads)
    rounds = {name: np.array(found) for name, found in seconds.items()}
    times = {name: found / rounds["programs"] for name, found in rounds.items()}
    return {
        name: {
            "hours": round(float(np.median(found)) / 3600, 3),
            "times": float(np.median(times[name])),
            "least": float(times[name].min()),
        }
        for name, found in rounds.items()
    }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Kind:
    """Networks of one or of two tasks: what each way trains, and how often a repeat holds that."""

    ways: Mapping[str, Callable[[NetworkConfig], object]]
    times: Mapping[str, float]
    config: NetworkConfig

    @classmethod
    def of(cls, documents: Documents, pairs: Sequence[Pair], config: SweepConfig, n_tasks: int) -> _Kind:
        """Some networks of a kind: as many as go into a program, and the first of them for the loop."""
        runs = [run for run in runs_of(pairs, [0]) if len(run[1]) == n_tasks][:: len(pairs) // 8][: config.side_by_side]
        networks = networks_of(documents, runs, config.per_class)
        n_programs = (len(list(main_tasks(pairs))) if n_tasks == 1 else len(joint_runs(pairs))) / len(networks)
        ways: dict[str, Callable[[NetworkConfig], object]] = {
            "programs": partial(train_networks, networks),
            "naive loop": partial(train_naively, networks[0]),
            "naive loop, fused Adam": partial(train_naively, networks[0], fused=True),
        }
        times = {name: n_programs if name == "programs" else len(pairs) for name in ways}
        return cls(ways=ways, times=times, config=config.alone if n_tasks == 1 else config.joint)

    def seconds(self, name: str) -> float:
        """Seconds of a whole repeat: by what a few epochs take, and what each one more."""
        brief, longer = (_seconds(self.ways[name], replace(self.config, n_epochs=n)) for n in N_EPOCHS)
        each = (longer - brief) / (N_EPOCHS[1] - N_EPOCHS[0])
        return self.times[name] * (brief + each * (self.config.n_epochs - N_EPOCHS[0]))


def _seconds(way: Callable[[NetworkConfig], object], config: NetworkConfig) -> float:
    start = time.process_time()
    way(config)
    return time.process_time() - start
