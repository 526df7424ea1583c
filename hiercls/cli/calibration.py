"""The command that makes a trained model's probabilities believable on held-out documents.

Knows options and how results are worded; the calibration is the estimator's. A model is changed in place, whole or not
at all.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hiercls.cli.app import aligned, counted, note
from hiercls.cli.documents import (
    Device,
    Rejects,
    SkipBad,
    Skipping,
    device_of,
    read_labelled,
    shows_progress,
)
from hiercls.errors import ConfigError

if TYPE_CHECKING:
    from hiercls.calibration import Calibration, Scaling
    from hiercls.calibration import Method as Plain


class Method(StrEnum):
    """What is free in a calibration."""

    temperature = "temperature"
    vector = "vector"
    bias_corrected = "bias-corrected"

    @property
    def plain(self) -> Plain:
        """The name that the estimator knows."""
        names: dict[Method, Plain] = {
            Method.temperature: "temperature",
            Method.vector: "vector",
            Method.bias_corrected: "bias_corrected",
        }
        return names[self]


def register(app: typer.Typer) -> None:
    """Add the command.

    Args:
        app: What it is added to.
    """
    app.command(epilog="Example: hiercls calibrate model heldout.csv --per-customer")(calibrate)


def calibrate(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="The folder of a trained model.")],
    data: Annotated[
        list[Path],
        typer.Argument(metavar="DATA", help="Labelled documents that were not trained on, at any views of the model."),
    ],
    method: Annotated[
        Method,
        typer.Option(help="One temperature; with a bias for each topic; or a temperature and a bias for each topic."),
    ] = Method.temperature,
    per_customer: Annotated[
        bool, typer.Option("--per-customer", help="Give every customer with documents a calibration of its own, too.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="MODEL", help="A folder for the calibrated model; else in place."),
    ] = None,
    device: Device = None,
    skip_bad: SkipBad = False,
    rejects: Rejects = None,
) -> None:
    """Make a model's probabilities believable: of the answers at 80 %, four of five shall be right.

    Coarse labels will do, of any customers and levels. A calibration that the model has already is replaced.
    """
    if output is not None and output.exists():
        raise ConfigError(f"'{output}' is there already; without --output the model is changed in place")
    from hiercls.estimator import HierarchicalTextClassifier
    from hiercls.estimator.tasks import need_one_topic

    skipping = Skipping.of(skip_bad, rejects)
    classifier = HierarchicalTextClassifier.from_pretrained(model, device=device_of(device))
    need_one_topic(classifier.scorer_, "calibrate")
    documents = read_labelled(classifier.taxonomy_, data, skipping=skipping)
    classifier.set_params(verbose=shows_progress())
    classifier.calibrate_rows(documents.rows, method=method.plain, per_customer=per_customer)
    classifier.set_params(verbose=False).save_pretrained(output or model)
    calibration = classifier.calibration_
    if calibration is not None:
        typer.echo("\n".join(_table(calibration)))
    note(f"wrote {output or model}")


def _table(calibration: Calibration) -> list[str]:
    """On how many documents, and what it changed."""
    rows = [("", "documents", "temperature", "loss before", "loss after"), _line("all", calibration.pooled)]
    rows += [_line(f"customer {name}", scaling) for name, scaling in calibration.customers.items()]
    count = counted(calibration.pooled.n_documents, "document")
    return [f"calibrated on {count}; losses in nats a document", *aligned(rows)]


def _line(name: str, scaling: Scaling) -> tuple[str, ...]:
    numbers = (scaling.temperature, scaling.loss_before, scaling.loss_after)
    return name, f"{scaling.n_documents:,}", *(f"{number:.3f}" for number in numbers)
