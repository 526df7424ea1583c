"""The benchmark commands.

Knows how results are worded; what is measured, ``hiercls.study`` knows.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hiercls.cli.ablation import ablation
from hiercls.cli.app import note
from hiercls.cli.load import serve
from hiercls.cli.newcomers import Headers, onboarding
from hiercls.cli.parallel import Backend, Backends, Workers
from hiercls.cli.pooling import pooling, worlds
from hiercls.cli.scale import scale
from hiercls.cli.speed import speed
from hiercls.cli.training import MaxLength, Tune
from hiercls.errors import require


class Worlds(StrEnum):
    """What the benchmark of trust runs on."""

    removed = "removed"
    kept = "kept"
    pydocs = "pydocs"


class Precision(StrEnum):
    """Number formats of an encoder."""

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"


def register(app: typer.Typer) -> None:
    """Add the commands.

    Args:
        app: What they are added to.
    """
    group = typer.Typer(no_args_is_help=True, help="Run a benchmark and write its figures.")
    group.command(epilog="Example: hiercls benchmark newsgroups --seeds 1 --method oracle --resume -o benchmarks")(
        newsgroups
    )
    group.command(epilog="Example: hiercls benchmark trust --world pydocs --seeds 1 -o benchmarks")(trust)
    group.command(epilog="Example: hiercls benchmark scope --seeds 1 -o benchmarks")(scope)
    group.command(epilog="Example: hiercls benchmark few --draws 3 -o benchmarks")(few)
    group.command(epilog="Example: hiercls benchmark ablation --rows hiagm --seeds 3 --resume -o benchmarks")(ablation)
    group.command(epilog="Example: hiercls benchmark serve model documents.jsonl -o benchmarks")(serve)
    group.command(epilog="Example: hiercls benchmark speed --section encode --documents 256 -o benchmarks")(speed)
    group.command(epilog="Example: hiercls benchmark scale --section growth --rows 100000 -o benchmarks")(scale)
    group.command(epilog="Example: hiercls benchmark pooling --pairs related --repeats 1 --resume -o benchmarks")(
        pooling
    )
    group.command(epilog="Example: hiercls benchmark worlds --seeds 3 --resume -o benchmarks")(worlds)
    group.command(epilog="Example: hiercls benchmark onboarding --seeds 1 --section curves -o benchmarks")(onboarding)
    group.command(epilog="Example: hiercls benchmark xfer --headers kept --draws 3 -o benchmarks")(xfer)
    app.add_typer(group, name="benchmark")


def newsgroups(
    headers: Annotated[
        list[Headers] | None, typer.Option(help="Headers, footers and quotes kept or removed; both by default.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Number of seeds, from 0.")] = 3,
    documents: Annotated[
        int | None, typer.Option(min=100, help="Take only so many training and test documents, for a quick look.")
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(help="Run only rows with this in their name, such as 'oracle'; the others stay as they are."),
    ] = None,
    tune: Tune = "none",
    max_length: MaxLength = None,
    precision: Annotated[
        Precision, typer.Option(help="Number format of the encoder; float32 goes on anywhere with what was run in it.")
    ] = Precision.auto,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for newsgroups.json and newsgroups.md.")
    ] = Path("benchmarks"),
    resume: Annotated[bool, typer.Option("--resume", help="Keep what newsgroups.json holds already.")] = False,
) -> None:
    """Do everybody's coarse labels together teach the fine topics, and whom does it help? On 20 Newsgroups.

    The training documents are dealt at random to four customers, each keeps only its own class; one model learns from
    the union and is tested on the topics, on every level, for the four customers and for a fifth with no document,
    beside the fine-label oracle and what each customer's own data gives. With --tune or --max-length the oracle is run
    with these, too, as a row of its own.
    """
    from hiercls.study.newsgroups import BenchmarkConfig, run_benchmark

    others = {"tune": None if tune == "none" else tune, "max_length": max_length}
    config = BenchmarkConfig(
        headers=[one.value for one in headers or list(Headers)[::-1]],
        seeds=range(seeds),
        documents=documents,
        settings={"verbose": True, "precision": precision.value},
        others={name: value for name, value in others.items() if value is not None},
        methods=method or (),
    )
    typer.echo(run_benchmark(config, output, resume=resume, say=note))
    note(f"wrote {output / 'newsgroups.json'} and {output / 'newsgroups.md'}")


def trust(
    world: Annotated[
        list[Worlds] | None,
        typer.Option(help="20 Newsgroups, headers removed or kept, or the docstrings; all three by default."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Number of seeds, from 0.")] = 3,
    documents: Annotated[
        int | None, typer.Option(min=100, help="Take only so many newsgroup documents, for a quick look.")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for trust.json, trust.md, and what each model said.")
    ] = Path("benchmarks"),
    drawings: Annotated[
        Path | None, typer.Option("--figures", metavar="FOLDER", help="Where figures go; none by default.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Keep models and results that are there already.")] = False,
) -> None:
    """Can the probabilities be believed, what does caution buy, and how should one decide? On two corpora.

    One model a seed is trained on all customers' coarse labels. Its probabilities are stored, calibrated on some of the
    test documents and measured on others.
    """
    from hiercls.study.trust import TrustConfig, run_trust

    if drawings is not None:
        require("matplotlib", extra="plots")
    config = TrustConfig(
        worlds=[one.value for one in world or list(Worlds)],
        seeds=range(seeds),
        documents=documents,
        settings={"verbose": True},
    )
    typer.echo(run_trust(config, output, drawings=drawings, resume=resume, say=note))
    note(f"wrote {output / 'trust.json'} and {output / 'trust.md'}")


def scope(
    headers: Annotated[Headers, typer.Option(help="Headers, footers and quotes kept or removed.")] = Headers.removed,
    seeds: Annotated[int, typer.Option(min=1, help="Number of seeds, from 0.")] = 3,
    documents: Annotated[
        int | None, typer.Option(min=100, help="Take only so many training and test documents, for a quick look.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for scope.json and scope.md.")] = Path(
        "benchmarks"
    ),
    resume: Annotated[bool, typer.Option("--resume", help="Keep what scope.json holds already.")] = False,
) -> None:
    """Are documents of no known topic told from others? Each first-level area of 20 Newsgroups is held out in turn."""
    from hiercls.study.scope import run_scope

    text = run_scope(
        headers="kept" if headers is Headers.kept else "removed",
        seeds=range(seeds),
        documents=documents,
        settings={"verbose": True},
        folder=output,
        resume=resume,
        say=note,
    )
    typer.echo(text)
    note(f"wrote {output / 'scope.json'} and {output / 'scope.md'}")


def few(
    headers: Annotated[Headers, typer.Option(help="Headers, footers and quotes kept or removed.")] = Headers.removed,
    draws: Annotated[int, typer.Option(min=1, help="Number of draws, from seed 0.")] = 10,
    size: Annotated[
        list[int] | None, typer.Option(min=1, help="Labelled documents of each topic; 8, 16 and 50 by default.")
    ] = None,
    unlabelled: Annotated[
        bool, typer.Option("--unlabelled", help="Read the other training texts without labels, too; slow.")
    ] = False,
    documents: Annotated[
        int | None, typer.Option(min=100, help="Take only so many training and test documents, for a quick look.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for few.json and few.md.")] = Path(
        "benchmarks"
    ),
    backend: Backend = Backends.local,
    workers: Workers = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Keep what few.json holds already.")] = False,
) -> None:
    """How good is a model that learns from a handful of documents of each topic? On 20 Newsgroups.

    Beside hiercls stand logistic regression on the same encoder, and LinearSVC and ComplementNB on TF-IDF, on the same
    documents. Nothing is read of the test documents before they are predicted.
    """
    from hiercls.study.few import FewConfig, run_few

    given = {} if size is None else {"sizes": tuple(size)}
    config = FewConfig(
        headers=headers.value, draws=range(draws), documents=documents, unlabelled=unlabelled, settings={}, **given
    )
    typer.echo(run_few(config, output, resume=resume, say=note, backend=backend.value, workers=workers))
    note(f"wrote {output / 'few.json'} and {output / 'few.md'}")


def xfer(
    headers: Annotated[
        list[Headers] | None, typer.Option(help="Headers, footers and quotes kept or removed; both by default.")
    ] = None,
    draws: Annotated[int, typer.Option(min=1, help="Number of draws, from seed 0.")] = 10,
    documents: Annotated[
        int | None,
        typer.Option(min=1000, help="Take only so many bydate training and test documents, for a quick look."),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for xfer.json, xfer.md and xfer.svg.")] = Path(
        "benchmarks"
    ),
    resume: Annotated[bool, typer.Option("--resume", help="Keep what xfer.json holds already.")] = False,
) -> None:
    """How good is a head on 100 labelled documents of groups that are new? Amazon's Xfer demo, on 20 Newsgroups.

    Every repurposing head on the encodings, with words beside them, and with the documents to test read without their
    labels, beside plain classifiers on the same 100 documents.
    """
    from hiercls.study.xfer import XferConfig, run_xfer

    config = XferConfig(
        headers=[one.value for one in headers or list(Headers)],
        draws=range(draws),
        documents=documents,
        settings={"verbose": True},
    )
    typer.echo(run_xfer(config, output, resume=resume, say=note))
    note(f"wrote xfer.json, xfer.md and xfer.svg in {output}")
