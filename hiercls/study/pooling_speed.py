"""How much quicker the pooling study's programs are than the loop one would first write, measured side by side.

Knows networks and a clock; knows no result.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from functools import partial

import torch

from hiercls.study.pooling_documents import Documents
from hiercls.study.pooling_naive import train_naively
from hiercls.study.pooling_networks import train_networks
from hiercls.study.pooling_setup import NetworkConfig
from hiercls.study.pooling_sweep import SweepConfig, networks_of, runs_of
from hiercls.study.pooling_tasks import Pair, joint_runs, main_tasks

N_EPOCHS = (5, 15)
"""What is timed: the first with all that comes before, the difference for what each epoch more takes."""


def speed(documents: Documents, pairs: Sequence[Pair], config: SweepConfig) -> dict[str, dict[str, float]]:
    """Time one program of networks alone and one of joint runs, and each of their networks in the naive loop.

    The naive loop trains a main task anew for each pair, and each pair's joint run for one role; the programs train
    each main task once, and a joint run for both roles. It is timed with Adam as torch has it by default, and fused.

    Args:
        documents: The corpus.
        pairs: The pairs that the sweep is for.
        config: How networks are trained; one thread.

    Returns:
        Hours of one core for one repeat, and how many times that of the programs it is.
    """
    found: dict[str, float] = {"programs": 0.0, "naive loop": 0.0, "naive loop, fused Adam": 0.0}
    counts = {1: (len(list(main_tasks(pairs))), len(pairs)), 2: (len(joint_runs(pairs)), len(pairs))}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for n_tasks, whole in ((1, config.alone), (2, config.joint)):
        runs = [run for run in runs_of(pairs, [0]) if len(run[1]) == n_tasks][:: len(pairs) // 8][: config.side_by_side]
        networks = networks_of(documents, runs, config.per_class)
        ways: dict[str, tuple[int, Callable[[NetworkConfig], object], int]] = {
            "programs": (0, partial(train_networks, networks), len(networks)),
            "naive loop": (1, partial(train_naively, networks[0]), 1),
            "naive loop, fused Adam": (1, partial(train_naively, networks[0], fused=True), 1),
        }
        for name, (which, way, n_networks) in ways.items():
            brief, longer = (_seconds(way, dataclasses.replace(whole, n_epochs=n)) for n in N_EPOCHS)
            each = (longer - brief) / (N_EPOCHS[1] - N_EPOCHS[0])
            found[name] += (brief + each * (whole.n_epochs - N_EPOCHS[0])) / n_networks * counts[n_tasks][which] / 3600
    torch.set_num_threads(threads)
    return {name: {"hours": round(hours, 3), "times": hours / found["programs"]} for name, hours in found.items()}


def _seconds(way: Callable[[NetworkConfig], object], config: NetworkConfig) -> float:
    start = time.process_time()
    way(config)
    return time.process_time() - start
