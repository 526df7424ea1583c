"""Shards on the processes of this machine, one thread each.

Knows processes; what is done with a shard, ``scale/job`` knows.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits

from hiercls.errors import HierclsError, Problem
from hiercls.scale.job import Job, Manifest, score_shard
from hiercls.scale.shards import Shard

DEATHS = 3
"""How often in a row workers may die, no shard being finished between, before that is an error."""


class WorkersDiedError(HierclsError, RuntimeError):
    """Processes that were killed again and again at the same shards."""


def run_here(job: Job, shards: Sequence[Shard], *, workers: int) -> Iterator[Manifest | Problem]:
    """Answer shards in processes of this machine; one worker is this process itself.

    A worker that is killed, such as for want of memory, is replaced, and what it had begun is done again.

    Args:
        job: What is asked.
        shards: What is read.
        workers: Processes.

    Yields:
        What became of each shard, as they are done.

    Raises:
        WorkersDiedError: If workers die and nothing is finished between.
    """
    if workers == 1:
        with one_thread():
            yield from (score_shard(job, shard) for shard in shards)
        return
    left, n_deaths = dict.fromkeys(shards), 0
    while left:
        pool = ProcessPoolExecutor(min(workers, len(left)), multiprocessing.get_context("spawn"), _begin)
        try:
            futures = {pool.submit(score_shard, job, shard): shard for shard in left}
            for future in as_completed(futures):
                outcome = future.result()
                del left[futures[future]]
                n_deaths = 0
                yield outcome
        except BrokenProcessPool as error:
            n_deaths += 1
            if n_deaths == DEATHS:
                raise WorkersDiedError(_obituary(list(left)[:workers])) from error
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for everything that is computed in this process, until the block ends."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(limits=1):
            yield
    finally:
        torch.set_num_threads(before)


def _begin() -> None:
    """Set a worker up: one thread, and an end with the process that began it, however that ends."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    torch.set_num_threads(1)
    threadpool_limits(limits=1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Wait until the parent is no more; without this a worker would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _obituary(shards: Sequence[Shard]) -> str:
    """What is said of workers that died."""
    named = ", ".join(f"'{shard.address}'" for shard in shards)
    return (
        f"worker processes were killed {DEATHS} times in a row and finished nothing between, at work on {named} or "
        "near them; if memory ran out, take fewer workers (what is done is kept: the same command goes on from there)"
    )
