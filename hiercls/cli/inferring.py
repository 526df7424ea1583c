"""The command that drafts a customer's YAML from its labelled documents: hiercls customer infer.

Knows options and how results are worded; what is found out is the estimator's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiercls.cli.app import AsJson, counted, note, show, write
from hiercls.cli.documents import Device, Model
from hiercls.cli.onboarding import all_rows, opened
from hiercls.errors import DataError, Problem

if TYPE_CHECKING:
    from hiercls.customers import InferredClasses
    from hiercls.data.rows import Row

N_NEXT = 10
"""Documents that are named as worth labelling."""


def register(group: typer.Typer) -> None:
    """Add the command.

    Args:
        group: The commands of ``hiercls customer``.
    """
    group.command(epilog="Example: hiercls customer infer model labelled.csv --name acme -o acme.yaml")(infer)


def infer(
    model: Model,
    documents: Annotated[
        list[Path],
        typer.Argument(metavar="DOCS", help="The customer's documents, each with one class; some may have none."),
    ],
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="The customer's name in the draft.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where the draft goes.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")] = False,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Draft the YAML of a customer who has labelled documents and no grouping; what is uncertain stands in comments.

    Of documents without a label, those are named whose labels would settle most. The model stays as it is.
    """
    classifier = opened(model, None, device)
    rows = all_rows(documents)
    labelled = [row for row in rows if row.labels]
    found = classifier.infer_classes([row.text for row in labelled], classes_of(labelled))
    draft = found.yaml(name)
    classifier.taxonomy_.with_customer(draft)
    if output is not None:
        write(output, draft, force=force)
    left = [row for row in rows if not row.labels] if found.uncertain else []
    texts = [row.text for row in left]
    asked = [left[place] for place in classifier.worth_labelling(texts, found, n_documents=N_NEXT)] if left else []
    if output is None or as_json:
        show(_found(name, found, asked), [draft.rstrip("\n")], as_json=as_json)
    n_sure = len(found.topics) - len(found.uncertain)
    note(f"{counted(n_sure, 'topic')} of {len(found.topics):,} settled by {counted(len(labelled), 'document')}")
    if asked:
        note("most would be settled by labels of:")
        for row in asked:
            note(f"  {row.file}:{row.line}")


def _found(name: str, found: InferredClasses, asked: Sequence[Row]) -> dict[str, Any]:
    """What was inferred, as data."""
    shares = dict(zip(found.topics, found.posterior.tolist(), strict=True))
    return {
        "customer": name,
        "classes": found.grouping(),
        "uncertain": {topic: dict(zip(found.classes, shares[topic], strict=True)) for topic in found.uncertain},
        "n_documents": found.n_documents,
        "worth_labelling": [{"file": row.file, "line": row.line} for row in asked],
    }


def classes_of(rows: Sequence[Row]) -> list[str]:
    """The one class of each row, whatever view it names.

    Args:
        rows: Labelled rows.

    Returns:
        Their classes.

    Raises:
        DataError: If rows have several; all of them are listed.
    """
    problems = [
        Problem(message=f"expected one class, got {len(row.labels)}", file=row.file, line=row.line)
        for row in rows
        if len(row.labels) > 1
    ]
    if problems:
        raise DataError(problems, subject="the data")
    return [row.labels[0][1] for row in rows]
