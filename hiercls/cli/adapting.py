"""The command that adapts a trained model to one customer by few labelled documents: hiercls customer adapt.

Knows options and how results are worded; what is found out is the estimator's.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hiercls.cli.app import AsJson, aligned, note, show
from hiercls.cli.documents import Device, Model
from hiercls.cli.onboarding import At, Documents, opened, rows_of

if TYPE_CHECKING:
    from hiercls.customers import Adaptation

N_MIX = 5
"""Topics whose shares are shown: those that differ most from the pooled mix."""


class How(StrEnum):
    """What is free."""

    prior = "prior"
    filing = "filing"


def register(group: typer.Typer) -> None:
    """Add the command.

    Args:
        group: The commands of ``hiercls customer``.
    """
    group.command(epilog="Example: hiercls customer adapt model labelled.csv --at acme")(adapt)


def adapt(
    model: Model,
    documents: Documents,
    at: At,
    method: Annotated[
        How,
        typer.Option(
            help="filing: the customer's mix of topics, and how it files the documents of each; "
            "prior: the mix alone, where its classes are kept to."
        ),
    ] = How.filing,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="MODEL", help="A folder for the changed model; else in place."),
    ] = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Adapt a trained model to one customer by a few of its labelled documents: 50 to 200 are enough.

    What it files under which class is learnt, and how often each topic comes. Whether that helps is tried on the
    documents themselves, each foreseen from others; where it is not sure to, the customer is left as it was. Other
    customers' answers do not change. The documents must not have been trained on.
    """
    if output is not None and dry_run:
        raise typer.BadParameter("--output is for a changed model, which --dry-run does not make: give one of the two")
    classifier = opened(model, output, device)
    pooled = classifier.scorer_.mix.answered
    found = classifier.adapt_rows(rows_of(classifier, documents, at), at=at, method=method.value)
    said = {"helps": found.helps, "moved": found.moved, "mix": dict(zip(found.view.topics, found.mix, strict=True))}
    show(said, [str(found), *(_lines(found, pooled.tolist()) if found.helps else [])], as_json=as_json)
    if not found.helps:
        return
    if not dry_run:
        classifier.set_params(verbose=False).save_pretrained(output or model)
        note(f"'{at}' is adapted to in '{output or model}' now; hiercls customer replace undoes it")


def _lines(found: Adaptation, pooled: list[float]) -> list[str]:
    """What is filed elsewhere than declared, and the shares of topics that differ most."""
    lines = [f"{share:.0%} of '{topic}' documents are expected under '{name}'" for topic, name, share in found.moved]
    mix = found.mix.tolist()
    order = sorted(range(len(mix)), key=lambda place: -abs(mix[place] - pooled[place]))
    rows = [(found.view.topics[place], f"{mix[place]:.1%}", f"{pooled[place]:.1%}") for place in order[:N_MIX]]
    return [*lines, *aligned([("topic", "share", "all customers"), *rows])]
