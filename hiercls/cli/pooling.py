"""The commands that run the study of when pooling helps, and the one of how well that is foretold.

Knows how results are worded; what is trained and compared, ``hiercls.study`` knows.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hiercls.cli.app import note
from hiercls.cli.newcomers import Headers
from hiercls.cli.parallel import Backend, Backends, Workers


class Kinds(StrEnum):
    """Which pairs of tasks."""

    related = "related"
    unrelated = "unrelated"


def pooling(
    pairs: Annotated[
        Kinds, typer.Option(help="The 52 pairs under one first-level node, or all 516, which hold them.")
    ] = Kinds.unrelated,
    repeats: Annotated[int, typer.Option(min=1, help="Number of repeats, from seed 0.")] = 5,
    per_class: Annotated[int, typer.Option(min=1, help="Training documents of each topic.")] = 200,
    backend: Backend = Backends.local,
    workers: Workers = -1,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for pooling-runs.jsonl, pooling.json, .md and the figures.")
    ] = Path("benchmarks"),
    encoder: Annotated[
        bool, typer.Option(help="Ask the frozen encoder, too: as a forecast, and in place of words.")
    ] = True,
    resume: Annotated[bool, typer.Option("--resume", help="Keep the networks that are there already.")] = False,
) -> None:
    """When does learning a task beside another help? The study of Kerinec, Braud and Søgaard (2018), and then mended.

    On 20 Newsgroups a network learns to tell two topics apart, alone and beside another that tells two of their
    siblings apart. Can one know beforehand when that helps?
    """
    from hiercls.study.pooling import PoolingConfig, run_pooling
    from hiercls.study.pooling_sweep import SweepConfig

    sweep = SweepConfig(per_class=per_class, repeats=range(repeats), backend=backend.value, workers=workers)
    config = PoolingConfig(kind=pairs.value, sweep=sweep, encoder=encoder)
    typer.echo(run_pooling(config, output, resume=resume, say=note))
    note(f"wrote pooling-runs.jsonl, pooling.json, pooling.md, pooling.svg and pooling-curves.svg in {output}")


def worlds(
    headers: Annotated[Headers, typer.Option(help="Headers, footers and quotes kept or removed.")] = Headers.removed,
    seeds: Annotated[int, typer.Option(min=1, help="Number of worlds.")] = 30,
    first: Annotated[int, typer.Option(min=0, help="Seed of the first world.")] = 0,
    documents: Annotated[
        int | None, typer.Option(min=100, help="Take only so many training and test documents, for a quick look.")
    ] = None,
    development: Annotated[
        bool,
        typer.Option(
            "--development", help="Deal training documents alone, test on other threads of theirs, and fit the prior."
        ),
    ] = False,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for worlds.json and worlds.md.")] = Path(
        "benchmarks"
    ),
    resume: Annotated[bool, typer.Option("--resume", help="Keep the worlds that worlds.json holds already.")] = False,
) -> None:
    """Is what hiercls pool foretells true? Its forecasts beside training, for customers dealt from 20 Newsgroups.

    Each world has three to five customers of 50 to 3,000 documents, with mixes of topics and groupings of their own.
    """
    from hiercls.study.worlds import WorldsConfig, run_worlds

    config = WorldsConfig(
        seeds=range(first, first + seeds),
        headers=headers.value,
        documents=documents,
        development=development,
        settings={},
    )
    typer.echo(run_worlds(config, output, resume=resume, say=note))
    note(f"wrote {output / 'worlds.json'} and {output / 'worlds.md'}")
