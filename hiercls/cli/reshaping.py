"""The commands that change a trained model's topics: hiercls extend and rename; and what two models answer differently.

Knows options and how results are worded; the work is the estimator's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hiercls.cli.app import AsJson, aligned, counted, note, show
from hiercls.cli.documents import Device, Model, load_model
from hiercls.cli.onboarding import all_rows, opened

if TYPE_CHECKING:
    from hiercls.data.rows import Row
    from hiercls.estimator.changes import ViewChanges

Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="MODEL", help="A folder for the changed model; else in place."),
]

N_CHANGES = 10
"""Pairs of classes that are shown for each view."""


def register(app: typer.Typer) -> None:
    """Add the commands.

    Args:
        app: What they are added to.
    """
    app.command(epilog="Example: hiercls extend model new.yaml few.csv --from A1=A --from A2=A -o extended")(extend)
    app.command(epilog="Example: hiercls rename model A=Alpha one:ABC=First")(rename)


def extend(
    model: Model,
    file: Annotated[Path, typer.Argument(metavar="TAXONOMY", help="The taxonomy as it shall be, customers with it.")],
    documents: Annotated[
        list[Path] | None,
        typer.Argument(metavar="DOCS", help="A few documents of each topic that is new, or a part of an old one."),
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar="NEW=OLD",
            help="A topic that comes from an old one. Split A: --from A1=A --from A2=A; merge A and B: --from AB=A "
            "--from AB=B. Topics of an old name come from it; all others are new.",
        ),
    ] = None,
    output: Output = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Give a trained model new topics from few documents, or split and merge those it has; nothing is trained again.

    Old topics keep their order among each other, parts of a topic sum to it, and a merged topic is the sum of what it
    was. Twenty documents of each new topic are a start. 'hiercls diff' says what changes on documents of your own.
    """
    sources: dict[str, list[str]] = {}
    for pair in source or ():
        new, _, old = pair.partition("=")
        if not (new and old):
            raise typer.BadParameter(f"expected NEW=OLD such as A1=A, got '{pair}'")
        sources.setdefault(new, []).append(old)
    classifier = opened(model, output, device)
    before = classifier.taxonomy_
    classifier.extend_rows(file, all_rows(documents or []), sources=sources).set_params(verbose=False)
    from hiercls.taxonomy.diff import differences

    changes = differences(before, classifier.taxonomy_)
    show(changes, changes or ["nothing changed"], as_json=as_json)
    classifier.save_pretrained(output or model)
    note(f"'{output or model}' answers {counted(len(classifier.taxonomy_.topics), 'topic')} now")


def rename(
    model: Model,
    names: Annotated[
        list[str],
        typer.Argument(metavar="OLD=NEW", help="A node, level or customer, or customer:class, and its new name."),
    ],
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Give nodes, levels, customers or classes of a trained model other names; what it answers stays the same."""
    pairs = [name.partition("=") for name in names]
    if not all(old and new for old, _, new in pairs):
        raise typer.BadParameter("expected OLD=NEW such as A=Alpha")
    classifier = load_model(model, "cpu", output=output)
    before = classifier.taxonomy_
    classifier.rename({old: new for old, _, new in pairs}).save_pretrained(output or model)
    from hiercls.taxonomy.diff import differences

    changes = differences(before, classifier.taxonomy_)
    show(changes, changes, as_json=as_json)


def model_differences(old: Path, new: Path, files: Sequence[Path], at: Sequence[str] | None) -> list[str]:
    """What changed between two trained models: in their maps, and in their answers to documents.

    Args:
        old: A model's folder.
        new: Another's.
        files: The documents; none: the maps alone are compared.
        at: Levels and customers; None: those that both have.

    Returns:
        Lines.

    Raises:
        ModelFolderError: If a folder is no whole model.
        DataError: If documents cannot be read.
    """
    from hiercls.estimator.changes import prediction_changes
    from hiercls.taxonomy.diff import differences

    models = [load_model(folder, "cpu") for folder in (old, new)]
    lines = list(differences(models[0].taxonomy_, models[1].taxonomy_))
    rows = all_rows(files)
    if rows:
        for found in prediction_changes(models[0], models[1], [row.text for row in rows], at=at):
            lines += _lines(found, rows)
    return lines


def _lines(found: ViewChanges, rows: Sequence[Row]) -> list[str]:
    """A view's changes: how many, which classes, and where an example stands."""
    said = f"{found.n_changed:,} of {counted(found.n_documents, 'document')} are answered otherwise"
    lines = [f"{found.view}: {said}; probabilities moved by {found.shift:.1%}"]
    table: list[tuple[str, ...]] = []
    for change in found.changes[:N_CHANGES]:
        row = rows[change.examples[0]]
        place = "" if row.file is None else f"such as {row.file}:{row.line}"
        table.append((f"  {change.before} → {change.after}", f"{change.n_documents:,}", place))
    left = len(found.changes) - N_CHANGES
    return [*lines, *aligned(table), *([f"  and {counted(left, 'more pair')}"] if left > 0 else [])]
