"""The commands that use a model on documents: predict and evaluate.

Knows options and how answers are written; the answers are the model's.
"""

from __future__ import annotations

import heapq
import itertools
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiercls.cli.answers import Accuracy, CalibratedAt, Coverage, LeastCost, More, Threshold, asked_for
from hiercls.cli.app import aligned, counted, note, to_json
from hiercls.cli.documents import (
    Device,
    Model,
    Rejects,
    SkipBad,
    Skipping,
    device_of,
    opened,
    read_labelled,
    shows_progress,
)
from hiercls.errors import ConfigError, require

if TYPE_CHECKING:
    from hiercls.data.reading import Table
    from hiercls.data.rejects import Reject
    from hiercls.data.rows import Row
    from hiercls.estimator import HierarchicalTextClassifier
    from hiercls.metrics import ProbabilityScores, ViewScores
    from hiercls.study.answers import Answers
    from hiercls.study.evaluation import Evaluation
    from hiercls.taxonomy import View

WINDOW = 4096
"""Documents that are answered together: memory is bounded by their encodings, and answers flow."""

DIGITS = 6
"""Digits of a probability that are written, after the point."""


def register(app: typer.Typer) -> None:
    """Add the commands.

    Args:
        app: What they are added to.
    """
    app.command(epilog="Example: hiercls predict model documents.csv --at one --coverage 0.9 -o answers.jsonl")(predict)
    app.command(epilog="Example: hiercls evaluate model test.csv")(evaluate)


def predict(
    model: Model,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Documents: .csv, .tsv, .jsonl or .parquet with a column text; - is stdin, JSONL or a text a line.",
        ),
    ] = Path("-"),
    at: Annotated[
        str | None, typer.Option(metavar="VIEW", help="A level or a customer of the model; by default the topics.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write; stdout by default.")
    ] = None,
    top_k: Annotated[int, typer.Option(min=1, help="How many of the likeliest classes are listed.")] = 3,
    coverage: Coverage = None,
    calibrated_at: CalibratedAt = None,
    threshold: Threshold = None,
    accuracy: Accuracy = None,
    least_cost: LeastCost = False,
    device: Device = None,
    skip_bad: SkipBad = False,
    rejects: Rejects = None,
) -> None:
    """Predict the classes of documents, one JSON object per document and in their order.

    An object has label, probability and top, the likeliest classes.
    An empty text is answered like any other.
    With --skip-bad a bad row keeps its place: its label is null, and problems says why.

    Where the likeliest class is not enough, ask for more: --coverage adds the set of classes that holds the true one as
    often as you say; --accuracy or --threshold add the node of the hierarchy that can be believed, a coarser one where
    it must be; --least-cost adds the class that costs least. --coverage and --accuracy are promises to documents like
    those that 'hiercls conformalize' has seen.
    """
    skipping = Skipping.of(skip_bad, rejects)
    if output is not None and output.exists() and file.exists() and output.samefile(file):
        raise ConfigError(f"'{output}' is the file to be read; give another name to --output")
    classifier = _load(model, device)
    view = classifier.taxonomy_.view(classifier.taxonomy_.levels[-1] if at is None else at)
    more = asked_for(
        classifier, view, sets=(coverage, calibrated_at), nodes=(threshold, accuracy), least_cost=least_cost
    )
    table = _read(file)
    skipping.settle(table.rejects, n_rows=len(table.rows) + len(table.rejects))
    with opened(output) as stream:
        for answer in _answers(classifier, _in_order(table), view, more, top_k=top_k):
            stream.write(json.dumps(answer, ensure_ascii=False) + "\n")


