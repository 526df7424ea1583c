"""The command that uses a model on documents.

Knows options and how answers are written; the answers are the model's.
"""

from __future__ import annotations

import itertools
import json
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiercls.cli.answers import Accuracy, CalibratedAt, Coverage, FalseAlarms, LeastCost, More, Threshold, asked_for
from hiercls.cli.app import note
from hiercls.cli.documents import (
    Device,
    Model,
    Rejects,
    SkipBad,
    Skipping,
    load_model,
    shows_progress,
)
from hiercls.cli.resuming import identity, resumed
from hiercls.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

    from hiercls.data.rejects import Reject
    from hiercls.data.rows import Row
    from hiercls.estimator import HierarchicalTextClassifier
    from hiercls.scoring import Scorer
    from hiercls.taxonomy import View

Texts = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="Documents: .csv, .tsv, .jsonl or .parquet with a column text; - is stdin, JSONL or a text a line.",
    ),
]
At = Annotated[
    str | None, typer.Option(metavar="VIEW", help="A level or a customer of the model; by default the topics.")
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write; stdout by default.")
]
Resume = Annotated[
    bool,
    typer.Option("--resume", help="Keep answers as they come, and go on where the same command was interrupted."),
]
TopK = Annotated[int, typer.Option(min=1, help="How many of the likeliest classes are listed.")]

DIGITS = 6
"""Digits of a probability that are written, after the point."""


def register(app: typer.Typer) -> None:
    """Add the command.

    Args:
        app: What it is added to.
    """
    app.command(epilog="Example: hiercls predict model documents.csv --at one --coverage 0.9 -o answers.jsonl")(predict)


def predict(
    model: Model,
    file: Texts = Path("-"),
    at: At = None,
    output: Output = None,
    top_k: TopK = 3,
    coverage: Coverage = None,
    calibrated_at: CalibratedAt = None,
    threshold: Threshold = None,
    accuracy: Accuracy = None,
    least_cost: LeastCost = False,
    false_alarms: FalseAlarms = None,
    device: Device = None,
    skip_bad: SkipBad = False,
    rejects: Rejects = None,
    resume: Resume = False,
) -> None:
    """Predict the classes of documents, one JSON object per document and in their order.

    An object has label, probability and top, the likeliest classes; of a multilabel model labels, all that are
    predicted, in place of the first two.
    With --false-alarms it has out_of_scope too; where that is true, label and probability (labels) are null.
    An empty text is answered like any other.
    All rows are checked before the first is answered; no file, nor stdin, is held in memory whole.
    --output appears when all are answered; with --resume, answers wait beside it if the command is interrupted, and the
    same command goes on after them.
    With --skip-bad a bad row keeps its place: its label (labels) is null, and problems says why.

    Where the likeliest class is not enough, ask for more: --coverage adds the set of classes that holds the true one as
    often as you say; --accuracy or --threshold add the node of the hierarchy that can be believed, a coarser one where
    it must be; --least-cost adds the class that costs least. --coverage and --accuracy are promises to documents like
    those that 'hiercls conformalize' has seen.
    """
    skipping = Skipping.of(skip_bad, rejects)
    if output is not None and output.exists() and file.exists() and output.samefile(file):
        raise ConfigError(f"'{output}' is the file to be read; give another name to --output")
    classifier = load_model(model, device)
    view = classifier.taxonomy_.view(classifier.taxonomy_.levels[-1] if at is None else at)
    more = asked_for(
        classifier, view, sets=(coverage, calibrated_at), nodes=(threshold, accuracy), least_cost=least_cost
    )
    asked = [view.name, top_k, coverage, calibrated_at, threshold, accuracy, least_cost, false_alarms]
    key = _identity(model, file, asked) if resume else None
    with _documents(file) as documents:
        n_rows = _checked(documents(), skipping)
        with resumed(output, key=key, multiple=classifier.scorer_.window) as (stream, n_done):
            left = itertools.islice(documents(), n_done, None)
            answers = _answers(
                classifier, left, view, more, top_k=top_k, false_alarms=false_alarms, n_rows=n_rows - n_done
            )
            for answer in answers:
                stream.write(json.dumps(answer, ensure_ascii=False) + "\n")


def _identity(model: Path, file: Path, asked: Sequence[object]) -> str:
    """What tells this command from another; the settings hold the hashes of the model's other files."""
    if str(file) == "-":
        raise ConfigError("--resume reads documents twice: give a file, not stdin")
    return identity([model / "config.json", file], asked=asked)


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
        while window := list(itertools.islice(items, scorer.window)):
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
    several = chosen is not None
    answer = {"labels": [view.classes[index] for index in chosen]} if chosen is not None else top[0]
    if out_of_scope is None:
        return {**answer, "top": top}
    return {**(_nothing(several=several) if out_of_scope else answer), "out_of_scope": out_of_scope, "top": top}


def _refusal(reject: Reject, *, several: bool) -> dict[str, Any]:
    """What stands in the place of a bad row, so that answers and rows stay beside each other."""
    return {**_nothing(several=several), "top": [], "problems": [str(problem) for problem in reject.problems]}


def _nothing(*, several: bool) -> dict[str, Any]:
    """No answer."""
    return {"labels": None} if several else {"label": None, "probability": None}
