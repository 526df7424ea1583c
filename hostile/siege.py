"""A server under siege: ``python -m hostile.siege SECONDS`` says what was answered meanwhile, and what it held.

Knows the command ``serve``, honest clients, and attackers by name. A wrong or missing answer, a status that an attack
may not be told, or a customer that is lost ends in exit code 1.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from hiercls.study.load import running_server, watched
from hostile.besiegers import Attack, attacks, request, told

TOKENS = {name: f"token-of-{name}-0123456789" for name in ("admin", "one")}
N_ATTACKERS, N_CLIENTS = 6, 2
PAUSE, FOUNDING = 0.5, 20.0
"""Seconds between an attacker's or a client's requests, and between new customers."""


@dataclass(slots=True)
class Log:
    """What happened.

    Args:
        statuses: What attacks were told, by their names.
        wrong: What must not have happened, in words.
        waited: Seconds that each right answer to an honest client took.
        founded: Customers that the server said it has.
        memory: When, bytes of memory and seconds of processor time of the server.
    """

    statuses: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    wrong: list[str] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    founded: list[str] = field(default_factory=list)
    memory: list[tuple[float, int, float]] = field(default_factory=list)


def besiege(model: Path, documents: dict[str, str], folder: Path, *, seconds: float) -> Log:
    """Serve a model, attack the server, ask it, add customers; then kill it, and ask for the customers again.

    Args:
        model: The folder of a trained model that has the customer ``one``.
        documents: Texts, with the class of ``one`` that the model gives each.
        folder: Where tokens and customers are kept.
        seconds: For how long.

    Returns:
        What happened.
    """
    (folder / "tokens.yaml").write_text(json.dumps({"admin": TOKENS["admin"], "customers": {"one": TOKENS["one"]}}))
    log, until = Log(), time.monotonic() + seconds
    options = ("--tokens", str(folder / "tokens.yaml"), "--store", str(folder / "customers.json"))
    serve = partial(running_server, model, *options, cores=os.sched_getaffinity(0))
    with serve() as (process, port):
        address = ("127.0.0.1", port)
        works: list[Callable[[int], None]] = [lambda number: _attack(address, log, until, number)] * N_ATTACKERS
        works += [lambda number: _ask(address, documents, log, until, number)] * N_CLIENTS
        works.append(lambda number: _found(address, log, until))
        threads = [threading.Thread(target=_noted, args=(work, number, log)) for number, work in enumerate(works)]
        with watched(process.pid) as log.memory:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        process.send_signal(signal.SIGKILL)
    with serve() as (_, port):
        _, body = told(("127.0.0.1", port), _plain(request("/views", token=TOKENS["admin"], method="GET")))
        lost = set(log.founded) - {view["name"] for view in json.loads(body)}
        log.wrong += [f"customer '{name}' was lost" for name in sorted(lost)]
    kept = ("statuses", "waited", "founded", "memory")
    log.wrong += [f"there was no {what}" for what in kept if not getattr(log, what)]
    return log


def _noted(work: Callable[[int], None], number: int, log: Log) -> None:
    """Do a work, and note it where it ends before its time."""
    try:
        work(number)
    except Exception as error:
        log.wrong.append(f"work {number} broke off: {type(error).__name__}: {error}")


def _plain(data: bytes) -> Attack:
    """A request in good faith."""
    return Attack(send=lambda connection: connection.sendall(data), allowed=frozenset({200, 201}))


def _attack(address: tuple[str, int], log: Log, until: float, number: int) -> None:
    """Attacks one after the other, each attacker its own draws."""
    draw = random.Random(number)
    while time.monotonic() < until:
        found = attacks(TOKENS, draw)
        name = draw.choice(sorted(found))
        status, body = told(address, found[name])
        log.statuses[name][status] += 1
        if status not in found[name].allowed:
            log.wrong.append(f"{name}: told {status}, {body[:200]!r}")
        time.sleep(PAUSE)


def _ask(address: tuple[str, int], documents: dict[str, str], log: Log, until: float, number: int) -> None:
    """An honest client: each answer must be the model's own."""
    draw, texts = random.Random(number), sorted(documents)
    while time.monotonic() < until:
        chosen = draw.sample(texts, 3)
        body = json.dumps({"documents": chosen, "at": ["one"]}).encode()
        begin = time.monotonic()
        status, answer = told(address, _plain(request("/predict", body, token=TOKENS["one"])))
        took = time.monotonic() - begin
        try:
            given = [document["answers"][0]["labels"] for document in json.loads(answer)["documents"]]
        except (ValueError, LookupError, TypeError):
            given = []
        if status == 200 and given == [[documents[text]] for text in chosen]:
            log.waited.append(took)
        else:
            log.wrong.append(f"an honest client was told {status}, {answer[:200]!r}")
        time.sleep(PAUSE)


def _found(address: tuple[str, int], log: Log, until: float) -> None:
    """Add customers."""
    number = 0
    while time.monotonic() < until:
        name = f"customer {number}"
        body = json.dumps({"customer": name, "classes": {"First": ["A", "B", "C"], "Other": "rest"}}).encode()
        status, answer = told(
            address, _plain(request("/customers", body, token=TOKENS["admin"], kind="application/yaml"))
        )
        if status == 201:
            log.founded.append(name)
        else:
            log.wrong.append(f"a new customer was told {status}, {answer[:200]!r}")
        number += 1
        time.sleep(FOUNDING)


def report(log: Log) -> str:
    """What happened, in lines.

    Args:
        log: All of it.

    Returns:
        Text.
    """
    waits = np.quantile(log.waited, [0.5, 0.99]) * 1_000 if log.waited else [float("nan")] * 2
    sizes = np.array([size for _, size, _ in log.memory]) / 1e6
    thirds = [f"{part.mean():.0f}" for part in np.array_split(sizes, 3) if len(part)]
    lines = [f"{name}: {dict(sorted(told.items()))}" for name, told in sorted(log.statuses.items())]
    return "\n".join(
        [
            *lines,
            f"attacks: {sum(told.total() for told in log.statuses.values()):,} of {len(log.statuses)} kinds",
            f"right answers to honest clients: {len(log.waited):,}; median {waits[0]:.0f} ms, p99 {waits[1]:.0f} ms",
            f"customers added, and there after a SIGKILL: {len(log.founded):,}",
            f"memory, MB, mean of each third: {' / '.join(thirds)}; at most {sizes.max():.0f}",
            f"wrong: {len(log.wrong)}",
            *log.wrong[:20],
        ]
    )


def main(seconds: float) -> int:
    """Besiege a model of the tiny world.

    Args:
        seconds: For how long.

    Returns:
        0 if nothing went wrong, else 1.
    """
    from hiercls.data import read
    from hiercls.estimator import HierarchicalTextClassifier
    from hiercls.taxonomy import shipped

    rows = read(shipped("tiny").with_suffix(".jsonl")).rows
    classifier = HierarchicalTextClassifier(shipped("tiny")).fit_rows(rows)
    texts = sorted({row.text for row in rows})
    labels = classifier.predict(texts, at="one")
    with tempfile.TemporaryDirectory() as place:
        classifier.save_pretrained(Path(place) / "model")
        log = besiege(Path(place) / "model", dict(zip(texts, labels, strict=True)), Path(place), seconds=seconds)
    print(report(log))
    return 1 if log.wrong else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
