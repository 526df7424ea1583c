"""What happens to every request, whatever it asks: its body is bounded, its time is taken.

Knows ASGI; knows no route.
"""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from typing import Any

from fastapi import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hiercls.serving.metrics import Metrics


class BodyLimit:
    """Refuses bodies that are too large, by what they announce or as soon as they are.

    Args:
        app: What answers the others.
        n_bytes: The largest body.
    """

    def __init__(self, app: ASGIApp, *, n_bytes: int) -> None:
        self.app, self.n_bytes = app, n_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it with 413."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        said = f"the body is larger than {self.n_bytes:,} bytes; send fewer documents at a time"
        announced = dict(scope["headers"]).get(b"content-length", b"")
        if announced.isdigit() and int(announced) > self.n_bytes:
            refusal = JSONResponse({"detail": said, "problems": []}, 413, headers={"connection": "close"})
            await refusal(scope, receive, send)
            return
        n_read = 0

        async def bounded() -> Message:
            nonlocal n_read
            message = await receive()
            n_read += len(message.get("body", b""))
            if n_read > self.n_bytes:
                raise HTTPException(413, said, headers={"connection": "close"})
            return message

        await self.app(scope, bounded, send)


class Measured:
    """Counts requests by route, status and time, and has no browser guess what an answer is.

    Args:
        app: What answers.
        metrics: Where it is counted.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request and count it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begin, status = time.perf_counter(), 500

        async def noted(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-content-type-options", b"nosniff")]
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self.metrics.request(route, status=status, seconds=time.perf_counter() - begin)
