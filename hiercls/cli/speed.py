"""The command that measures speed.

Knows options; what is timed, ``hiercls.study.speed`` knows.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hiercls.cli.app import note


class Sections(StrEnum):
    """What can be measured by itself."""

    encoding = "encode"  # not by its own name, which strings have as a method
    cache = "cache"
    processes = "processes"
    train = "train"
    accuracy = "accuracy"
    heads = "heads"
    few = "few"
    lexical = "lexical"
    customers = "customers"
    aggregate = "aggregate"
    taxonomy = "taxonomy"
    metrics = "metrics"
    guards = "guards"
    gpu = "gpu"
    growth = "growth"


class Clocks(StrEnum):
    """Which seconds count."""

    wall = "wall"
    cpu = "cpu"


def speed(
    section: Annotated[list[Sections] | None, typer.Option(help="What is measured; by default everything.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds in which all take turns.")] = 5,
    threads: Annotated[int, typer.Option(min=1, help="Threads for matrix products, of everybody.")] = 1,
    documents: Annotated[int, typer.Option(min=16, help="Documents that are encoded.")] = 2048,
    steps: Annotated[int, typer.Option(min=1, help="Training steps in a round, of 32 documents.")] = 10,
    scale: Annotated[float, typer.Option(min=0.001, max=1, help="Factor of made-up sizes, for a quick look.")] = 1.0,
    clock: Annotated[
        Clocks, typer.Option(help="Seconds that go by, or that are computed (busy machines).")
    ] = Clocks.wall,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for speed.json, speed.md and speed.svg.")
    ] = Path("benchmarks"),
    resume: Annotated[bool, typer.Option("--resume", help="Keep the sections that speed.json holds already.")] = False,
) -> None:
    """How fast is it, beside whom, and how much of what the machine could do?

    Peers that are not installed (pip install 'hiercls[bench]') are left out, and said. Whatever is compared takes
    turns, round by round, with the same documents and threads.
    """
    from hiercls.study.speed.benchmark import run_speed
    from hiercls.study.speed.rounds import SpeedConfig

    config = SpeedConfig(
        rounds=rounds, threads=threads, documents=documents, steps=steps, scale=scale, clock=clock.value
    )
    sections = [one.value for one in section or ()]
    typer.echo(run_speed(config, output, sections=sections, resume=resume, say=note))
    note(f"wrote speed.json and speed.md in {output}")
