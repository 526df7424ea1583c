"""The command that measures how customers are onboarded: hiercls benchmark onboarding.

Knows options; what is measured, ``hiercls.study`` knows.
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


class Onboardings(StrEnum):
    """What is measured of customers who are onboarded."""

    known = "known"
    adapt = "adapt"
    mixes = "mixes"
    infer = "infer"
    audit = "audit"
    extend = "extend"
    curves = "curves"


def onboarding(
    headers: Annotated[Headers, typer.Option(help="Headers, footers and quotes kept or removed.")] = Headers.removed,
    seeds: Annotated[int, typer.Option(min=1, help="Number of seeds, from 0.")] = 3,
    draws: Annotated[int, typer.Option(min=1, help="Customers that are drawn with each seed.")] = 20,
    section: Annotated[
        list[Onboardings] | None,
        typer.Option(help="What is measured; by default everything. 'known' trains five more models a seed."),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for onboarding.json, .md and .svg, and what each model said.")
    ] = Path("benchmarks"),
    resume: Annotated[bool, typer.Option("--resume", help="Keep models and results that are there already.")] = False,
) -> None:
    """How well are customers served who bring a grouping alone, few documents, or labels that contradict it?

    One model a seed is trained on four customers' coarse labels of 20 Newsgroups. On what it says of the test
    documents, customers are drawn: with mixes of their own, with documents filed elsewhere than they declare, without a
    grouping. 'known' leaves each customer out in turn; 'extend' leaves two topics out, and learns them from few
    documents; 'curves' sets hiercls beside what people are advised to try, by the number of own documents.
    """
    from hiercls.study.onboarding import OnboardingConfig, run_onboarding

    config = OnboardingConfig(
        headers="kept" if headers is Headers.kept else "removed",
        seeds=range(seeds),
        draws=draws,
        sections=[one.value for one in section or Onboardings],
        settings={"verbose": True},
    )
    typer.echo(run_onboarding(config, output, resume=resume, say=note))
    note(f"wrote onboarding.json and onboarding.md in {output}, and onboarding.svg where there are curves")
