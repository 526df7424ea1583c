"""Runs of a study side by side: in this process, in processes of this machine, or on a running cluster of Ray or Dask.

Knows joblib's backends; not what a run is.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, TypeVar

import joblib

from hiercls.errors import ConfigError, require

Backend = Literal["local", "ray", "dask"]

T = TypeVar("T")


def run_many(
    work: Callable[..., T], given: Iterable[Sequence[Any]], *, backend: Backend = "local", workers: int = 1
) -> Iterator[T]:
    """Do a work for each of some arguments.

    Args:
        work: A function of a module, so that other processes find it.
        given: Its arguments, each a sequence; they are taken as they are needed.
        backend: ``local`` processes of one thread each, or a cluster that is running: of ``ray``, as ``RAY_ADDRESS``
            names it, or of ``dask``, as a client or ``DASK_SCHEDULER_ADDRESS`` does. Dask's workers must be of one
            thread each, since a process has one random state.
        workers: How many at once; -1: as many as there are cores. One local worker is this process, in order.

    Yields:
        What comes of them, as they are done.

    Raises:
        ConfigError: If there is no such backend, no cluster of Dask, or no worker.
        MissingExtraError: If it is not installed.

    Example:
        >>> list(run_many(pow, [(2, 3), (3, 2)]))
        [8, 9]
    """
    if workers < 1 and workers != -1:
        raise ConfigError(f"expected 1 worker or more, or -1 for one a core, got {workers}")
    name = _registered(backend)
    if backend == "local" and workers == 1:
        yield from itertools.starmap(work, given)
        return
    options: dict[str, Any] = {"backend": name, "n_jobs": workers}
    if backend == "local":
        options["inner_max_num_threads"] = 1
    streams = backend != "ray"  # which gives its results back all at once
    left = iter(given)
    with _client(backend), joblib.parallel_config(**options):
        together = joblib.Parallel(return_as="generator_unordered" if streams else "list", batch_size=1)
        size = None if streams else 4 * together.n_jobs
        while wave := list(itertools.islice(left, 1)):
            yield from together(
                joblib.delayed(work)(*one) for one in itertools.chain(wave, itertools.islice(left, size))
            )


def _registered(name: Backend) -> str:
    """What joblib calls a backend, registered if need be."""
    if name == "local":
        return "loky"
    if name == "ray":
        require("ray", extra="cluster")
        from ray.util.joblib import register_ray

        register_ray()
    elif name == "dask":
        require("distributed", extra="cluster")
    else:
        raise ConfigError(f"expected a backend 'local', 'ray' or 'dask', got {name!r}")
    return name


def _client(name: Backend) -> AbstractContextManager[Any]:
    """What joins a cluster of Dask, if nothing has yet; Ray's backend joins its own."""
    if name != "dask":
        return nullcontext()
    distributed = require("distributed", extra="cluster")
    try:
        return nullcontext(distributed.default_client())
    except ValueError:
        address = os.environ.get("DASK_SCHEDULER_ADDRESS")
    if address is None:
        raise ConfigError(
            "expected a cluster of Dask that is running, got none; set DASK_SCHEDULER_ADDRESS to its scheduler's "
            "address, such as tcp://127.0.0.1:8786"
        )
    try:
        client: AbstractContextManager[Any] = distributed.Client(address)
    except OSError as error:
        raise ConfigError(f"no scheduler of Dask answers at '{address}', which DASK_SCHEDULER_ADDRESS names") from error
    return client
