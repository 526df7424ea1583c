"""How good a model of several topics a document is on labelled documents, at every level and for every customer.

Knows a trained scorer and resolved labels; knows no file and no training.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from hiercls.aggregation import Entries, noisy_or
from hiercls.metrics import HierarchicalScores, ancestor_matrix, node_set_scores
from hiercls.metrics.multilabel import (
    MultilabelProbabilityScores,
    MultilabelScores,
    evaluate_multilabel,
    score_multilabel,
)
from hiercls.scoring import Scorer
from hiercls.study.evaluation import count_empty, plain
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.multilabels import PRESENT, UNKNOWN, Multilabels


@dataclass(frozen=True, slots=True, kw_only=True)
class MultilabelEvaluation:
    """A model's scores on labelled documents that may have several topics.

    Args:
        n_documents: The documents.
        n_empty: Those of them without any text, which are answered and counted like all others.
        levels: The scores at each level, the topics last.
        customers: The scores for each customer, over all classes of which the labels say whether they hold.
        hierarchical: The scores over all nodes of the hierarchy together, of which that is known.
        probabilities: How far the classes' probabilities can be believed, by view.
    """

    n_documents: int
    n_empty: int
    levels: tuple[MultilabelScores, ...]
    customers: tuple[MultilabelScores, ...]
    hierarchical: HierarchicalScores
    probabilities: Mapping[str, MultilabelProbabilityScores]

    def to_dict(self) -> dict[str, Any]:
        """The scores as plain data; None stands where no document counts."""
        return {
            "n_documents": self.n_documents,
            "n_empty": self.n_empty,
            "levels": [plain(dataclasses.asdict(scores)) for scores in self.levels],
            "customers": [plain(dataclasses.asdict(scores)) for scores in self.customers],
            "hierarchical": plain(dataclasses.asdict(self.hierarchical)),
            "probabilities": {name: plain(dataclasses.asdict(scores)) for name, scores in self.probabilities.items()},
        }


def evaluate_several(
    scorer: Scorer, taxonomy: Taxonomy, texts: Sequence[str], labels: Multilabels, *, progress: bool = False
) -> MultilabelEvaluation:
    """Score documents and compare what is predicted with their labels.

    A class counts where the labels say that it holds or that it does not: a document with all its topics listed decides
    all levels and customers.

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
    scores, probabilities = [], {}
    for name in taxonomy.views:
        view = taxonomy.view(name)
        classes, truth = scorer.classes(topics, view), labels.truth(view.membership)
        scores.append(evaluate_multilabel(view, scorer.task.chosen(classes), truth))
        probabilities[name] = score_multilabel(name, classes.double().numpy(), truth)
    ancestors = csr_array(ancestor_matrix(taxonomy), dtype=np.float64)
    chosen = scorer.task.chosen(noisy_or(topics, Entries.of_matrix(ancestors.T)))
    truth = labels.truth(ancestors)
    found, true = csr_array((chosen & (truth != UNKNOWN)).astype(int)), csr_array((truth == PRESENT).astype(int))
    n_levels = len(taxonomy.levels)
    return MultilabelEvaluation(
        n_documents=len(texts),
        n_empty=count_empty(texts),
        levels=tuple(scores[:n_levels]),
        customers=tuple(scores[n_levels:]),
        hierarchical=node_set_scores(found, true),
        probabilities=probabilities,
    )
