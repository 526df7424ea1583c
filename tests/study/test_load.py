"""The load test: what clients note, what is made of it, and the whole on a small model for a second."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from hiercls.errors import ConfigError
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.study.clients import Answered, ask
from hiercls.study.load import LoadConfig, run_load, summary


@contextmanager
def answering(reply):
    """A server that reads requests with a body and answers each with ``reply(number)``; None closes the connection."""
    loop, numbers, bodies = asyncio.new_event_loop(), iter(range(10**9)), []

    async def connected(reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                bodies.append(await reader.readexactly(size))
                answer = reply(next(numbers))
                if answer is None:
                    break
                writer.write(answer)
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    server = loop.run_until_complete(asyncio.start_server(connected, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield server.sockets[0].getsockname()[1], bodies

    async def end():
        server.close()
        await asyncio.sleep(0.05)

    asyncio.run_coroutine_threadsafe(end(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def ok(size):
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s" % (size, b"x" * size)


def test_every_connection_asks_again_once_it_is_answered():
    with answering(lambda number: ok(number % 3)) as (port, bodies):
        found = ask("127.0.0.1", port, "/predict", [b"a", b"bb"], connections=4, seconds=0.3)
    assert {one.status for one in found} == {200}
    assert len(found) == len(bodies) > 8
    assert bodies.count(b"a") - bodies.count(b"bb") in (0, 1)
    assert all(0 < one.seconds < 0.5 for one in found)


def test_refusals_and_broken_connections_are_noted():
    def reply(number):
        return (ok(1), b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n", None)[number % 3]

    with answering(reply) as (port, _):
        found = ask("127.0.0.1", port, "/predict", [b"a"], connections=1, seconds=0.5)
    assert [one.status for one in found[:6]] == [200, 429, 0] * 2


def test_a_growth_of_memory_is_found():
    answered = [Answered(end=float(place), seconds=place / 100, status=200) for place in range(101)]
    memory = [(30.0 * place, 1_000_000 * (50 + place)) for place in range(21)]
    found = summary(answered, memory)
    assert found["latency"] == {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    assert found["memory"] == {"first": 50.0, "last": 70.0, "growth": 20.0}
    assert found["failed"] == {}


def test_it_says_what_it_needs(monkeypatch):
    with pytest.raises(ConfigError, match="got none"):
        LoadConfig(model=Path("model"), texts=[])
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0}, raising=False)
    with pytest.raises(ConfigError, match="two cores"):
        LoadConfig(model=Path("model"), texts=["a"])


@pytest.mark.slow
def test_a_server_is_measured_and_ends(tiny, tiny_documents, tmp_path):
    texts, topics = tiny_documents
    HierarchicalTextClassifier(tiny, encoder=None).fit(texts, topics).save_pretrained(tmp_path / "model")
    allowed = os.sched_getaffinity(0)
    config = LoadConfig(model=tmp_path / "model", texts=texts, seconds=4.0, connections=3)
    text = run_load(config, tmp_path / "out", say=lambda _: None)
    results = json.loads((tmp_path / "out" / "serve.json").read_text())
    assert os.sched_getaffinity(0) == allowed
    assert results["failed"] == {}
    assert 10 < results["served"]["documents"] <= results["requests"]
    assert results["served"]["cpu_seconds"] <= results["served"]["seconds"] * 1.1  # one core
    assert results["latency"]["p50"] <= results["latency"]["p99"] < 4
    assert "| served / offline |" in text
    assert "failed: none" in text
