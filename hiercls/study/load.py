"""The load test: a server on one core, its clients on another, beside the same model offline on one core.

Knows the protocol and where results go; how documents are scored, ``scoring`` knows, and how they are served, the
command ``serve``.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hiercls.errors import ConfigError
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.files import write_text
from hiercls.study.clients import Answered, ask
from hiercls.study.newsgroups import versions_and_machine
from hiercls.study.report import write_json

WARM = 0.1
"""The part of the time, from its beginning, that is not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadConfig:
    """What is run.

    Args:
        model: The folder of a trained model.
        texts: The documents, which are asked for in turn, one a request.
        seconds: For how long.
        connections: How many clients ask at the same time.

    Raises:
        ConfigError: If there are no documents, or this process may not be bound to two cores.
    """

    model: Path
    texts: Sequence[str]
    seconds: float = 600.0
    connections: int = 64

    def __post_init__(self) -> None:
        if not self.texts:
            raise ConfigError("expected documents to ask for, got none")
        if not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2:
            raise ConfigError("the load test needs Linux and two cores: one for the server, one for its clients")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How fast documents were scored.

    Args:
        documents: How many.
        seconds: In how long.
        cpu_seconds: How long the processor was busy with it; less than ``seconds`` where others kept it busy, too.
    """

    documents: int
    seconds: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        """Documents a second."""
        return self.documents / self.seconds

    @property
    def per_cpu_second(self) -> float:
        """Documents a second of processor time."""
        return self.documents / self.cpu_seconds


def run_load(config: LoadConfig, folder: Path, *, say: Callable[[str], object]) -> str:
    """Measure and write ``serve.json`` and ``serve.md``.

    Args:
        config: What is run.
        folder: Where results go.
        say: Told of progress.

    Returns:
        The report in Markdown.
    """
    folder.mkdir(parents=True, exist_ok=True)
    first, second = sorted(os.sched_getaffinity(0))[:2]
    before = offline(config.model, config.texts, core=first)
    say(f"offline, one core: {before.per_second:.0f} documents/s")
    served, answered, memory = _served(config, server_core=first, client_core=second)
    say(f"served, one core: {served.per_second:.0f} documents/s")
    after = offline(config.model, config.texts, core=first)
    say(f"offline, once more: {after.per_second:.0f} documents/s")
    results = {
        "conditions": {
            "documents": len(config.texts),
            "seconds": config.seconds,
            "connections": config.connections,
            **versions_and_machine({}),
        },
        "offline": [dataclasses.asdict(rate) for rate in (before, after)],
        "served": dataclasses.asdict(served),
        **summary(answered, memory),
    }
    write_json(folder / "serve.json", results)
    text = report(results)
    write_text(folder / "serve.md", text)
    return text


def offline(model: Path, texts: Sequence[str], *, core: int) -> Rate:
    """Score documents once, in a process on one core: text in, the likeliest topic out.

    Args:
        model: The folder of a trained model.
        texts: The documents.
        core: The core.

    Returns:
        How fast.
    """
    with ProcessPoolExecutor(
        1, mp_context=get_context("spawn"), initializer=os.sched_setaffinity, initargs=(0, {core})
    ) as pool:
        return pool.submit(_score, model, texts).result()


def _score(model: Path, texts: Sequence[str]) -> Rate:
    """What the process does: all documents at once, and nothing is cached."""
    torch.set_num_threads(1)
    scorer = HierarchicalTextClassifier.from_pretrained(model, device="cpu").scorer_
    if scorer.engine is not None:
        scorer = dataclasses.replace(scorer, engine=scorer.engine.without_cache())
    scorer.topics(texts[:32])  # the first time takes longest
    begin, busy = time.perf_counter(), time.process_time()
    scorer.topics(texts).argmax(dim=1)
    return Rate(documents=len(texts), seconds=time.perf_counter() - begin, cpu_seconds=time.process_time() - busy)


def _served(
    config: LoadConfig, *, server_core: int, client_core: int
) -> tuple[Rate, list[Answered], list[tuple[float, int]]]:
    """Ask a server: how fast it was after the warm part, all answers, and (when, bytes) of its memory."""
    bodies = [json.dumps({"documents": [text]}).encode() for text in config.texts]
    allowed = os.sched_getaffinity(0)
    with running_server(config.model, cores={server_core}) as (process, port):
        try:
            os.sched_setaffinity(0, {client_core})
            with watched(process.pid) as seen:
                answered = ask(
                    "127.0.0.1", port, "/predict", bodies, connections=config.connections, seconds=config.seconds
                )
        finally:
            os.sched_setaffinity(0, allowed)
    begin = seen[0][0] + WARM * config.seconds
    counted = [one for one in seen if one[0] >= begin]
    (start, _, busy), (end, _, busy_at_end) = counted[0], counted[-1]
    n_documents = sum(one.status == 200 and start < one.end <= end for one in answered)
    rate = Rate(documents=n_documents, seconds=end - start, cpu_seconds=busy_at_end - busy)
    return rate, [one for one in answered if one.end > start], [(when, size) for when, size, _ in counted]


@contextmanager
def running_server(model: Path, *options: str, cores: Collection[int]) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The command ``serve`` on the loopback address and any free port, until the block ends.

    Args:
        model: The folder of a trained model.
        *options: More of the command's options.
        cores: Where it may compute.

    Yields:
        The process and its port.

    Raises:
        ConfigError: If it does not start; with what it said.
    """
    command = [sys.executable, "-m", "hiercls", "serve", str(model), "--port", "0", "--device", "cpu", *options]
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)  # what a process begins inherits it
    try:
        process = subprocess.Popen(
            command,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        os.sched_setaffinity(0, allowed)
    errors = process.stderr or io.StringIO()
    said: list[str] = []
    reading = threading.Thread(target=said.extend, args=(errors,), daemon=True)
    try:
        for line in errors:
            said.append(line)
            if found := re.search(r"running on http://127\.0\.0\.1:(\d+)", line):
                reading.start()
                yield process, int(found[1])
                return
        raise ConfigError(f"the server did not start: {''.join(said)}")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        if reading.ident is not None:
            reading.join()
        errors.close()


@contextmanager
def watched(pid: int) -> Iterator[list[tuple[float, int, float]]]:
    """Look at a process twice a second, until the block ends.

    Args:
        pid: The process.

    Yields:
        A list that grows by when, bytes of memory and seconds of processor time.
    """
    found, ended = [_usage(pid)], threading.Event()

    def watch() -> None:
        while not ended.wait(0.5):
            found.append(_usage(pid))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def _usage(pid: int) -> tuple[float, int, float]:
    """When, bytes of memory and seconds of processor time."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    busy = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return time.perf_counter(), pages * os.sysconf("SC_PAGE_SIZE"), busy


def summary(answered: Sequence[Answered], memory: Sequence[tuple[float, int]]) -> dict[str, Any]:
    """How long answers took, how many failed, and whether memory grew.

    Args:
        answered: What the requests met.
        memory: When, and bytes of the server's memory.

    Returns:
        Plain data: seconds, counts and megabytes.

    Example:
        >>> answers = [Answered(end=0.0, seconds=0.1, status=200), Answered(end=1.0, seconds=0.3, status=429)]
        >>> found = summary(answers, [(0.0, 2_000_000), (60.0, 3_000_000)])
        >>> found["latency"]["p50"], found["failed"], found["memory"]["growth"]
        (0.2, {'429': 1}, 1.0)
    """
    seconds = np.quantile([one.seconds for one in answered], [0.5, 0.95, 0.99])
    failed = [str(one.status) for one in answered if one.status != 200]
    minutes, sizes = np.array(memory).T / [[60.0], [1e6]]
    growth = np.polyfit(minutes - minutes[0], sizes, 1)[0] * (minutes[-1] - minutes[0])
    return {
        "latency": dict(zip(("p50", "p95", "p99"), seconds.round(4).tolist(), strict=True)),
        "requests": len(answered),
        "failed": {status: failed.count(status) for status in sorted(set(failed))},
        "memory": {"first": round(sizes[0], 1), "last": round(sizes[-1], 1), "growth": round(float(growth), 1)},
    }


def report(results: dict[str, Any]) -> str:
    """The results as a page.

    Args:
        results: What ``serve.json`` holds.

    Returns:
        Markdown.
    """
    conditions, latency, memory = results["conditions"], results["latency"], results["memory"]
    rates = {
        "offline, before": Rate(**results["offline"][0]),
        "offline, after": Rate(**results["offline"][1]),
        f"served to {conditions['connections']} connections": Rate(**results["served"]),
    }
    *alone, served = rates.values()
    ratio = served.per_second / np.mean([rate.per_second for rate in alone])
    busy = served.per_cpu_second / np.mean([rate.per_cpu_second for rate in alone])
    failed = ", ".join(f"{count:,} × {status}" for status, count in results["failed"].items()) or "none"
    return "\n".join(
        [
            "# A server on one core, its clients on another",
            "",
            " ".join(f"{name}: {value}." for name, value in conditions.items()),
            "",
            "Every request brings one document; all documents are asked for in turn. Offline the same documents are",
            "scored at once, in a process of its own on the server's core. Not counted is the first "
            f"{100 * WARM:.0f} % of the time.",
            "",
            "| | documents/s | documents per second of processor time |",
            "|---|---|---|",
            *(f"| {name} | {rate.per_second:.0f} | {rate.per_cpu_second:.0f} |" for name, rate in rates.items()),
            f"| served / offline | {100 * ratio:.0f} % | {100 * busy:.0f} % |",
            "",
            f"- {results['requests']:,} requests; failed: {failed}.",
            f"- Time to answer: half within {latency['p50']:.3f} s, 95 % within {latency['p95']:.3f} s, "
            f"99 % within {latency['p99']:.3f} s.",
            f"- Memory of the server: {memory['first']:.0f} MB, at the end {memory['last']:.0f} MB; "
            f"a line through all samples rises by {memory['growth']:+.1f} MB.",
            "",
        ]
    )
