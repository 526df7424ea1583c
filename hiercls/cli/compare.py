"""The command that compares: hiercls beside plain methods on the user's own documents, in one table and one figure.

Knows how it is told; what is compared, ``hiercls.study.compare`` knows.
"""

from __future__ import annotations

import importlib.util
import textwrap
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from hiercls.cli.app import AsJson, aligned, counted, note, to_json
from hiercls.cli.documents import (
    Device,
    Rejects,
    SkipBad,
    Skipping,
    device_of,
    read_labelled,
    shows_progress,
    warnings_said,
)
from hiercls.cli.figures import check_figure, write_figure
from hiercls.cli.parallel import Backend, Backends, Workers
from hiercls.cli.taxonomy import Customers, File, read_taxonomy
from hiercls.cli.training import Data, Encoder, MaxLength

if TYPE_CHECKING:
    from hiercls.study.comparison import Results
    from hiercls.study.labelled import Labelled
    from hiercls.study.splits import Split
    from hiercls.taxonomy import Taxonomy
    from hiercls.taxonomy.labels import ResolvedLabels

WIDTH = 100
"""Characters in a line."""


Test = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="Labelled documents to be tested on, in place of a part of DATA."),
]
FineTune = Annotated[
    bool, typer.Option("--fine-tune", help="Fine-tune the encoder under a flat head, too; slow on a CPU.")
]
FigureFile = Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it: .png, .svg or .pdf (extra plots).")]


def register(app: typer.Typer) -> None:
    """Add the command.

    Args:
        app: What it is added to.
    """
    app.command(epilog="Example: hiercls compare taxonomies/tiny.yaml taxonomies/tiny.jsonl --figure compared.png")(
        compare
    )


def compare(
    taxonomy: File,
    data: Data,
    customer: Customers = None,
    test: Test = None,
    seeds: Annotated[int, typer.Option(min=1, help="Number of splits and of training runs, from seed 0.")] = 3,
    held_out: Annotated[float, typer.Option(help="Share of DATA that is tested on, without --test.")] = 0.2,
    fine_tune: FineTune = False,
    encoder: Encoder = None,
    max_length: MaxLength = None,
    device: Device = None,
    backend: Backend = Backends.local,
    workers: Workers = 1,
    figure: FigureFile = None,
    as_json: AsJson = False,
    skip_bad: SkipBad = False,
    rejects: Rejects = None,
) -> None:
    """Compare hiercls with what you would try first, on your own documents: who wins where, and by how much.

    Beside it stand the majority class, ComplementNB and LinearSVC on TF-IDF, logistic regression on the frozen
    encoder, and hiclass (extra compare), each tuned on the documents that it learns from. They learn every column
    from the documents alone that are labelled there, or more finely; hiercls reads the taxonomy's `about` lines
    too. A part of DATA is held out several times, threads (column thread) and equal texts on one side; --test gives
    documents of your own choice.
    """
    if figure is not None:
        check_figure(figure)
    skipping = Skipping.of(skip_bad, rejects)
    whole = read_taxonomy(taxonomy, customer)
    documents = read_documents(whole, data, skipping)
    given = {"encoder": encoder, "max_length": max_length, "device": device_of(device)}
    settings = {name: value for name, value in given.items() if value is not None}
    splits, tested = _splits(whole, documents, read_documents(whole, test, skipping) if test else None, seeds, held_out)
    with warnings_said():
        results = _run(splits, tested, settings, fine_tune=fine_tune, backend=backend, workers=workers)
    typer.echo(to_json(_to_dict(results)) if as_json else "\n".join(_lines(results)))
    if figure is not None:
        _draw(results, figure)


def read_documents(taxonomy: Taxonomy, files: Sequence[Path], skipping: Skipping) -> Labelled:
    """Labelled documents.

    Args:
        taxonomy: The map.
        files: Where they are.
        skipping: What is done with bad rows.

    Returns:
        The documents and what their labels say.
    """
    from hiercls.study.labelled import Labelled

    documents = read_labelled(taxonomy, files, skipping=skipping)
    return Labelled(rows=documents.rows, labels=cast("ResolvedLabels", documents.labels))


def _splits(
    taxonomy: Taxonomy, documents: Labelled, test: Labelled | None, n_seeds: int, held_out: float
) -> tuple[list[Split], Labelled]:
    """The splits, and all documents that may be tested on."""
    from hiercls.study.splits import fixed_splits, random_splits

    if test is not None:
        return fixed_splits(taxonomy, documents, test, seeds=range(n_seeds)), test
    return random_splits(taxonomy, documents, fraction=held_out, seeds=range(n_seeds)), documents


