"""The command that writes a model for runtimes that need no torch.

Knows options; the writing, and the check of what was written, are ``hiercls.export``'s.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hiercls.cli.app import AsJson, note, show
from hiercls.cli.documents import Model, load_model


class Runtime(StrEnum):
    """What will read the model."""

    onnx = "onnx"
    openvino = "openvino"


def register(app: typer.Typer) -> None:
    """Add the command.

    Args:
        app: What it is added to.
    """
    app.command(epilog="Example: hiercls export model -o model-onnx --format onnx")(export)


def export(
    model: Model,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="The folder for the export.")],
    format: Annotated[Runtime, typer.Option("--format", help="The runtime that will read it.")] = Runtime.onnx,
    as_json: AsJson = False,
) -> None:
    """Write a model with all its views as graphs that are read without torch: hiercls.export.load(FOLDER).

    What is written is held against torch in float32 on texts made of the topics' words; where a label differs, or a
    probability by more than 1e-4, nothing is written.
    """
    import dataclasses

    classifier = load_model(model, "cpu")
    parity = classifier.export(output, format=format.value)
    note(f"wrote {output}")
    show(dataclasses.asdict(parity), [str(parity)], as_json=as_json)
