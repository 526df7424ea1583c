"""How good a trained model is on labelled documents, at every level and for every customer that their labels decide.

Knows a trained scorer and resolved labels; knows no file and no training.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hiercls.decoding import operating_curve
from hiercls.metrics import (
    HierarchicalScores,
    ProbabilityScores,
    RiskCoverage,
    ViewScores,
    ancestor_matrix,
    evaluate_view,
    hierarchical_risk_coverage,
    hierarchical_scores,
    risk_coverage,
    score_probabilities,
)
from hiercls.scoring import Scorer
from hiercls.study.answers import Answers, truths_of
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.labels import ResolvedLabels


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Caution:
    """What is gained by leaving uncertain documents unanswered, and by answering them more coarsely instead.

    Args:
        flat: How often answers are wrong, for every part of the documents that gets a topic.
        hierarchical: The same where an uncertain document gets the finest node that is probable enough, and counts as
            answered by as much as that says.
    """

    flat: RiskCoverage
    hierarchical: RiskCoverage


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A model's scores on labelled documents.

    Args:
        n_documents: The documents.
        n_empty: Those of them without any text, which are answered and counted like all others.
        levels: The scores at each level, the topics last.
        customers: The scores for each customer, over all documents whose class there is known, whoever labelled them.
        hierarchical: The scores over topics and all that stands above them, where the topic is known.
        probabilities: How good the probabilities at each view are, by its name.
        caution: Wrong answers by how much is answered, where the topic is known.
    """

    n_documents: int
    n_empty: int
    levels: tuple[ViewScores, ...]
    customers: tuple[ViewScores, ...]
    hierarchical: HierarchicalScores
    probabilities: Mapping[str, ProbabilityScores]
    caution: Caution

    def to_dict(self) -> dict[str, Any]:
        """The scores as plain data; None stands where no document counts."""
        return {
            "n_documents": self.n_documents,
            "n_empty": self.n_empty,
            "levels": [self._view(scores) for scores in self.levels],
            "customers": [self._view(scores) for scores in self.customers],
            "hierarchical": plain(dataclasses.asdict(self.hierarchical)),
            "aurc": plain({"flat": self.caution.flat.area, "hierarchical": self.caution.hierarchical.area}),
        }

    def _view(self, scores: ViewScores) -> dict[str, Any]:
        """All scores of one view."""
        return plain({**dataclasses.asdict(scores), **dataclasses.asdict(self.probabilities[scores.view])})


def evaluate(
    scorer: Scorer, taxonomy: Taxonomy, texts: Sequence[str], labels: ResolvedLabels, *, progress: bool = False
) -> Evaluation:
    """Score documents and compare what is predicted with their labels.

    At a view the documents count whose labels lie within one of its classes: a topic decides all levels and customers,
    a coarse label those views whose classes hold it whole.

    Args:
        scorer: A trained model's scorer.
        taxonomy: The map.
        texts: The documents.
        labels: Their labels, one entry a document.
        progress: Whether to show a bar on standard error.

    Returns:
        The scores at all views.
    """
    answers = Answers.of(scorer, taxonomy, scorer.topics(texts, progress=progress), truths_of(labels, taxonomy))
    return evaluate_answers(answers, n_empty=count_empty(texts))


def count_empty(texts: Iterable[str]) -> int:
    """How many texts hold nothing but white space."""
    return sum(not text.strip() for text in texts)


def evaluate_answers(answers: Answers, *, n_empty: int = 0) -> Evaluation:
    """The scores of what a model said.

    Args:
        answers: Probabilities and truths at every view.
        n_empty: How many of the documents are without text.

    Returns:
        The scores at all views.
    """
    taxonomy, truths = answers.taxonomy, answers.truths
    scores = [
        evaluate_view(taxonomy.view(name), logs.argmax(axis=1), truths[name]) for name, logs in answers.classes.items()
    ]
    n_levels = len(taxonomy.levels)
    return Evaluation(
        n_documents=answers.n_documents,
        n_empty=n_empty,
        levels=tuple(scores[:n_levels]),
        customers=tuple(scores[n_levels:]),
        hierarchical=hierarchical_scores(
            answers.topics.argmax(axis=1), answers.topic_truth, ancestors=ancestor_matrix(taxonomy)
        ),
        probabilities={name: score_probabilities(logs, truths[name]) for name, logs in answers.classes.items()},
        caution=caution(answers),
    )


def caution(answers: Answers) -> Caution:
    """Wrong answers by how much is answered, under both kinds of caution; both areas are taken by one rule.

    Args:
        answers: Probabilities and truths.

    Returns:
        The two curves.
    """
    known = answers.topic_truth >= 0
    topics, truth = answers.topics[known], answers.topic_truth[known]
    answered = risk_coverage(topics.max(axis=1), topics.argmax(axis=1) != truth)
    return Caution(
        flat=hierarchical_risk_coverage(answered.coverage, answered.coverage * answered.risk),
        hierarchical=operating_curve(topics, truth, taxonomy=answers.taxonomy).risk_coverage,
    )


def plain(scores: dict[str, Any]) -> dict[str, Any]:
    """Scores with None in place of NaN, which JSON does not know.

    Args:
        scores: Scores by name.

    Returns:
        The same, as JSON can hold them.
    """
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in scores.items()}
