"""The command that serves a trained model over HTTP.

Knows options and a socket; what is served, ``hiercls.serving`` knows.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from hiercls.cli.app import counted, note, warn
from hiercls.cli.documents import Device, Model, load_model
from hiercls.errors import ConfigError, require

if TYPE_CHECKING:
    from hiercls.serving import Tokens

ADMIN = "HIERCLS_TOKEN"
"""The environment variable that may hold the admin token."""
SECONDS_TO_CLOSE = 30
"""How long requests that came before the end may take."""


def register(app: typer.Typer) -> None:
    """Add the command.

    Args:
        app: What it is added to.
    """
    app.command(epilog="Example: hiercls serve model --tokens tokens.yaml")(serve)


def serve(
    model: Model,
    host: Annotated[str, typer.Option(help="Where to listen; 0.0.0.0 is everywhere.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 is any that is free.")] = 8000,
    tokens: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Who may ask, in YAML: {admin: TOKEN, customers: {NAME: TOKEN}}."),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where added customers are kept; by default MODEL.customers.json."),
    ] = None,
    max_documents: Annotated[int, typer.Option(min=1, help="Documents of a request.")] = 256,
    max_characters: Annotated[int, typer.Option(min=1, help="Characters of a document.")] = 100_000,
    max_megabytes: Annotated[int, typer.Option(min=1, help="Megabytes of a request.")] = 4,
    max_waiting: Annotated[int, typer.Option(min=1, help="Documents that may wait to be scored.")] = 2048,
    device: Device = None,
) -> None:
    """Answer over HTTP what the model says, with a page to try it out; needs the extra 'serve'.

    Without tokens everybody who reaches it sees everything, and no customers can be added. The admin token, in --tokens
    or in the variable HIERCLS_TOKEN, sees everything and adds customers; a customer's token sees its own classes alone.
    /openapi.json describes all routes. Ctrl-C or SIGTERM lets it finish what it has begun.
    """
    uvicorn = _uvicorn()
    from hiercls.serving import CustomerStore, Limits, Service
    from hiercls.serving.app import build_app

    limits = Limits(
        n_documents=max_documents,
        n_characters=max_characters,
        n_body_bytes=max_megabytes * 2**20,
        n_waiting=max_waiting,
    )
    known = _tokens(tokens)
    classifier = load_model(model, device)
    kept = CustomerStore.beside(model) if store is None else CustomerStore(path=store)
    service = Service(classifier, store=kept, limits=limits)
    _announce(known, customers=service.taxonomy.customers, host=host)
    uvicorn.run(
        build_app(service, tokens=known),
        host=host,
        port=port,
        server_header=False,
        timeout_graceful_shutdown=SECONDS_TO_CLOSE,
    )


def _uvicorn() -> ModuleType:
    """What listens, if all that the extra brings is there."""
    for module in ("fastapi", "prometheus_client"):
        require(module, extra="serve")
    return require("uvicorn", extra="serve")


def _tokens(file: Path | None) -> Tokens:
    """The tokens of the file and of the environment."""
    from hiercls.serving import Tokens

    found = Tokens() if file is None else Tokens.from_yaml(file)
    admin = os.environ.get(ADMIN)
    if not admin:
        return found
    if found.admin is not None:
        raise ConfigError(f"the admin token is both in '{file}' and in {ADMIN}; leave one out")
    return Tokens(admin=admin, customers=found.customers)


def _announce(tokens: Tokens, *, customers: tuple[str, ...], host: str) -> None:
    """Say what is served, and what may not be meant."""
    note(f"serving the topics, their levels and {counted(len(customers), 'customer')}")
    if not tokens.needed and host not in ("127.0.0.1", "::1", "localhost"):
        warn("without tokens everybody who reaches this machine sees all customers' classes; --tokens shuts them out")
    unknown = [f"'{name}'" for name in tokens.customers if name not in customers]
    if unknown:
        warn(f"there are tokens for customers that the model does not have yet: {', '.join(unknown)}")
