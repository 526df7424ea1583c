"""The commands that get to know a customer from its documents: hiercls customer mix and audit.

Knows options and how results are worded; what is found out is the estimator's.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hiercls.cli.app import AsJson, aligned, counted, note, show
from hiercls.cli.documents import Device, Model, load_model, program, shows_progress
from hiercls.errors import DataError
from hiercls.taxonomy.document import listed
from hiercls.taxonomy.writing import to_yaml

if TYPE_CHECKING:
    from hiercls.customers import Audit, MixEstimate
    from hiercls.data.rows import Row
    from hiercls.estimator import HierarchicalTextClassifier

Documents = Annotated[
    list[Path],
    typer.Argument(
        metavar="DOCS", help="The customer's documents; a label without a view is one of the customer's classes."
    ),
]
At = Annotated[str, typer.Option("--at", metavar="CUSTOMER", help="The customer.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="MODEL", help="With --apply: a folder for the changed model; else in place."
    ),
]


def register(group: typer.Typer) -> None:
    """Add the commands.

    Args:
        group: The commands of ``hiercls customer``.
    """
    group.command(epilog="Example: hiercls customer mix model documents.jsonl --at acme --apply")(mix)
    group.command(epilog="Example: hiercls customer audit model heldout.jsonl --at acme --figure acme.png")(audit)


def mix(
    model: Model,
    documents: Documents,
    at: At,
    apply: Annotated[bool, typer.Option("--apply", help="Let the model use this mix for the customer.")] = False,
    without_labels: Annotated[
        bool, typer.Option("--without-labels", help="Read the texts alone, where labels are not to be believed.")
    ] = False,
    output: Output = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Find what a customer's documents are about: its own mix of topics, from labels, or from documents alone.

    The documents must be drawn as those to come will be. The model's probabilities are believed, so calibrate it first.
    """
    if output is not None and not apply:
        raise typer.BadParameter("--output is for the model that --apply changes: give both")
    classifier = opened(model, output, device)
    rows = rows_of(classifier, documents, at)
    if without_labels:
        rows = [unlabelled(row) for row in rows]
    found = classifier.estimate_prior_rows(rows, at=at)
    show(found, _mix_table(found), as_json=as_json)
    if classifier.calibration_ is None and found.n_labelled < found.n_documents:
        hint = f"{program()} calibrate {shlex.quote(str(model))} HELDOUT --method bias-corrected"
        note(
            f"the model's probabilities were never calibrated, and a mix of unlabelled documents rests on them: {hint}"
        )
    if apply:
        classifier.set_prior(found, at=at).set_params(verbose=False).save_pretrained(output or model)
        note(f"'{at}' has this mix in '{output or model}' now")


