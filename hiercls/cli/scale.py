"""The command that measures what scoring many documents costs.

Knows options; what is measured, ``hiercls.study.scale`` knows.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hiercls.cli.app import note


class Sections(StrEnum):
    """What can be measured by itself."""

    documents = "documents"
    engines = "engines"
    growth = "growth"
    taxonomy = "taxonomy"


def scale(
    section: Annotated[list[Sections] | None, typer.Option(help="What is measured; by default everything.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds in which engines take turns.")] = 3,
    documents: Annotated[int, typer.Option(min=16, help="Newsgroup documents that an encoder reads.")] = 256,
    rows: Annotated[int, typer.Option(min=1000, help="Short documents of the largest file.")] = 1_000_000,
    topics: Annotated[int, typer.Option(min=1000, help="Topics of the made-up taxonomy.")] = 1_000_000,
    customers: Annotated[int, typer.Option(min=1000, help="Its customers, of 400 topics each.")] = 100_000,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for scale.json, scale.md and scale.svg.")
    ] = Path("benchmarks"),
) -> None:
    """What do documents cost on processes and on Ray, does memory stay flat, how large may a taxonomy be?

    Rows grow in three steps of ten, and customers in four. What scale.json holds of other sections stays.
    """
    from hiercls.study.scale import ScaleConfig, run_scale

    config = ScaleConfig(
        rounds=rounds,
        documents=documents,
        rows=(rows // 100, rows // 10, rows),
        topics=topics,
        customers=tuple(customers // part for part in (1000, 100, 10, 1)),
    )
    typer.echo(run_scale(config, output, sections=[one.value for one in section or ()], say=note))
    note(f"wrote scale.json and scale.md in {output}")
