"""What a server must not be harmed by: requests that are broken, too large, too slow, or from nobody it knows.

Knows bytes, sockets and what each request may be told; knows no server.
"""

from __future__ import annotations

import json
import random
import re
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

Send = Callable[[socket.socket], None]

DROPPED = 0
"""The status of a request whose connection the server ended without a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One request.

    Args:
        send: Writes it to a connection.
        allowed: Statuses that it may be told.
        patience: Seconds that its answer is waited for.
    """

    send: Send
    allowed: frozenset[int]
    patience: float = 60.0


def told(address: tuple[str, int], attack: Attack) -> tuple[int, bytes]:
    """Send a request.

    Args:
        address: Where.
        attack: What.

    Returns:
        The status and the body of the answer; ``DROPPED`` and what came, where no whole one did.

    Raises:
        OSError: If nobody listens there.
    """
    received = b""
    with socket.create_connection(address, timeout=attack.patience) as connection, suppress(OSError):
        with suppress(OSError):  # it need not read to the end what it refuses
            attack.send(connection)
        while part := connection.recv(1 << 16):
            received += part
            head, gap, body = received.partition(b"\r\n\r\n")
            size = re.search(rb"(?i)content-length: *(\d+)", head)
            if gap and size and len(body) >= int(size[1]):
                break
    head, _, body = received.partition(b"\r\n\r\n")
    status = re.match(rb"HTTP/1\.[01] (\d{3})", head)
    return (int(status[1]) if status else DROPPED), body


def request(
    path: str, body: bytes = b"", *, token: str | None = None, method: str = "POST", kind: str = "application/json"
) -> bytes:
    """A request as bytes.

    Args:
        path: What is asked for.
        body: What is sent.
        token: Who asks.
        method: How.
        kind: The body's type.

    Returns:
        Head and body; the connection ends with the answer.
    """
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([*lines, "", ""]).encode() + body


def attacks(tokens: Mapping[str, str], draw: random.Random) -> dict[str, Attack]:
    """One of each kind, drawn anew.

    Args:
        tokens: Of ``admin`` and of the customer ``one``, who may not see ``two``.
        draw: What is drawn by.

    Returns:
        Requests by what is wrong with them.
    """
    one = tokens["one"]
    good = json.dumps({"documents": ["The rocket left for Venus."]}).encode()
    long, many = "x" * 200_000, ["a"] * 300
    return {
        **_of_nobody(good, draw),
        **_of_the_wrong_one(one, draw),
        **_malformed(one, good, draw),
        "too many bytes": _whole(request("/predict", b" " * (5 << 20), token=one), 413, DROPPED),
        "too many documents": _whole(request("/predict", _documents(many), token=one), 413),
        "a document of 200,000 letters": _whole(request("/predict", _documents([long]), token=one), 413),
        "chunks without end": Attack(send=_chunks(one), allowed=frozenset({413, DROPPED})),
        "a byte a second": Attack(send=_slowly(good, one), allowed=frozenset({DROPPED, 200, 408})),
        "silence": Attack(send=lambda connection: time.sleep(20), allowed=frozenset({DROPPED}), patience=5.0),
        "gone before the answer": Attack(
            send=_leave(request("/predict", good, token=one)), allowed=frozenset({DROPPED})
        ),
        "gone in the middle": Attack(
            send=_leave(request("/predict", good, token=one)[:-9]), allowed=frozenset({DROPPED})
        ),
        **_hostile_yaml(tokens["admin"]),
    }


def _documents(texts: list[str]) -> bytes:
    return json.dumps({"documents": texts}).encode()


def _whole(data: bytes, *allowed: int) -> Attack:
    return Attack(send=lambda connection: connection.sendall(data), allowed=frozenset(allowed))


def _of_nobody(good: bytes, draw: random.Random) -> dict[str, Attack]:
    """Without a token, and with tokens that nobody has."""
    path = draw.choice(["/views", "/taxonomy"])
    wrong = draw.choice(["x", "a" * 60_000, "admin", "'; drop table", "é"])
    return {
        "no token": _whole(request("/predict", good), 401),
        "no token to look around": _whole(request(path, method="GET"), 401),
        "a made-up token": _whole(request("/predict", good, token=wrong), 401, 400, 431, DROPPED),
        "no token to add a customer": _whole(request("/customers", b"{customer: z, classes: {A: X}}"), 401),
    }