def audit(
    model: Model,
    data: Annotated[
        list[Path], typer.Argument(metavar="DATA", help="Labelled documents of the customer and of others.")
    ],
    at: At,
    folds: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Train N models anew, each without the customer and without a part of the others, which it then looks "
            "at. Without it this model looks, which must not have been trained on DATA.",
        ),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw topics by classes as .svg, .png or .pdf.")
    ] = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Compare what a customer does with what its YAML says: documents filed elsewhere, and the changes they suggest.

    What the model takes for what is measured at the other customers, and taken out. The model stays as it is.
    """
    from hiercls.cli.figures import check_figure, write_figure

    if figure is not None:
        check_figure(figure)
    classifier = opened(model, None, device)
    found, rows = classifier.audit_rows(all_rows(data), at=at, folds=folds)
    show(found.findings, _audit_lines(found, rows, classifier), as_json=as_json)
    if figure is not None:
        from hiercls.plots import plot_filing

        subtitle = f"{counted(found.n_documents, 'document')}; framed where the YAML puts them"
        write_figure(lambda: plot_filing(found, title=f"Where '{at}' files its topics", subtitle=subtitle), figure)


def opened(model: Path, output: Path | None, device: str | None) -> HierarchicalTextClassifier:
    """A trained model that shows its progress.

    Args:
        model: Its folder.
        output: The folder it will be saved to; it may be no other model's.
        device: Where to compute.

    Returns:
        The model.

    Raises:
        ConfigError: If something stands at the output, or there is no such device.
    """
    classifier = load_model(model, device, output=output)
    classifier.set_params(verbose=shows_progress())
    return classifier


def rows_of(classifier: HierarchicalTextClassifier, files: Sequence[Path], customer: str) -> list[Row]:
    """The rows of one customer: those that say so, and those that name no customer, nor another's view.

    Args:
        classifier: A trained model, which knows the customers.
        files: The files.
        customer: Whose rows.

    Returns:
        The rows; how many of others were left out is said.

    Raises:
        DataError: If rows cannot be read; all problems are listed.
    """
    rows = all_rows(files)
    own = [row for row in rows if owner(row, classifier.taxonomy_.customers) in (customer, None)]
    if len(own) < len(rows):
        note(f"{counted(len(rows) - len(own), 'row')} of other customers left out")
    return own


def all_rows(files: Sequence[Path]) -> list[Row]:
    """The rows of files.

    Args:
        files: The files.

    Returns:
        All their rows.

    Raises:
        DataError: If rows cannot be read; all problems are listed.
    """
    from hiercls.data.reading import read

    tables = [read(file) for file in files]
    problems = [problem for table in tables for problem in table.problems]
    if problems:
        raise DataError(problems, subject="the data")
    return [row for table in tables for row in table.rows]


def owner(row: Row, customers: Sequence[str]) -> str | None:
    """Whose row it is: the customer it names, or whose view its labels are of; None: it does not say.

    Args:
        row: A row.
        customers: The customers that there are.

    Returns:
        The customer's name.
    """
    views = [view for view, _ in row.labels if view in customers]
    return row.customer if row.customer is not None else next(iter(views), None)


def unlabelled(row: Row) -> Row:
    """The same row without its labels."""
    import dataclasses

    return dataclasses.replace(row, labels=(), complete=None)


def _mix_table(found: MixEstimate) -> list[str]:
    """The shares with their intervals, beside the pooled ones; a star where these lie outside."""
    labels = f"{found.n_labelled:,} with labels" if found.n_labelled else "none with labels"
    rows: list[tuple[str, ...]] = [("topic", "share", f"{found.level:.0%} interval", "all customers", "")]
    for place in found.shares.argsort(kind="stable")[::-1].tolist():
        interval = f"{found.lower[place]:.1%} to {found.upper[place]:.1%}"
        star = "*" if found.differs[place] else ""
        rows.append((found.topics[place], f"{found.shares[place]:.1%}", interval, f"{found.pooled[place]:.1%}", star))
    return [f"found from {counted(found.n_documents, 'document')}, {labels}", *aligned(rows)]


def _audit_lines(found: Audit, rows: Sequence[Row], classifier: HierarchicalTextClassifier) -> list[str]:
    """The findings in sentences, with a few documents each, and what would have to change in the YAML."""
    name, taxonomy = found.view.name, classifier.taxonomy_
    others = counted(round(float(found.n_reference.sum())), "document")
    lines = [f"audited {counted(found.n_documents, 'document')} of '{name}' against {others} of others"]
    lines += [] if found.findings else ["nothing is surely filed elsewhere than the YAML says"]
    for finding in found.findings:
        lines.append(f"{finding}: about {counted(round(finding.n_documents), 'document')}")
        lines += [f"    {_shortened(rows[place])}" for place in finding.examples]
    if found.unaudited:
        lines.append(f"not audited, since others have too few documents: {', '.join(found.unaudited)}")
    if found.confounded:
        pairs = listed((f"{topic}' under '{filed}" for topic, filed in found.confounded), limit=5)
        lines.append(f"not judged, since others' labels seldom tell them apart: {pairs}")
    proposed: dict[str, object] = {"customer": name, "classes": found.proposal()}
    proposed |= {flag: True for flag, value in taxonomy.flags(name).items() if value}
    from hiercls.taxonomy.diff import differences

    changes = differences(taxonomy, taxonomy.replace_customer(proposed))
    if found.findings and changes:
        lines += ["", "the YAML that would say so:", *(f"  {change}" for change in changes)]
        lines += ["", to_yaml(proposed).rstrip()]
    return lines


def _shortened(row: Row, *, width: int = 90) -> str:
    """Where a document stands, and how it begins."""
    place = "" if row.file is None else f"{row.file}:{row.line}: "
    text = " ".join(row.text.split())
    return place + (text if len(text) <= width else text[: width - 1] + "…")
