"""How good a trained model is on labelled documents, at every level and for every customer that their labels decide.

Knows a trained scorer and resolved labels; knows no file and no training.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hiercls.metrics import HierarchicalScores, ViewScores, ancestor_matrix, evaluate_view, hierarchical_scores
from hiercls.scoring import Scorer
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.labels import ResolvedLabels


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A model's scores on labelled documents.

    Args:
        n_documents: The documents.
        n_empty: Those of them without any text, which are answered and counted like all others.
        levels: The scores at each level, the topics last.
        customers: The scores for each customer, over all documents whose class there is known, whoever labelled them.
        hierarchical: The scores over topics and all that stands above them, where the topic is known.
    """

    n_documents: int
    n_empty: int
    levels: tuple[ViewScores, ...]
    customers: tuple[ViewScores, ...]
    hierarchical: HierarchicalScores

    def to_dict(self) -> dict[str, Any]:
        """The scores as plain data; None stands where no document counts."""
        hierarchical = {**dataclasses.asdict(self.hierarchical), "f1": self.hierarchical.f1}
        return {
            "n_documents": self.n_documents,
            "n_empty": self.n_empty,
            "levels": [plain(dataclasses.asdict(scores)) for scores in self.levels],
            "customers": [plain(dataclasses.asdict(scores)) for scores in self.customers],
            "hierarchical": plain(hierarchical),
        }


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
    topics = scorer.topics(texts, progress=progress)
    scores = []
    for name in taxonomy.views:
        view = taxonomy.view(name)
        predicted = scorer.classes(topics, view).argmax(dim=-1).numpy()
        scores.append(evaluate_view(view, predicted, labels.project(view)))
    truth = labels.project(taxonomy.view(taxonomy.levels[-1]))
    n_levels = len(taxonomy.levels)
    return Evaluation(
        n_documents=len(texts),
        n_empty=sum(not text.strip() for text in texts),
        levels=tuple(scores[:n_levels]),
        customers=tuple(scores[n_levels:]),
        hierarchical=hierarchical_scores(topics.argmax(dim=-1).numpy(), truth, ancestors=ancestor_matrix(taxonomy)),
    )


def plain(scores: dict[str, Any]) -> dict[str, Any]:
    """Scores with None in place of NaN, which JSON does not know.

    Args:
        scores: Scores by name.

    Returns:
        The same, as JSON can hold them.
    """
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in scores.items()}
