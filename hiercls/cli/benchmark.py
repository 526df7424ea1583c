"""The benchmark commands.

Knows how results are worded; what is measured, ``hiercls.study`` knows.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hiercls.cli.app import note


class Headers(StrEnum):
    """Which parts of a post are read."""

    kept = "kept"
    removed = "removed"


def register(app: typer.Typer) -> None:
    """Add the commands.

    Args:
        app: What they are added to.
    """
    group = typer.Typer(no_args_is_help=True, help="Run a benchmark and write its figures.")
    group.command(epilog="Example: hiercls benchmark newsgroups --headers removed --seeds 1 -o benchmarks")(newsgroups)
    group.command(epilog="Example: hiercls benchmark ablation --rows hiagm --seeds 3 --resume -o benchmarks")(ablation)
    app.add_typer(group, name="benchmark")


def newsgroups(
    headers: Annotated[
        list[Headers] | None, typer.Option(help="Headers, footers and quotes kept or removed; both by default.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Number of seeds, from 0.")] = 3,
    documents: Annotated[
        int | None, typer.Option(min=100, help="Take only so many training and test documents, for a quick look.")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for newsgroups.json and newsgroups.md.")
    ] = Path("benchmarks"),
    resume: Annotated[bool, typer.Option("--resume", help="Keep what newsgroups.json holds already.")] = False,
) -> None:
    """Do everybody's coarse labels together teach the fine topics, and whom does it help? On 20 Newsgroups.

    The training documents are dealt at random to four customers, each keeps only its own class; one model learns from
    the union and is tested on the topics, on every level, for the four customers and for a fifth with no document,
    beside the fine-label oracle and what each customer's own data gives.
    """
    from hiercls.study.newsgroups import BenchmarkConfig, run_benchmark

    config = BenchmarkConfig(
        headers=[one.value for one in headers or list(Headers)[::-1]],
        seeds=range(seeds),
        documents=documents,
        settings={"verbose": True},
    )
    typer.echo(run_benchmark(config, output, resume=resume, say=note))
    note(f"wrote {output / 'newsgroups.json'} and {output / 'newsgroups.md'}")


class Rows(StrEnum):
    """Which changes are tried."""

    cascade = "cascade"
    hiagm = "hiagm"
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
        list[Rows] | None, typer.Option(help="The changes; by default all that leave the encoder as it is.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Number of seeds, from 0.")] = 3,
    documents: Annotated[int, typer.Option(min=100, help="Training documents.")] = 3000,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for ablation.json, ablation.md and ablation.svg.")
    ] = Path("benchmarks"),
    resume: Annotated[bool, typer.Option("--resume", help="Keep what ablation.json holds already.")] = False,
) -> None:
    """What does each part bring? One change at a time, on held-out threads of 20 Newsgroups' training documents."""
    from hiercls.study.ablation import AblationConfig, run_ablation

    names = [one.value for one in rows or (Rows.cascade, Rows.hiagm, Rows.words)]
    config = AblationConfig(worlds=on or ["removed"], rows=names, seeds=range(seeds), documents=documents)
    typer.echo(run_ablation(config, output, resume=resume, say=note))
    note(f"wrote ablation.json, ablation.md and ablation.svg in {output}")
