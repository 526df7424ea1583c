"""Shards on a cluster of Ray, or on one that is started on this machine for the purpose.

Knows Ray Data; what is done with a shard, ``scale/job`` knows. Ray asks nobody who they are: a cluster that is started
here listens on this machine alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from hiercls.errors import Problem, require
from hiercls.scale.job import Job, Manifest, score_shard
from hiercls.scale.local import one_thread
from hiercls.scale.shards import Shard

LOGICAL = 2
"""Logical processors beside one a worker: with none to spare, Ray Data was seen to wait for itself."""


def run_on_ray(job: Job, shards: Sequence[Shard], *, workers: int) -> Iterator[Manifest | Problem]:
    """Answer shards by a pool of actors of Ray Data.

    It joins the cluster that ``RAY_ADDRESS`` names; without one, a cluster for this job is started on the loopback
    address and ended with it. An actor that dies is started again, and its shard is done again.

    Args:
        job: What is asked.
        shards: What is read, from addresses that all machines of the cluster reach.
        workers: Actors.

    Yields:
        What became of each shard, as they are done.

    Raises:
        MissingExtraError: If Ray is not installed.
    """
    ray, data = require("ray", extra="ray"), require("ray.data", extra="ray")
    begun_here = not ray.is_initialized()
    if begun_here:
        ray.init(log_to_driver=False, logging_level="ERROR", **_cluster(workers))
    try:
        context = data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        items = [{"shard": json.dumps(asdict(shard))} for shard in shards]
        asked = data.from_items(items, override_num_blocks=len(items)).map_batches(
            Worker,
            fn_constructor_args=(job,),
            batch_size=1,
            num_cpus=1,
            num_gpus=1 if (job.device or "").startswith("cuda") else None,
            compute=data.ActorPoolStrategy(size=min(workers, len(items))),
        )
        for row in asked.iter_rows():
            yield _read(row["outcome"])
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

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Answer the shards of a batch, which Ray Data gives and takes as columns."""
        with one_thread():
            return {"outcome": [answered(self.job, told) for told in batch["shard"]]}


def answered(job: Job, shard: str) -> str:
    """What became of a shard, both as JSON, for engines whose tables hold no objects.

    Args:
        job: What is asked.
        shard: The shard.

    Returns:
        Its manifest or problem.
    """
    outcome = score_shard(job, Shard(**json.loads(shard)))
    return json.dumps(outcome.plain if isinstance(outcome, Manifest) else {"problem": asdict(outcome)})


def _read(told: str) -> Manifest | Problem:
    """What :func:`answered` told."""
    plain = json.loads(told)
    return Problem(**plain["problem"]) if "problem" in plain else Manifest.read(told.encode())


def _cluster(workers: int) -> dict[str, Any]:
    """The cluster that is named, or one of this machine alone."""
    if os.environ.get("RAY_ADDRESS"):
        return {"address": os.environ["RAY_ADDRESS"]}
    return {
        "address": "local",
        "num_cpus": workers + LOGICAL,
        "include_dashboard": False,
        "_node_ip_address": "127.0.0.1",
    }
