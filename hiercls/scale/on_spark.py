"""Shards on Spark: the session that is there, or one on this machine that is started for the purpose.

Knows Spark; what is done with a shard, ``scale/job`` knows. A shard is read and written by the task that answers it, so
that Spark moves names alone; what a task that failed had begun, the next one does again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from hiercls.errors import Problem, require
from hiercls.scale.job import Job, Manifest, score_shard
from hiercls.scale.local import DEATHS, one_thread
from hiercls.scale.shards import Shard


def run_on_spark(job: Job, shards: Sequence[Shard], *, workers: int) -> Iterator[Manifest | Problem]:
    """Answer shards by a task each.

    It takes the session of this process (``spark-submit``, a notebook); without one, a session on this machine listens
    on the loopback address and ends with the job. A task that fails is done again, as Spark's settings say.

    Args:
        job: What is asked.
        shards: What is read, from addresses that all machines of the cluster reach.
        workers: Tasks at once, where the session is started here; else Spark's settings say.

    Yields:
        What became of each shard, when all are done.

    Raises:
        MissingExtraError: If Spark is not installed.
    """
    with session_of(workers) as (session, _):
        work = partial(_answered, job)
        yield from session.sparkContext.parallelize(shards, len(shards)).map(work).collect()


@contextmanager
def session_of(workers: int) -> Iterator[tuple[Any, bool]]:
    """The session of this process, or one on this machine that ends with the block.

    Args:
        workers: Tasks at once of the latter.

    Yields:
        The session, and whether it was started for the block.

    Raises:
        MissingExtraError: If Spark is not installed.
    """
    sql = require("pyspark.sql", extra="spark")
    session = sql.SparkSession.getActiveSession()
    if session is not None:
        yield session, False
        return
    session = _started(sql, workers)
    try:
        yield session, True
    finally:
        session.stop()


def _answered(job: Job, shard: Shard) -> Manifest | Problem:
    """What becomes of a shard in a task; the process that answers it keeps the model for the next."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    with one_thread():
        return score_shard(job, shard)


def _started(sql: Any, workers: int) -> Any:
    """A session of this machine alone, whose tasks run this Python."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    settings = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.log.level": "ERROR",
    }
    builder = sql.SparkSession.builder.master(f"local[{workers}, {DEATHS}]").appName("hiercls score")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()
