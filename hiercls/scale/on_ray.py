"""Shards on a cluster of Ray, or on one that is started on this machine for the purpose.

Knows actors; what is done with a shard, ``scale/job`` knows. Ray asks nobody who they are: a cluster that is started
here listens on this machine alone. One actor is one model, and takes shard after shard: a shard is read and written
where the actor is, so that neither documents nor answers pass through Ray.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from hiercls.errors import Problem, require
from hiercls.scale.job import Job, Manifest, score_shard
from hiercls.scale.local import DEATHS, WorkersDiedError, one_thread
from hiercls.scale.shards import Shard


def run_on_ray(job: Job, shards: Sequence[Shard], *, workers: int) -> Iterator[Manifest | Problem]:
    """Answer shards by a pool of actors.

    It joins the cluster that ``RAY_ADDRESS`` names; without one, a cluster for this job is started on the loopback
    address and ended with it. An actor that dies is started again, and its shard is done again.

    Args:
        job: What is asked.
        shards: What is read, from addresses that all machines of the cluster reach.
        workers: Actors, of one processor each; of one GPU, too, where the job's device is one.

    Yields:
        What became of each shard, as they are done.

    Raises:
        MissingExtraError: If Ray is not installed.
        WorkersDiedError: If actors die again and again at the same shard.
    """
    ray, pools = require("ray", extra="ray"), require("ray.util", extra="ray")
    begun_here = not ray.is_initialized()
    if begun_here:
        ray.init(log_to_driver=False, logging_level="ERROR", **cluster(workers))
    try:
        n_gpus = 1 if (job.device or "").startswith("cuda") else 0
        actor = ray.remote(num_cpus=1, num_gpus=n_gpus, max_restarts=-1, max_task_retries=DEATHS)(Worker)
        pool = pools.ActorPool([actor.remote(job) for _ in range(min(workers, len(shards)))])
        yield from pool.map_unordered(lambda one, shard: one.score.remote(shard), shards)
    except ray.exceptions.RayActorError as error:
        raise WorkersDiedError(
            f"an actor was killed {DEATHS} times at one shard, and started again in vain ({error}); if memory ran out, "
            "take fewer workers (what is done is kept: the same command goes on from there)"
        ) from error
    finally:
        if begun_here:
            ray.shutdown()


class Worker:
    """An actor: a model that is loaded once, and answers shard by shard.

    Args:
        job: What is asked.
    """

    def __init__(self, job: Job) -> None:
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
        self.job = job

    def score(self, shard: Shard) -> Manifest | Problem:
        """Answer a shard."""
        with one_thread():
            return score_shard(self.job, shard)


def cluster(workers: int) -> dict[str, Any]:
    """What ``ray.init`` is told: the cluster that ``RAY_ADDRESS`` names, or one of this machine alone.

    Args:
        workers: Processors of the latter.

    Returns:
        Its arguments.
    """
    if os.environ.get("RAY_ADDRESS"):
        return {"address": os.environ["RAY_ADDRESS"]}
    return {
        "address": "local",
        "num_cpus": workers,
        "include_dashboard": False,
        "_node_ip_address": "127.0.0.1",
        "_system_config": {"worker_niceness": 0},  # by default actors step back behind all else that runs
    }
