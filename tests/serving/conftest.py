"""A model on the words of the tiny world that trains in a second, and clients of applications around it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import uvicorn
from starlette.testclient import TestClient

from hiercls.estimator import HierarchicalTextClassifier
from hiercls.serving import CustomerStore, Limits, Service, Tokens
from hiercls.serving.app import build_app

ADMIN, ONE, TWO, LATER = (f"token-of-{name}-0123456789" for name in ("admin", "one", "two", "later"))


@pytest.fixture(scope="session")
def classifier(tiny, tiny_documents) -> HierarchicalTextClassifier:
    """Trained on topics, so that it is sure of its words; held-out documents allow sets."""
    texts, topics = tiny_documents
    model = HierarchicalTextClassifier(tiny, encoder=None).fit(texts[:72], topics[:72])
    return model.conformalize(texts[72:], topics[72:])


@pytest.fixture
def serve(classifier) -> Iterator[Callable[..., TestClient]]:
    """Starts an application: ``serve(store=…, tokens=…, limits=…)``; it ends with the test."""
    with ExitStack() as stack:

        def start(
            *, model: Any = classifier, store: CustomerStore | None = None, tokens: Tokens | None = None, **limits: Any
        ) -> TestClient:
            service = Service(model, store=store, limits=Limits(**limits))
            return stack.enter_context(TestClient(build_app(service, tokens=tokens)))

        yield start


@pytest.fixture(scope="module")
def live(classifier) -> Iterator[Callable[..., str]]:
    """Starts a server on a free port, as ``serve`` does, and gives its address; it ends with the module's tests."""
    with ExitStack() as stack:

        def start(
            *, model: Any = classifier, store: CustomerStore | None = None, tokens: Tokens | None = None, **limits: Any
        ) -> str:
            app = build_app(Service(model, store=store, limits=Limits(**limits)), tokens=tokens)
            server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
            listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
            thread.start()
            stack.callback(thread.join, 30)
            stack.callback(setattr, server, "should_exit", True)
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            return f"http://127.0.0.1:{listening.getsockname()[1]}"

        yield start


@pytest.fixture
def tokens() -> Tokens:
    """An admin, two customers, and one who has no classes yet."""
    return Tokens(admin=ADMIN, customers={"one": ONE, "two": TWO, "later": LATER})


@pytest.fixture
def bearer() -> Callable[[str], dict[str, str]]:
    """The header of a token by name: ``bearer("one")``."""
    return lambda name: {"Authorization": f"Bearer token-of-{name}-0123456789"}
