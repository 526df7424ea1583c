"""The command that runs the ablation.

Knows how results are worded; what is changed and measured, ``hiercls.study`` knows.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hiercls.cli.app import note
from hiercls.cli.parallel import Backend, Backends, Workers


class Rows(StrEnum):
    """Which changes are tried."""

    cascade = "cascade"
    hiagm = "hiagm"
    regularisation = "regularisation"
    reading = "reading"
    words = "words"
    tuning = "tuning"
    precision = "precision"
    adjustment = "adjustment"


def ablation(
    on: Annotated[
        list[str] | None,
        typer.Option(help="'removed' or 'kept' headers, also ', coarse labels' or ', long tail'; by default removed."),
    ] = None,
    rows: Annotated[
        list[Rows] | None,
        typer.Option(help="The changes; by default all that leave the encoder and what it reads as they are."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Number of seeds, from 0.")] = 3,
    documents: Annotated[int, typer.Option(min=100, help="Training documents.")] = 3000,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for ablation.json, ablation.md and ablation.svg.")
    ] = Path("benchmarks"),
    backend: Backend = Backends.local,
    workers: Workers = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Keep what ablation.json holds already.")] = False,
) -> None:
    """What does each part bring? One change at a time, on held-out threads of 20 Newsgroups' training documents."""
    from hiercls.study.ablation import AblationConfig, run_ablation

    names = [one.value for one in rows or (Rows.cascade, Rows.hiagm, Rows.regularisation, Rows.words)]
    config = AblationConfig(worlds=on or ["removed"], rows=names, seeds=range(seeds), documents=documents)
    typer.echo(run_ablation(config, output, resume=resume, say=note, backend=backend.value, workers=workers))
    note(f"wrote ablation.json, ablation.md and ablation.svg in {output}")