def _run(
    splits: Sequence[Split],
    tested: Labelled,
    settings: dict[str, Any],
    *,
    fine_tune: bool,
    backend: Backends,
    workers: int,
) -> Results:
    """Everything, with a bar where someone is looking."""
    from tqdm import tqdm

    from hiercls.study.compare import CompareConfig
    from hiercls.study.compare import compare as run_all
    from hiercls.study.comparison import Results
    from hiercls.study.labelled import thread_numbers

    has_hiclass = importlib.util.find_spec("hiclass") is not None
    if not has_hiclass:
        note("hiclass is left out; pip install 'hiercls[compare]' adds it")
    config = CompareConfig(settings=settings, local=has_hiclass, fine_tuned=fine_tune)
    taxonomy = splits[0].taxonomy
    results = Results(splits=splits, methods=config.methods(taxonomy))
    total = len(splits) * len(results.methods)
    with tqdm(total=total, desc="comparing", unit="fit", disable=not shows_progress()) as bar:
        for result in run_all(splits, thread_numbers(tested), config, backend=backend.value, workers=workers):
            results.add(result)
            bar.set_postfix_str(result.method)
            bar.update()
    return results


def _lines(results: Results) -> list[str]:
    """The table, and who wins where."""
    n_training, n_test = (
        sum(len(part.rows) for part in parts) / len(results.splits)
        for parts in ([split.training for split in results.splits], [split.test for split in results.splits])
    )
    seeds = counted(len(results.splits), "seed")
    head = f"{seeds}: {n_training:,.0f} documents to learn from and {n_test:,.0f} to be tested on"
    rows: list[tuple[str, ...]] = [("accuracy", *results.columns, "seconds")]
    for method in results.methods:
        cells = [_cell(results.accuracies(method, column)) for column in results.columns]
        rows.append((method, *cells, f"{mean(results.seconds(method)):,.0f}"))
    rows.append((f"{results.methods[0]} − best of the others", *map(partial(_gain, results), results.columns)))
    spread = " ± standard deviation over seeds" if len(results.splits) > 1 else ""
    notes = (
        f"Mean{spread}; the last row in points ± half of the 95 % interval over test documents, paired. The best of "
        "the others is the best by these very documents. Seconds are those of one training with its tuning."
    )
    return [head, "", *aligned(rows), "", _filled(notes), _filled(verdict(results))]


def verdict(results: Results) -> str:
    """Who wins where and by how much, in a sentence; what the interval leaves open is no win.

    Args:
        results: What was found.

    Returns:
        The sentence.
    """
    found: dict[str, list[str]] = {"wins at": [], "loses at": [], "makes no clear difference at": []}
    for column in results.columns:
        rival = results.rival(column)
        if rival is not None:
            gain = results.difference(column, rival)
            points = f"{100 * abs(gain.mean):.1f} points {'over' if gain.mean > 0 else 'under'} {rival}"
            way = ("wins at" if gain.mean > 0 else "loses at") if gain.is_clear else "makes no clear difference at"
            found[way].append(f"{column} ({points})" if gain.is_clear else column)
    first = results.methods[0]
    parts = [f"{way} {', '.join(places)}" for way, places in found.items() if places]
    if not parts:
        return f"{first} alone can answer here: no other method has documents with such labels."
    return f"{first} {'; it '.join(parts)}."


def _gain(results: Results, column: str) -> str:
    """How far the first method is ahead of the best of the others; a dash where no other can answer."""
    rival = results.rival(column)
    if rival is None:
        return "–"
    gain = results.difference(column, rival)
    low, high = gain.interval
    return f"{100 * gain.mean:+.1f} ± {50 * (high - low):.1f}".replace("-", "−")


def _cell(values: Sequence[float]) -> str:
    """Mean and deviation of a method in a column; a dash where it cannot answer."""
    from hiercls.study.report import mean_and_deviation

    return mean_and_deviation(values) if values else "–"


def _filled(text: str) -> str:
    return textwrap.fill(text, width=WIDTH, break_on_hyphens=False, break_long_words=False)


def _to_dict(results: Results) -> dict[str, Any]:
    """What was found as plain data."""
    return {
        "seeds": [split.seed for split in results.splits],
        "n_training": [len(split.training.rows) for split in results.splits],
        "n_test": [len(split.test.rows) for split in results.splits],
        "methods": {
            method: {
                "accuracy": {column: results.accuracies(method, column) or None for column in results.columns},
                "seconds": results.seconds(method),
            }
            for method in results.methods
        },
        "differences": {column: _difference(results, column) for column in results.columns},
        "verdict": verdict(results),
    }


def _difference(results: Results, column: str) -> dict[str, Any] | None:
    """How far hiercls is ahead of the best other method in a column; None where there is none."""
    rival = results.rival(column)
    if rival is None:
        return None
    gain = results.difference(column, rival)
    return {"rival": rival, "mean": gain.mean, "standard_error": gain.error, "interval": list(gain.interval)}


def _draw(results: Results, file: Path) -> None:
    """The figure."""
    from hiercls.plots.comparison import Dots, plot_comparison
    from hiercls.study.compare import MAJORITY

    able = [name for name in results.methods if any(results.accuracies(name, column) for column in results.columns)]
    drawn = [name for name in able if name != MAJORITY]  # it would take up most of the scale
    columns = [
        Dots(name=column, values=[results.accuracies(method, column) for method in drawn]) for column in results.columns
    ]
    n_test, seeds = len(results.splits[0].test.rows), counted(len(results.splits), "seed")
    subtitle = f"Accuracy on {n_test:,} test documents, mean ± standard deviation over {seeds}"
    title = "hiercls beside plain methods"
    write_figure(lambda: plot_comparison(drawn, columns, title=title, subtitle=subtitle), file)
