"""The commands that use a model on documents: predict and evaluate.

Knows options and how answers are written; the answers are the model's.
"""

from __future__ import annotations

import heapq
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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
from hiercls.errors import ConfigError

if TYPE_CHECKING:
    from hiercls.data.reading import Table
    from hiercls.data.rejects import Reject
    from hiercls.data.rows import Row
    from hiercls.estimator import HierarchicalTextClassifier
    from hiercls.metrics import ViewScores
    from hiercls.metrics.multilabel import MultilabelScores
    from hiercls.study.evaluation import Evaluation
    from hiercls.study.multilabel_evaluation import MultilabelEvaluation
    from hiercls.taxonomy import View

WINDOW = 4096
"""Documents that are answered together: memory is bounded by their encodings, and answers flow."""

DIGITS = 6
"""Digits of a probability that are written, after the point."""

ONE_TOPIC = {
    "n_documents": "documents",
    "n_undetermined": "undetermined",
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
}
"""The columns of an evaluation, by the fields of its scores."""
SEVERAL_TOPICS = {
    "n_documents": "documents",
    "n_open": "open",
    "precision": "precision",
    "recall": "recall",
    "micro_f1": "micro-F1",
    "macro_f1": "macro-F1",
    "subset_accuracy": "all right",
}
"""The same where documents may have several topics."""


def register(app: typer.Typer) -> None:
    """Add the commands.

    Args:
        app: What they are added to.
    """
    app.command(epilog="Example: hiercls predict model documents.csv --at one -o answers.jsonl")(predict)
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
    device: Device = None,
    skip_bad: SkipBad = False,
    rejects: Rejects = None,
) -> None:
    """Predict the classes of documents, one JSON object per document and in their order.

    An object has label, probability and top, the likeliest classes; of a multilabel model labels, all that are
    predicted, in place of the first two.
    An empty text is answered like any other.
    With --skip-bad a bad row keeps its place: its label (labels) is null, and problems says why.
    """
    skipping = Skipping.of(skip_bad, rejects)
    if output is not None and output.exists() and file.exists() and output.samefile(file):
        raise ConfigError(f"'{output}' is the file to be read; give another name to --output")
    classifier = _load(model, device)
    view = classifier.taxonomy_.view(classifier.taxonomy_.levels[-1] if at is None else at)
    table = _read(file)
    skipping.settle(table.rejects, n_rows=len(table.rows) + len(table.rejects))
    with opened(output) as stream:
        for answer in _answers(classifier, _in_order(table), view, top_k=top_k):
            stream.write(json.dumps(answer, ensure_ascii=False) + "\n")


def evaluate(
    model: Model,
    data: Annotated[
        list[Path],
        typer.Argument(metavar="DATA", help="Labelled documents, as for train, at any views of the model."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    device: Device = None,
    skip_bad: SkipBad = False,
    rejects: Rejects = None,
) -> None:
    """Compare a model's answers with labelled documents, at every level and for every customer that the labels decide.

    A document labelled with a topic counts everywhere; one with a coarse class counts where one class holds it whole.
    """
    from hiercls.model.multilabel import SeveralTopics
    from hiercls.study.evaluation import evaluate as evaluate_scorer
    from hiercls.study.multilabel_evaluation import evaluate_several
    from hiercls.taxonomy.multilabels import Multilabels

    skipping = Skipping.of(skip_bad, rejects)
    classifier = _load(model, device)
    several = isinstance(classifier.scorer_.task, SeveralTopics)
    documents = read_labelled(classifier.taxonomy_, data, skipping=skipping, multilabel=several)
    texts, labels = [row.text for row in documents.rows], documents.labels
    scorer, taxonomy, progress = classifier.scorer_, classifier.taxonomy_, shows_progress()
    result = (
        evaluate_several(scorer, taxonomy, texts, labels, progress=progress)
        if isinstance(labels, Multilabels)
        else evaluate_scorer(scorer, taxonomy, texts, labels, progress=progress)
    )
    typer.echo(to_json(result.to_dict()) if as_json else "\n".join(_evaluation_lines(result)))


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
    classifier: HierarchicalTextClassifier, items: Iterator[Row | Reject], view: View, *, top_k: int
) -> Iterator[dict[str, Any]]:
    """One answer per row, window by window."""
    from hiercls.data.rows import Row
    from hiercls.model.multilabel import SeveralTopics

    scorer = classifier.scorer_
    several = isinstance(scorer.task, SeveralTopics)
    while window := list(itertools.islice(items, WINDOW)):
        texts = [item.text for item in window if isinstance(item, Row)]
        topics = scorer.topics(texts, progress=shows_progress())
        classes = scorer.classes(topics, view)
        likeliest = classes.exp().topk(min(top_k, len(view.classes)), dim=-1)
        chosen = [row.nonzero()[0].tolist() if several else None for row in scorer.task.chosen(classes)]
        rows = zip(likeliest.values.tolist(), likeliest.indices.tolist(), chosen, strict=True)
        for item in window:
            yield _answer(view, *next(rows)) if isinstance(item, Row) else _refusal(item, several=several)


def _answer(
    view: View, probabilities: Sequence[float], classes: Sequence[int], chosen: Sequence[int] | None
) -> dict[str, Any]:
    """The likeliest classes of one document, and where it may have several (else ``chosen`` is None) the predicted."""
    top = [
        {"label": view.classes[index], "probability": round(probability, DIGITS)}
        for probability, index in zip(probabilities, classes, strict=True)
    ]
    if chosen is not None:
        return {"labels": [view.classes[index] for index in chosen], "top": top}
    return {**top[0], "top": top}


def _refusal(reject: Reject, *, several: bool) -> dict[str, Any]:
    """What stands in the place of a bad row, so that answers and rows stay beside each other."""
    nothing: dict[str, Any] = {"labels": None} if several else {"label": None, "probability": None}
    return {**nothing, "top": [], "problems": [str(problem) for problem in reject.problems]}


def _evaluation_lines(result: Evaluation | MultilabelEvaluation) -> list[str]:
    """An evaluation as a table."""
    from hiercls.study.evaluation import Evaluation

    empty = f", {result.n_empty:,} of them without text" if result.n_empty else ""
    one = isinstance(result, Evaluation)
    columns = ONE_TOPIC if one else SEVERAL_TOPICS
    rows: list[tuple[str, ...]] = [("", *columns.values())]
    rows += [_scores(scores, f"level {scores.view}", columns) for scores in result.levels]
    rows += [_scores(scores, f"customer {scores.view}", columns) for scores in result.customers]
    scores = result.hierarchical
    named = {"precision": scores.precision, "recall": scores.recall, "F1": scores.f1}
    hierarchical = ", ".join(f"{name} {_number(value)}" for name, value in named.items())
    known = " whose topic is known" if one else ""
    return [
        f"{counted(result.n_documents, 'labelled document')}{empty}",
        "",
        *aligned(rows),
        "",
        f"hierarchical {hierarchical} on {counted(scores.n_documents, 'document')}{known}",
    ]


def _scores(scores: ViewScores | MultilabelScores, name: str, columns: Mapping[str, str]) -> tuple[str, ...]:
    """One view's line."""
    values = [getattr(scores, column) for column in columns]
    return name, *(f"{value:,}" if isinstance(value, int) else _number(value) for value in values)


def _number(value: float) -> str:
    """A score with three digits; a dash where no document counts."""
    return "–" if math.isnan(value) else f"{value:.3f}"
