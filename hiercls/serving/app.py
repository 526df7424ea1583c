"""The application: routes, tokens, errors as answers, and its beginning and end.

Knows HTTP; what is answered, ``service`` and ``answers`` know.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from hiercls import __version__
from hiercls.serving.batching import Batcher
from hiercls.serving.errors import handle_errors
from hiercls.serving.memory import giving_back_memory
from hiercls.serving.metrics import Metrics
from hiercls.serving.middleware import BodyLimit, Measured
from hiercls.serving.page import router as page
from hiercls.serving.routes import router as routes
from hiercls.serving.service import Service
from hiercls.serving.state import State
from hiercls.serving.tokens import Tokens

_ABOUT = """Classify documents at the topics, at any level of the hierarchy, and at any customer's own classes.

Where the server knows tokens, all routes but `/`, `/healthz`, `/readyz` and `/metrics` ask for one. A customer's token
sees that customer's classes alone. Requests that come at the same time are scored together; where too much waits they
are refused with 429, and may come again."""


def build_app(service: Service, *, tokens: Tokens | None = None) -> FastAPI:
    """The application around a model; its scoring threads live from the application's start to its end.

    Args:
        service: The model, its added customers and its limits.
        tokens: Who may ask; None: everybody, and nobody may add customers.

    Returns:
        An ASGI application.

    Example:
        >>> from hiercls.estimator import HierarchicalTextClassifier
        >>> from hiercls.taxonomy import shipped
        >>> model = HierarchicalTextClassifier(shipped("tiny"), encoder=None)
        >>> app = build_app(Service(model.fit(["red fox", "red hen", "blue sea", "blue sky"], ["A", "A", "D", "D"])))
        >>> "/predict" in app.openapi()["paths"]
        True
    """
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        queue = partial(Batcher, giving_back_memory(service.topics), limits=service.limits, observe=metrics.batch)
        app.state.hiercls = parts = State(
            service=service, batcher=queue(), explainer=queue(), tokens=tokens or Tokens(), metrics=metrics
        )
        metrics.watch(lambda: parts.n_waiting)
        await asyncio.to_thread(service.topics, [""])  # the first time takes longest
        try:
            yield
        finally:
            await asyncio.to_thread(parts.close)

    app = FastAPI(
        title="hiercls",
        version=__version__,
        description=_ABOUT,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.include_router(routes)
    app.include_router(page)
    handle_errors(app)
    app.add_middleware(BodyLimit, n_bytes=service.limits.n_body_bytes)
    app.add_middleware(Measured, metrics=metrics)
    return app
