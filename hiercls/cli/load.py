"""The command that tests a server under load.

Knows options; what is measured, ``hiercls.study`` knows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hiercls.cli.app import note
from hiercls.cli.documents import Model
from hiercls.errors import require


def serve(
    model: Model,
    data: Annotated[Path, typer.Argument(metavar="FILE", help="Documents to ask for, with a column 'text'.")],
    seconds: Annotated[float, typer.Option(min=1, help="For how long the server is asked.")] = 600,
    connections: Annotated[int, typer.Option(min=1, help="How many clients ask at the same time.")] = 64,
    documents: Annotated[int, typer.Option(min=1, help="Take so many of the documents.")] = 4096,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for serve.json and serve.md.")] = Path(
        "benchmarks"
    ),
) -> None:
    """How fast is a server, beside the same model offline, how long do answers take, and does its memory grow?

    The server has one core and its clients another; each client sends one document at a time.
    """
    from hiercls.data.reading import read
    from hiercls.study.load import LoadConfig, run_load

    require("uvicorn", extra="serve")
    texts = [row.text for row in read(data).rows[:documents]]
    typer.echo(
        run_load(LoadConfig(model=model, texts=texts, seconds=seconds, connections=connections), output, say=note)
    )
    note(f"wrote {output / 'serve.json'} and {output / 'serve.md'}")
