"""The command that uses a model on more documents than one process can answer.

Knows options and how a run is worded; what is done, ``hiercls.scale`` knows.
"""

from __future__ import annotations

import dataclasses
import os
from enum import StrEnum
from typing import Annotated

import typer

from hiercls.cli.app import counted, note, to_json, warn
from hiercls.cli.documents import Device, Model, device_of, shows_progress


class Engines(StrEnum):
    """Where shards are answered."""

    local = "local"
    ray = "ray"
    spark = "spark"


Documents = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT...",
        help="Files, folders, patterns or URLs such as s3://bucket/part-*.parquet; Parquet, JSONL, CSV or TSV.",
    ),
]
Output = Annotated[
    str,
    typer.Option("--output", "-o", metavar="FOLDER", help="Folder or URL for the answers, a file for each file read."),
]
At = Annotated[
    list[str] | None, typer.Option(metavar="VIEW", help="A level or a customer; give several. By default the topics.")
]
TopK = Annotated[int, typer.Option(min=0, help="List so many of the likeliest classes of each view, too.")]
Probabilities = Annotated[bool, typer.Option("--probabilities", help="List the probabilities of all classes, too.")]
Keep = Annotated[
    list[str] | None, typer.Option(metavar="COLUMN", help="Carry a column over, such as an identifier; give several.")
]
Engine = Annotated[Engines, typer.Option(help="Processes of this machine, or Ray, or Spark.")]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Processes at once, each of one thread; by default one a core.")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Remove answers that are there; else what is done stays, and the rest is.")
]


def register(app: typer.Typer) -> None:
    """Add the command.

    Args:
        app: What it is added to.
    """
    app.command(epilog="Example: hiercls score model documents/ -o answers --at one --keep id --workers 2")(score)


def score(
    model: Model,
    documents: Documents,
    output: Output,
    at: At = None,
    top_k: TopK = 0,
    probabilities: Probabilities = False,
    keep: Keep = None,
    engine: Engine = Engines.local,
    workers: Workers = None,
    device: Device = None,
    overwrite: Overwrite = False,
) -> None:
    """Answer files of documents on several processes or machines, in bounded memory.

    Each file that is read gives one Parquet file of answers, which appears whole or not at all: the row's number or
    line, kept columns, and for each view its class and how probable it is. Rows that cannot be used stand in _bad with
    their reasons; what was done, and by which model, stands in _manifests.

    Given again, the command does what is left. Answers of another model or other settings are never mixed in.
    """
    from tqdm import tqdm

    from hiercls.scale import ScoreConfig
    from hiercls.scale import score as score_all

    with tqdm(desc="scoring", unit="file", disable=not shows_progress()) as bar:

        def advance(done: int, shards: int, rows: int) -> None:
            bar.total, bar.n = shards, done
            bar.set_postfix_str(counted(rows, "row"))

        found = score_all(
            model,
            documents,
            output,
            config=ScoreConfig(at=tuple(at or ()), top_k=top_k, probabilities=probabilities),
            keep=tuple(keep or ()),
            engine=engine.value,
            workers=workers or os.cpu_count() or 1,
            device=device_of(device),
            overwrite=overwrite,
            advance=advance,
        )
    if found.before:
        note(f"{found.before:,} of {counted(found.shards, 'file')} were done before")
    if found.bad:
        warn(f"{counted(found.bad, 'bad row')} of {found.rows:,} without an answer; they are in '{output}/_bad'")
    typer.echo(to_json(dataclasses.asdict(found)))
