"""Clients that ask a server over HTTP at the same time, and note when each answer came.

Knows sockets and clocks; knows no model. As little as does it, since a client that is slower than the server measures
itself.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

_HEAD = "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What one request met.

    Args:
        end: When its answer was read whole, by ``time.perf_counter``.
        seconds: How long that took.
        status: The answer's status; 0 where the connection broke.
    """

    end: float
    seconds: float
    status: int


def ask(
    host: str, port: int, path: str, bodies: Sequence[bytes], *, connections: int, seconds: float
) -> list[Answered]:
    """Post bodies over and over, each connection its next as soon as its last is answered.

    Args:
        host: The server's address.
        port: Its port.
        path: What is asked for.
        bodies: The requests' bodies; they are taken in turn by whichever connection is free.
        connections: How many ask at the same time.
        seconds: For how long new requests are begun.

    Returns:
        What every request met, in the order of their answers.
    """
    requests = [_HEAD.format(path=path, host=host, size=len(body)).encode() + body for body in bodies]
    return asyncio.run(_ask_all(host, port, requests, connections=connections, seconds=seconds))


async def _ask_all(
    host: str, port: int, requests: Sequence[bytes], *, connections: int, seconds: float
) -> list[Answered]:
    """All connections until the time is over."""
    answered: list[Answered] = []
    turn, until = itertools.cycle(requests), time.perf_counter() + seconds
    await asyncio.gather(*(_connection(host, port, turn, until, answered) for _ in range(connections)))
    return answered


async def _connection(host: str, port: int, turn: Iterator[bytes], until: float, answered: list[Answered]) -> None:
    """One connection, opened again where it breaks."""
    while (begin := time.perf_counter()) < until:
        try:
            async with _opened(host, port) as (reader, writer):
                while (begin := time.perf_counter()) < until:
                    writer.write(next(turn))
                    status = await _status(reader)
                    end = time.perf_counter()
                    answered.append(Answered(end=end, seconds=end - begin, status=status))
        except (OSError, asyncio.IncompleteReadError):
            end = time.perf_counter()
            answered.append(Answered(end=end, seconds=end - begin, status=0))
            await asyncio.sleep(0.05)


@asynccontextmanager
async def _opened(host: str, port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection that is closed at the end, whatever happens."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _status(reader: asyncio.StreamReader) -> int:
    """The status of an answer that says how long it is; all of it is read."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    size = head.partition(b"content-length:")[2].split(b"\r\n")[0]
    await reader.readexactly(int(size or 0))
    return int(head.split()[1])
