"""The command that compares a model's answers with labels: tables, JSON, figures, a page.

Knows options and how scores are written; scoring itself is the study's.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from hiercls.cli.app import AsJson, aligned, counted, note, to_json
from hiercls.cli.documents import (
    Device,
    LabelledDocuments,
    Model,
    Rejects,
    SkipBad,
    Skipping,
    load_model,
    read_labelled,
    shows_progress,
)
from hiercls.cli.reporting import ForCustomer, Page, Report, Training
from hiercls.errors import ConfigError, require

if TYPE_CHECKING:
    from hiercls.estimator import HierarchicalTextClassifier
    from hiercls.metrics import ViewScores
    from hiercls.metrics.multilabel import MultilabelScores
    from hiercls.study.answers import Answers
    from hiercls.study.evaluation import Evaluation
    from hiercls.study.multilabel_evaluation import MultilabelEvaluation
    from hiercls.taxonomy.multilabels import Multilabels

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


Data = Annotated[
    list[Path],
    typer.Argument(metavar="DATA", help="Labelled documents, as for train, at any views of the model."),
]
Figures = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Where to draw reliability, risk–coverage, operating curve and confusion."),
]


def register(app: typer.Typer) -> None:
    """Add the command.

    Args:
        app: What it is added to.
    """
    app.command(epilog="Example: hiercls evaluate model test.csv")(evaluate)


def evaluate(
    model: Model,
    data: Data,
    as_json: AsJson = False,
    figures: Figures = None,
    report: Report = None,
    customer: ForCustomer = None,
    training: Training = None,
    device: Device = None,
    skip_bad: SkipBad = False,
    rejects: Rejects = None,
) -> None:
    """Compare a model's answers with labelled documents, at every level and for every customer that the labels decide.

    A document labelled with a topic counts everywhere; one with a coarse class counts where one class holds it whole.
    """
    if figures is not None:
        require("matplotlib", extra="plots")
    page, skipping = Page.of(report, customer, training), Skipping.of(skip_bad, rejects)
    from hiercls.model.multilabel import SeveralTopics

    classifier = load_model(model, device)
    taxonomy, several = classifier.taxonomy_, isinstance(classifier.scorer_.task, SeveralTopics)
    if several and (figures is not None or page is not None):
        raise ConfigError("--figures and --report are for models that give a document one topic; leave them out")
    known = None if page is None else page.read_training(taxonomy, skip_bad=skip_bad)
    documents = read_labelled(taxonomy, data, skipping=skipping, multilabel=several)
    answers = _answers(classifier, documents)
    result = _evaluation(classifier, documents, answers)
    typer.echo(to_json(result.to_dict()) if as_json else "\n".join(_evaluation_lines(result)))
    if answers is not None and figures is not None:
        _draw(answers, figures)
    if answers is not None and page is not None:
        about = {"model": str(model), "documents": ", ".join(map(str, data))}
        page.write(classifier, answers, documents, known, about=about)


def _answers(classifier: HierarchicalTextClassifier, documents: LabelledDocuments) -> Answers | None:
    """What the model says at every view, beside what is true there; None where a document may have several topics."""
    from hiercls.study.answers import Answers, truths_of
    from hiercls.taxonomy.multilabels import Multilabels

    if isinstance(documents.labels, Multilabels):
        return None
    scorer, taxonomy = classifier.scorer_, classifier.taxonomy_
    topics = scorer.topics([row.text for row in documents.rows], progress=shows_progress())
    return Answers.of(scorer, taxonomy, topics, truths_of(documents.labels, taxonomy))


def _evaluation(
    classifier: HierarchicalTextClassifier, documents: LabelledDocuments, answers: Answers | None
) -> Evaluation | MultilabelEvaluation:
    """The scores of the answers, or of those that are to be given where a document may have several topics."""
    from hiercls.study.evaluation import count_empty, evaluate_answers
    from hiercls.study.multilabel_evaluation import evaluate_several

    texts = [row.text for row in documents.rows]
    if answers is not None:
        return evaluate_answers(answers, n_empty=count_empty(texts))
    labels = cast("Multilabels", documents.labels)
    scorer, taxonomy = classifier.scorer_, classifier.taxonomy_
    return evaluate_several(scorer, taxonomy, texts, labels, progress=shows_progress())


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
