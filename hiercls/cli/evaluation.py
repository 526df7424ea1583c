"""The command that compares a model's answers with labels: tables, JSON, figures.

Knows options and how scores are written; scoring itself is the study's.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hiercls.cli.app import aligned, counted, note, to_json
from hiercls.cli.documents import Device, Model, Rejects, SkipBad, Skipping, load_model, read_labelled, shows_progress
from hiercls.errors import ConfigError, require

if TYPE_CHECKING:
    from hiercls.metrics import ViewScores
    from hiercls.metrics.multilabel import MultilabelScores
    from hiercls.study.answers import Answers
    from hiercls.study.evaluation import Evaluation
    from hiercls.study.multilabel_evaluation import MultilabelEvaluation

ONE_TOPIC = {
    "n_documents": "documents",
    "n_undetermined": "undetermined",
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "calibration_error": "ECE",
    "log_loss": "log-loss",
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
    "calibration_error": "ECE",
    "log_loss": "log-loss",
}
"""The same where documents may have several topics."""


def register(app: typer.Typer) -> None:
    """Add the command.

    Args:
        app: What it is added to.
    """
    app.command(epilog="Example: hiercls evaluate model test.csv")(evaluate)


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
    from hiercls.model.multilabel import SeveralTopics
    from hiercls.study.answers import Answers, truths_of
    from hiercls.study.evaluation import count_empty, evaluate_answers
    from hiercls.study.multilabel_evaluation import evaluate_several
    from hiercls.taxonomy.multilabels import Multilabels

    skipping = Skipping.of(skip_bad, rejects)
    classifier = load_model(model, device)
    several = isinstance(classifier.scorer_.task, SeveralTopics)
    documents = read_labelled(classifier.taxonomy_, data, skipping=skipping, multilabel=several)
    texts, labels = [row.text for row in documents.rows], documents.labels
    scorer, taxonomy = classifier.scorer_, classifier.taxonomy_
    if isinstance(labels, Multilabels):
        if figures is not None:
            raise ConfigError("--figures draws models that give a document one topic; leave it out")
        several_result = evaluate_several(scorer, taxonomy, texts, labels, progress=shows_progress())
        typer.echo(to_json(several_result.to_dict()) if as_json else "\n".join(_evaluation_lines(several_result)))
        return
    topics = scorer.topics(texts, progress=shows_progress())
    answers = Answers.of(scorer, taxonomy, topics, truths_of(labels, taxonomy))
    result = evaluate_answers(answers, n_empty=count_empty(texts))
    typer.echo(to_json(result.to_dict()) if as_json else "\n".join(_evaluation_lines(result)))
    if figures is not None:
        _draw(answers, figures)


def _draw(answers: Answers, folder: Path) -> None:
    """Everything that can be drawn of the answers."""
    from hiercls.study import figures

    files = figures.save_figures(folder, figures.figures(answers))
    note(f"wrote {counted(len(files), 'figure')} to {folder}")


def _evaluation_lines(result: Evaluation | MultilabelEvaluation) -> list[str]:
    """An evaluation as a table."""
    from hiercls.study.evaluation import Evaluation

    empty = f", {result.n_empty:,} of them without text" if result.n_empty else ""
    columns = ONE_TOPIC if isinstance(result, Evaluation) else SEVERAL_TOPICS
    rows: list[tuple[str, ...]] = [("", *columns.values())]
    for kind, views in (("level", result.levels), ("customer", result.customers)):
        rows += [_scores(result, scores, f"{kind} {scores.view}", columns) for scores in views]
    scores = result.hierarchical
    named = {"precision": scores.precision, "recall": scores.recall, "F1": scores.f1}
    hierarchical = ", ".join(f"{name} {_number(value)}" for name, value in named.items())
    known = " whose topic is known" if isinstance(result, Evaluation) else ""
    return [
        f"{counted(result.n_documents, 'labelled document')}{empty}",
        "",
        *aligned(rows),
        "",
        *_explained(result),
        f"hierarchical {hierarchical} on {counted(scores.n_documents, 'document')}{known}",
    ]


def _explained(result: Evaluation | MultilabelEvaluation) -> list[str]:
    """What the table's probabilities mean, and what caution brings."""
    from hiercls.study.evaluation import Evaluation

    if not isinstance(result, Evaluation):
        return ["ECE: the expected calibration error, how far a class's probabilities are from the part that holds"]
    return [
        "ECE: the expected calibration error, how far probabilities are from the part that is right",
        f"area under risk–coverage: {_number(result.caution.hierarchical.area)} with coarser answers where uncertain, "
        f"{_number(result.caution.flat.area)} with none",
    ]


def _scores(
    result: Evaluation | MultilabelEvaluation,
    scores: ViewScores | MultilabelScores,
    name: str,
    columns: Mapping[str, str],
) -> tuple[str, ...]:
    """One view's line."""
    found = dataclasses.asdict(scores) | dataclasses.asdict(result.probabilities[scores.view])
    values = [found[column] for column in columns]
    return name, *(f"{value:,}" if isinstance(value, int) else _number(value) for value in values)


def _number(value: float) -> str:
    """A score with three digits; a dash where no document counts."""
    return "–" if math.isnan(value) else f"{value:.3f}"