def _of_the_wrong_one(one: str, draw: random.Random) -> dict[str, Attack]:
    """A customer that asks for what is not its own."""
    at = draw.choice(["two", "three", "topic", "nobody"])
    asked = json.dumps({"documents": ["The rocket left for Venus."], "at": [at]}).encode()
    return {
        "another's view": _whole(request("/predict", asked, token=one), 403),
        "a customer that adds customers": _whole(
            request("/customers", b"{customer: z, classes: {A: X}}", token=one), 403
        ),
    }


def _malformed(one: str, good: bytes, draw: random.Random) -> dict[str, Attack]:
    """What is no request, or no message."""
    cut = good[: draw.randrange(1, len(good))]
    wild = draw.randbytes(draw.randrange(1, 4_000))
    other = draw.choice(
        [b"[]", b"{}", b'{"documents": 7}', b'{"documents": []}', b'{"documents": [null]}', b"null", b"1e999"]
    )
    deep = b"[" * 100_000
    path = draw.choice(["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/predict/../x", "//", "/" + "a" * 60_000])
    return {
        "JSON cut off": _whole(request("/predict", cut, token=one), 400, 422),
        "bytes for JSON": _whole(request("/predict", wild, token=one), 400, 422),
        "another message": _whole(request("/predict", other, token=one), 400, 422),
        "JSON of 100,000 brackets": _whole(request("/predict", deep, token=one), 400, 422),
        "bytes for a request": _whole(wild + b"\r\n\r\n", 400, DROPPED),
        "a head of 100 kB": _whole(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 16_000 + b"\r\n", 400, 431, DROPPED),
        "a path elsewhere": _whole(request(path, method="GET", token=one), 400, 404, 414, DROPPED),
        "a method that is none": _whole(
            request("/predict", good, token=one, method=draw.choice(["PUT", "X", "GET"])), 405
        ),
        "another type": _whole(request("/predict", good, token=one, kind="text/plain"), 415, 422, 400),
        "a length that lies": _whole(
            request("/predict", good, token=one).replace(b"Length: ", b"Length: -"), 400, DROPPED
        ),
    }


def _hostile_yaml(admin: str) -> dict[str, Attack]:
    """Customers made to do harm."""
    bomb = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
        b"%c: &%c [%s]\n" % (97 + n, 97 + n, b",".join([b"*%c" % (96 + n)] * 9)) for n in range(1, 9)
    )
    kind = "application/yaml"
    return {
        "an alias bomb": _whole(request("/customers", bomb, token=admin, kind=kind), 422),
        "60 kB of nesting": _whole(request("/customers", b"[" * 60_000, token=admin, kind=kind), 422),
        "a customer that is none": _whole(
            request("/customers", b"{customer: z, classes: {A: Mars}}", token=admin, kind=kind), 422
        ),
        "YAML that asks for code": _whole(
            request("/customers", b"!!python/object/apply:os.system ['true']", token=admin, kind=kind), 422
        ),
    }


def _chunks(token: str) -> Send:
    """A body in chunks, 64 MB of it."""
    head = request("/predict", token=token).replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n")

    def send(connection: socket.socket) -> None:
        connection.sendall(head)
        for _ in range(1_000):
            connection.sendall(b"10000\r\n" + b" " * (1 << 16) + b"\r\n")

    return send


def _slowly(good: bytes, token: str) -> Send:
    """A request, a byte at a time."""
    data = request("/predict", good, token=token)[:20]

    def send(connection: socket.socket) -> None:
        for place in range(len(data)):
            connection.sendall(data[place : place + 1])
            time.sleep(1)
        connection.shutdown(socket.SHUT_WR)

    return send


def _leave(data: bytes) -> Send:
    """A request, and an end before its answer."""

    def send(connection: socket.socket) -> None:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_RDWR)

    return send