def evaluate(
    model: Model,
    data: Annotated[
        list[Path],
        typer.Argument(metavar="DATA", help="Labelled documents, as for train, at any views of the model."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    figures: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where to draw reliability, risk–coverage, operating curve and confusion."),
    ] = None,
    device: Device = None,
    skip_bad: SkipBad = False,
    rejects: Rejects = None,
) -> None:
    """Compare a model's answers with labelled documents, at every level and for every customer that the labels decide.

    A document labelled with a topic counts everywhere; one with a coarse class counts where one class holds it whole.
    """
    if figures is not None:
        require("matplotlib", extra="plots")
    from hiercls.study.answers import Answers, truths_of
    from hiercls.study.evaluation import count_empty, evaluate_answers

    skipping = Skipping.of(skip_bad, rejects)
    classifier = _load(model, device)
    documents = read_labelled(classifier.taxonomy_, data, skipping=skipping)
    texts = [row.text for row in documents.rows]
    scorer, taxonomy = classifier.scorer_, classifier.taxonomy_
    topics = scorer.topics(texts, progress=shows_progress())
    answers = Answers.of(scorer, taxonomy, topics, truths_of(documents.labels, taxonomy))
    result = evaluate_answers(answers, n_empty=count_empty(texts))
    typer.echo(to_json(result.to_dict()) if as_json else "\n".join(_evaluation_lines(result)))
    if figures is not None:
        _draw(answers, figures)


def _draw(answers: Answers, folder: Path) -> None:
    """Everything that can be drawn of the answers."""
    from hiercls.study import figures

    files = figures.save_figures(folder, figures.figures(answers))
    note(f"wrote {counted(len(files), 'figure')} to {folder}")


def _load(model: Path, device: str | None) -> HierarchicalTextClassifier:
    """A trained model."""
    from hiercls.estimator import HierarchicalTextClassifier

    return HierarchicalTextClassifier.from_pretrained(model, device=device_of(device))


def _read(file: Path) -> Table:
    """The documents of a file or of stdin."""
    from hiercls.data.reading import read, read_stream

    if str(file) != "-":
        return read(file)
    stdin = typer.get_binary_stream("stdin")
    if stdin.isatty():
        note("one text a line; end with Ctrl-D")
    return read_stream(stdin)


def _in_order(table: Table) -> Iterator[Row | Reject]:
    """Good and bad rows as they stood in the file."""
    from hiercls.data.rows import Row

    def line(item: Row | Reject) -> int:
        return (item.line if isinstance(item, Row) else item.problems[0].line) or 0

    return heapq.merge(table.rows, table.rejects, key=line)


def _answers(
    classifier: HierarchicalTextClassifier, items: Iterator[Row | Reject], view: View, more: More, *, top_k: int
) -> Iterator[dict[str, Any]]:
    """One answer per row, window by window."""
    from hiercls.data.rows import Row

    scorer = classifier.scorer_
    while window := list(itertools.islice(items, WINDOW)):
        texts = [item.text for item in window if isinstance(item, Row)]
        topics = scorer.topics(texts, progress=shows_progress())
        likeliest = scorer.classes(topics, view).exp().topk(min(top_k, len(view.classes)), dim=-1)
        rows = zip(likeliest.values.tolist(), likeliest.indices.tolist(), strict=True)
        added = {name: iter(answers(topics)) for name, answers in more.items()}
        for item in window:
            if isinstance(item, Row):
                yield {**_answer(view, *next(rows)), **{name: next(answers) for name, answers in added.items()}}
            else:
                yield {**_refusal(item), **dict.fromkeys(more)}


def _answer(view: View, probabilities: Sequence[float], classes: Sequence[int]) -> dict[str, Any]:
    """The likeliest classes of one document."""
    top = [
        {"label": view.classes[index], "probability": round(probability, DIGITS)}
        for probability, index in zip(probabilities, classes, strict=True)
    ]
    return {**top[0], "top": top}


def _refusal(reject: Reject) -> dict[str, Any]:
    """What stands in the place of a bad row, so that answers and rows stay beside each other."""
    problems = [str(problem) for problem in reject.problems]
    return {"label": None, "probability": None, "top": [], "problems": problems}


def _evaluation_lines(result: Evaluation) -> list[str]:
    """An evaluation as a table."""
    empty = f", {result.n_empty:,} of them without text" if result.n_empty else ""
    rows: list[tuple[str, ...]] = [("", "documents", "undetermined", "accuracy", "macro-F1", "ECE", "log-loss")]
    for kind, views in (("level", result.levels), ("customer", result.customers)):
        rows += [_scores(scores, result.probabilities[scores.view], kind=kind) for scores in views]
    scores = result.hierarchical
    named = {"precision": scores.precision, "recall": scores.recall, "F1": scores.f1}
    hierarchical = ", ".join(f"{name} {_number(value)}" for name, value in named.items())
    return [
        f"{counted(result.n_documents, 'labelled document')}{empty}",
        "",
        *aligned(rows),
        "",
        "ECE: the expected calibration error, how far probabilities are from the part that is right",
        f"area under risk–coverage: {_number(result.caution.hierarchical.area)} with coarser answers where uncertain, "
        f"{_number(result.caution.flat.area)} with none",
        f"hierarchical {hierarchical} on {counted(scores.n_documents, 'document')} whose topic is known",
    ]


def _scores(scores: ViewScores, probabilities: ProbabilityScores, *, kind: str) -> tuple[str, ...]:
    """One view's line."""
    counts = f"{scores.n_documents:,}", f"{scores.n_undetermined:,}"
    believed = probabilities.calibration_error, probabilities.log_loss
    return f"{kind} {scores.view}", *counts, *map(_number, (scores.accuracy, scores.macro_f1, *believed))


def _number(value: float) -> str:
    """A score with three digits; a dash where no document counts."""
    return "–" if math.isnan(value) else f"{value:.3f}"
