"""The commands on labels: which are likely mistakes, and documents to and from tools for labelling.

Knows options and files; what is a mistake is ``hiercls.customers``' to say.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from hiercls.cli.app import counted, note
from hiercls.cli.documents import Device, Model, opened, shows_progress
from hiercls.cli.onboarding import opened as opened_model
from hiercls.cli.onboarding import rows_of
from hiercls.errors import DataError, Problem

Data = Annotated[list[Path], typer.Argument(metavar="DATA", help="Documents: .csv, .tsv, .jsonl or .parquet.")]
At = Annotated[str, typer.Option("--at", metavar="CUSTOMER", help="Whose classes.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write JSONL; stdout by default.")
]


class LabellingTool(StrEnum):
    """Who reads and writes the lines."""

    doccano = "doccano"
    prodigy = "prodigy"


ToolOption = Annotated[LabellingTool, typer.Option("--tool", help="The tool.")]


def register(app: typer.Typer) -> None:
    """Add the commands.

    Args:
        app: What they are added to.
    """
    group = typer.Typer(no_args_is_help=True, help="Find likely mistakes in labels; go to and from labelling tools.")
    group.command(epilog="Example: hiercls labels issues model heldout.jsonl --at acme -o issues.jsonl")(issues)
    group.command("export", epilog="Example: hiercls labels export model new.jsonl --at acme --tool prodigy")(export)
    group.command("import", epilog="Example: hiercls labels import labelled.jsonl --at acme -o rows.jsonl")(read_back)
    app.add_typer(group, name="labels")


def issues(model: Model, data: Data, at: At, output: Output = None, device: Device = None) -> None:
    """List the documents whose label is likely a mistake, the worst first; needs the extra 'cleanlab'.

    The model must not have been trained on them. A line has the row, its label, the class that is likelier, quality,
    which is how probable the label is, and the file and line that it came from.
    """
    from hiercls.data.writing import row_cells
    from hiercls.estimator.label_quality import find_label_issues

    classifier = opened_model(model, None, device)
    rows = rows_of(classifier, data, at)
    found = find_label_issues(classifier, rows, at=at)
    lines = []
    for issue in found:
        row, said = rows[issue.document], dataclasses.asdict(issue)
        said.pop("document")
        lines.append({**row_cells(row), **said, "file": row.file, "line": row.line})
    _write(lines, output)
    note(f"{counted(len(found), 'label')} of {counted(len(rows), 'row')} likely mistaken")


def export(
    model: Model,
    data: Data,
    at: At,
    tool: ToolOption = LabellingTool.doccano,
    output: Output = None,
    device: Device = None,
) -> None:
    """Write documents for a tool for labelling, with the class that the model predicts chosen beforehand."""
    from hiercls.data.labelling import to_tool

    classifier = opened_model(model, None, device)
    classifier.set_params(verbose=shows_progress())
    texts, classes = [row.text for row in rows_of(classifier, data, at)], classifier.taxonomy_.view(at).classes
    chosen = classifier.predict_labels(texts, at=at)
    lines = (
        to_tool(text, tool=tool.value, classes=classes, chosen=one) for text, one in zip(texts, chosen, strict=True)
    )
    _write(lines, output)


def read_back(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What the tool has exported, in JSONL.")],
    at: At,
    output: Output = None,
) -> None:
    """Read what was labelled in doccano or Prodigy as rows that 'hiercls train' and the others take."""
    from hiercls.data.labelling import from_tool
    from hiercls.data.writing import row_cells

    lines, problems = [], []
    for number, line in enumerate(file.read_text(encoding="utf-8-sig").splitlines(), start=1):
        try:
            found: Any = json.loads(line) if line.strip() else None
        except json.JSONDecodeError as error:
            found = error
        if isinstance(found, dict):
            lines.append(found)
        elif found is not None:
            problems.append(Problem(message="expected a JSON object", file=str(file), line=number))
    if problems:
        raise DataError(problems, subject=f"'{file}'")
    rows = from_tool(lines, view=at, customer=at)
    _write((row_cells(row) for row in rows), output)
    note(f"{counted(len(rows), 'labelled row')} of {counted(len(lines), 'line')}")


def _write(lines: Iterable[Mapping[str, Any]], output: Path | None) -> None:
    """Write JSONL to a file, whole or not at all, or to stdout."""
    with opened(output) as stream:
        for line in lines:
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")
