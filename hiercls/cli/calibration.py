"""The commands that show a trained model held-out documents: calibrate for probabilities, conformalize for promises.

Knows options and how results are worded; what is learnt is the estimator's. A model is changed in place, whole or not
at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiercls.cli.app import AsJson, aligned, counted, note, show
from hiercls.cli.documents import (
    Device,
    Model,
    Rejects,
    SkipBad,
    Skipping,
    load_model,
    read_labelled,
    shows_progress,
)

if TYPE_CHECKING:
    from hiercls.calibration import Calibration, Scaling
    from hiercls.calibration import Method as Plain
    from hiercls.data.rows import Row
    from hiercls.estimator import HierarchicalTextClassifier

HeldOutData = Annotated[
    list[Path],
    typer.Argument(metavar="DATA", help="Labelled documents that were not trained on, at any views of the model."),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="MODEL", help="A folder for the changed model; else in place."),
]


class Method(StrEnum):
    """What is free in a calibration."""

    adaptive = "adaptive"
    temperature = "temperature"
    vector = "vector"
    bias_corrected = "bias-corrected"

    @property
    def plain(self) -> Plain:
        """The name that the estimator knows."""
        names: dict[Method, Plain] = {
            Method.adaptive: "adaptive",
            Method.temperature: "temperature",
            Method.vector: "vector",
            Method.bias_corrected: "bias_corrected",
        }
        return names[self]


def register(app: typer.Typer) -> None:
    """Add the commands.

    Args:
        app: What they are added to.
    """
    app.command(epilog="Example: hiercls calibrate model heldout.csv --per-customer")(calibrate)
    app.command(epilog="Example: hiercls conformalize model heldout.csv")(conformalize)


def calibrate(
    model: Model,
    data: HeldOutData,
    method: Annotated[
        Method | None,
        typer.Option(
            help="One temperature that follows how sure the model is, the default; one for all; a temperature and a "
            "bias for each topic; or one temperature and a bias for each, the default of a multilabel model."
        ),
    ] = None,
    per_customer: Annotated[
        bool, typer.Option("--per-customer", help="Give every customer with documents a calibration of its own, too.")
    ] = False,
    output: Output = None,
    device: Device = None,
    skip_bad: SkipBad = False,
    rejects: Rejects = None,
    as_json: AsJson = False,
) -> None:
    """Make a model's probabilities believable: of the answers at 80 %, four of five shall be right.

    Coarse labels will do, of any customers and levels. A calibration that the model has already is replaced. Where
    documents may have several topics, so is the probability from which a class is predicted.
    """
    classifier, rows = _opened(model, data, output, device, Skipping.of(skip_bad, rejects))
    classifier.calibrate_rows(rows, method=None if method is None else method.plain, per_customer=per_customer)
    classifier.set_params(verbose=False).save_pretrained(output or model)
    calibration = classifier.calibration_
    if calibration is not None:
        show(calibration.to_dict(), _table(calibration), as_json=as_json)
    note(f"wrote {output or model}")


def conformalize(
    model: Model,
    data: HeldOutData,
    output: Output = None,
    device: Device = None,
    skip_bad: SkipBad = False,
    rejects: Rejects = None,
    as_json: AsJson = False,
) -> None:
    """Show a model held-out documents, so that 'hiercls predict' can promise --coverage and --accuracy.

    The promises are for documents like these. They are exact where these were neither trained on nor calibrated on;
    with coarse labels more is kept than promised. What the model said of them is saved with it, their texts are not.
    """
    classifier, rows = _opened(model, data, output, device, Skipping.of(skip_bad, rejects))
    classifier.conformalize_rows(rows)
    classifier.set_params(verbose=False).save_pretrained(output or model)
    found = _promises(classifier)
    show(found, _promises_table(found, classifier), as_json=as_json)
    note(f"wrote {output or model}")


def _opened(
    model: Path, data: list[Path], output: Path | None, device: str | None, skipping: Skipping
) -> tuple[HierarchicalTextClassifier, tuple[Row, ...]]:
    """A model that shows its progress, and the rows that it is shown."""
    from hiercls.model.multilabel import SeveralTopics

    classifier = load_model(model, device, output=output)
    several = isinstance(classifier.scorer_.task, SeveralTopics)
    documents = read_labelled(classifier.taxonomy_, data, skipping=skipping, multilabel=several)
    classifier.set_params(verbose=shows_progress())
    return classifier, documents.rows


def _promises(classifier: HierarchicalTextClassifier) -> dict[str, Any]:
    """On how many documents, and what promises take."""
    from hiercls.model.task import OneTopic

    promises, taxonomy = classifier.promises_, classifier.taxonomy_
    fine = taxonomy.view(taxonomy.levels[-1])
    rows = []
    for promised in (0.8, 0.9, 0.95):
        rule = promises.sets(at=fine, calibrated_at=fine, coverage=promised, score="lac")
        size = rule.sets(promises.topics(promises.heldout, fine)).sum(axis=1).mean()
        row = {"promised": promised, "n_classes": size}
        if isinstance(promises.scorer.task, OneTopic):
            threshold = promises.climbing(accuracy=promised).threshold
            row["threshold"] = threshold if threshold <= 1 else None
        rows.append(row)
    return {"n_documents": rule.n_documents, "n_coarse": rule.n_coarse, "promises": rows}


def _promises_table(found: Mapping[str, Any], classifier: HierarchicalTextClassifier) -> list[str]:
    """The same as a table."""
    level, n_topics = classifier.taxonomy_.levels[-1], len(classifier.taxonomy_.topics)
    climbs = "threshold" in found["promises"][0]
    rows = [("promised", f"classes in a set of {level}s", *(["threshold of nodes"] if climbs else []))]
    for row in found["promises"]:
        threshold = row.get("threshold")
        nodes = ["–" if threshold is None else f"{threshold:.3f}"] if climbs else []
        rows.append((f"{row['promised']:.0%}", f"{row['n_classes']:.1f} of {n_topics}", *nodes))
    coarse = f"; {found['n_coarse']:,} have coarse labels: more is kept than promised" if found["n_coarse"] else ""
    return [f"held out {counted(found['n_documents'], 'document')}{coarse}", *aligned(rows)]


def _table(calibration: Calibration) -> list[str]:
    """On how many documents, and what it changed."""
    rows = [("", "documents", "temperature", "loss before", "loss after"), _line("all", calibration.pooled)]
    rows += [_line(f"customer {name}", scaling) for name, scaling in calibration.customers.items()]
    count = counted(calibration.pooled.n_documents, "document")
    return [f"calibrated on {count}; losses in nats a document", *aligned(rows)]


def _line(name: str, scaling: Scaling) -> tuple[str, ...]:
    numbers = (scaling.temperature, scaling.loss_before, scaling.loss_after)
    return name, f"{scaling.n_documents:,}", *(f"{number:.3f}" for number in numbers)
