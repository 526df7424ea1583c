"""The command that says what to do with a customer's labelled documents: hiercls customer advise.

Knows options and how advice is worded; what is tried is the estimator's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hiercls.cli.app import AsJson, aligned, show
from hiercls.cli.documents import Device, Model
from hiercls.cli.onboarding import Documents, all_rows, opened, rows_of

if TYPE_CHECKING:
    from hiercls.customers import Advice


def register(group: typer.Typer) -> None:
    """Add the command.

    Args:
        group: The commands of ``hiercls customer``.
    """
    group.command(epilog="Example: hiercls customer advise model labelled.csv --at acme")(advise)


def advise(
    model: Model,
    documents: Documents,
    at: Annotated[
        str | None, typer.Option("--at", metavar="CUSTOMER", help="The customer; without it, it has no YAML.")
    ] = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Say which way serves a customer best, how sure that is, and what 100 more labels would bring.

    The YAML alone, adapting, classes inferred from the labels, and heads of its own are tried by cross-validation on
    the documents, which must not have been trained on. The model stays as it is.
    """
    classifier = opened(model, None, device)
    rows = all_rows(documents) if at is None else rows_of(classifier, documents, at)
    found = classifier.advise_rows(rows, at=at)
    show(found, [*_table(found), str(found)], as_json=as_json)


def _table(found: Advice) -> list[str]:
    """The ways, the simplest first; a star beside the one to use."""
    rows: list[tuple[str, ...]] = [("way", "accuracy", "with 100 labels more", "")]
    for place, name in enumerate(found.ways):
        reached = f"{found.accuracy[place]:.1%} ± {found.error[place]:.1%}"
        rows.append((name, reached, f"{found.foretold[place]:.1%}", "*" if place == found.best else ""))
    return aligned(rows)
