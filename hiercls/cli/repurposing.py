"""The command that learns labels which have nothing to do with the topics: hiercls customer repurpose.

Knows options and how answers are written; what is learnt is the estimator's.
"""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hiercls.cli.app import counted, note
from hiercls.cli.documents import Device, Model
from hiercls.cli.inferring import classes_of
from hiercls.cli.onboarding import all_rows, opened
from hiercls.errors import ConfigError

if TYPE_CHECKING:
    from hiercls.customers import Repurposer


class HeadName(StrEnum):
    """Which head is fitted."""

    logistic_regression = "logistic-regression"
    linear_svm = "linear-svm"
    rbf_svm = "rbf-svm"
    gaussian_process = "gaussian-process"
    laplace = "laplace"
    neighbours = "neighbours"
    cache = "cache"


def register(group: typer.Typer) -> None:
    """Add the command.

    Args:
        group: The commands of ``hiercls customer``.
    """
    group.command(epilog="Example: hiercls customer repurpose model labelled.csv --head laplace -o acme.head")(
        repurpose
    )


def repurpose(
    model: Model,
    documents: Annotated[
        list[Path],
        typer.Argument(metavar="DOCS", help="Documents; those with one label each teach, others are answered."),
    ],
    head: Annotated[HeadName, typer.Option(help="What reads the features.")] = HeadName.logistic_regression,
    layer: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A part of the encoder, such as encoder.layer.3; by default the encodings."),
    ] = None,
    saved: Annotated[
        Path | None, typer.Option("--with", metavar="HEAD", help="A head that was saved; nothing is learnt.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="HEAD", help="Where the head is saved; without pickle.")
    ] = None,
    device: Device = None,
) -> None:
    """Learn labels that have nothing to do with the topics, on the model's encoder; the model stays as it is.

    Documents without a label are answered on stdout, one JSON object each, with label and probability.
    """
    from hiercls.customers.repurpose import Repurposer

    rows = all_rows(documents)
    labelled = [] if saved is not None else [row for row in rows if row.labels]
    left = rows if saved is not None else [row for row in rows if not row.labels]
    if saved is None and not labelled:
        raise ConfigError("expected documents with a label to learn from, got none; or give a saved head: --with HEAD")
    classifier, known = opened(model, None, device), classes_of(labelled)
    if saved is not None:
        repurposer = Repurposer.load(saved)
    else:
        repurposer = classifier.repurpose([row.text for row in labelled], known, head=head.value, layers=layer or ())
        note(_told(repurposer, n_documents=len(labelled)))
    if output is not None:
        repurposer.save(output)
        note(f"wrote {output}")
    layers = () if repurposer.layers_ == ["encoding"] else tuple(repurposer.layers_)
    if left:
        shares = repurposer.predict_proba(classifier.features([row.text for row in left], layers=layers))
        for row in shares:
            answer = {"label": str(repurposer.classes_[row.argmax()]), "probability": round(float(row.max()), 6)}
            typer.echo(json.dumps(answer, ensure_ascii=False))


def _told(repurposer: Repurposer, *, n_documents: int) -> str:
    """What was learnt, and how well as far as that is known."""
    learnt = counted(len(repurposer.classes_), "class", "classes")
    right = repurposer.held_out_accuracy_
    found = "" if right is None else f"; {right:.1%} of them right when held out in turn"
    return f"learnt {learnt} from {counted(n_documents, 'document')}{found}"
