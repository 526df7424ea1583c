"""The commands that use a model on documents: predict and evaluate.

Knows options and how answers are written; the answers are the model's.
"""

from __future__ import annotations

import itertools
import json
import math
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
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
from hiercls.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

    from hiercls.data.rejects import Reject
    from hiercls.data.rows import Row
    from hiercls.estimator import HierarchicalTextClassifier
    from hiercls.metrics import ViewScores
    from hiercls.metrics.multilabel import MultilabelScores
    from hiercls.scoring import Scorer
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
    false_alarms: Annotated[
        float | None,
        typer.Option(
            metavar="RATE",
            help="Say what is of no known topic; this part of known ones may be called so. Needs calibrate.",
        ),
    ] = None,
    device: Device = None,
    skip_bad: SkipBad = False,
    rejects: Rejects = None,
) -> None:
    """Predict the classes of documents, one JSON object per document and in their order.

    An object has label, probability and top, the likeliest classes; of a multilabel model labels, all that are
    predicted, in place of the first two.
    With --false-alarms it has out_of_scope too; where that is true, label and probability are null.
    An empty text is answered like any other.
    All rows are checked before the first is answered; JSONL and stdin are never held in memory whole.
    With --skip-bad a bad row keeps its place: its label (labels) is null, and problems says why.

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
    with _documents(file) as documents:
        n_rows = _checked(documents(), skipping)
        with opened(output) as stream:
            answers = _answers(
                classifier, documents(), view, more, top_k=top_k, false_alarms=false_alarms, n_rows=n_rows
            )
            for answer in answers:
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


@contextmanager
def _documents(file: Path) -> Iterator[Callable[[], Iterator[Row | Reject]]]:
    """What walks through the rows of a file, or of stdin, as often as it is called; stdin is kept on disk for that."""
    from hiercls.data.reading import iterate, iterate_stream

    if str(file) != "-":
        yield partial(iterate, file)
        return
    stdin = typer.get_binary_stream("stdin")
    if stdin.isatty():
        note("one text a line; end with Ctrl-D")
    with tempfile.TemporaryFile() as kept:
        shutil.copyfileobj(stdin, kept)

        def again() -> Iterator[Row | Reject]:
            kept.seek(0)
            return iterate_stream(kept)

        yield again


def _checked(items: Iterator[Row | Reject], skipping: Skipping) -> int:
    """The number of rows, once it is settled what becomes of the bad ones."""
    from hiercls.data.rejects import Reject

    rejects: list[Reject] = []
    n_rows = 0
    for item in items:
        n_rows += 1
        if isinstance(item, Reject):
            rejects.append(item)
    skipping.settle(rejects, n_rows=n_rows)
    return n_rows


def _answers(
    classifier: HierarchicalTextClassifier,
    items: Iterator[Row | Reject],
    view: View,
    more: More,
    *,
    top_k: int,
    false_alarms: float | None,
    n_rows: int,
) -> Iterator[dict[str, Any]]:
    """One answer per row, window by window."""
    from tqdm import tqdm

    from hiercls.data.rows import Row
    from hiercls.model.multilabel import SeveralTopics

    scorer = classifier.scorer_
    several = isinstance(scorer.task, SeveralTopics)
    held: deque[list[Row | Reject]] = deque()

    def windows() -> Iterator[list[str]]:
        while window := list(itertools.islice(items, WINDOW)):
            held.append(window)
            yield [item.text for item in window if isinstance(item, Row)]

    with tqdm(total=n_rows, desc="predicting", unit="doc", disable=not shows_progress()) as bar:
        for topics, novel in _scored(scorer, windows(), false_alarms=false_alarms, advance=bar.update):
            classes = scorer.classes(topics, view)
            likeliest = classes.exp().topk(min(top_k, len(view.classes)), dim=-1)
            chosen = [row.nonzero()[0].tolist() if several else None for row in scorer.task.chosen(classes)]
            rows = zip(likeliest.values.tolist(), likeliest.indices.tolist(), novel, chosen, strict=True)
            added = {name: iter(answers(topics)) for name, answers in more.items()}
            for item in held.popleft():
                if isinstance(item, Row):
                    yield {**_answer(view, *next(rows)), **{name: next(answers) for name, answers in added.items()}}
                else:
                    yield {**_refusal(item, several=several), **dict.fromkeys(more)}


def _scored(
    scorer: Scorer,
    windows: Iterator[list[str]],
    *,
    false_alarms: float | None,
    advance: Callable[[int], object],
) -> Iterator[tuple[Tensor, Sequence[bool] | Sequence[None]]]:
    """Log p(t|x) window by window, and for each text whether it is out of scope; None where that is not asked."""
    if false_alarms is None:
        for topics in scorer.stream(windows, advance=advance):
            yield topics, [None] * len(topics)
        return
    for topics, novelty in scorer.stream_with_novelty(windows, advance=advance):
        yield topics, scorer.novelty.is_novel(novelty, false_alarms=false_alarms).tolist()


def _answer(
    view: View,
    probabilities: Sequence[float],
    classes: Sequence[int],
    out_of_scope: bool | None,
    chosen: Sequence[int] | None,
) -> dict[str, Any]:
    """The likeliest classes of one document; whether it is of no known topic, where that is asked; and the predicted,
    where it may have several.
    """
    top = [
        {"label": view.classes[index], "probability": round(probability, DIGITS)}
        for probability, index in zip(probabilities, classes, strict=True)
    ]
    if chosen is not None:
        return {"labels": [view.classes[index] for index in chosen], "top": top}
    if out_of_scope is None:
        return {**top[0], "top": top}
    answer = {"label": None, "probability": None} if out_of_scope else top[0]
    return {**answer, "out_of_scope": out_of_scope, "top": top}


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
