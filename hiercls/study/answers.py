"""What a model says of labelled documents at every view, beside what is true there: all that scores and figures need.

Knows log-probabilities and labels as indices; knows no text and no file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from hiercls.scoring import Scorer
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.labels import ResolvedLabels

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answers:
    """Probabilities and truths, view by view.

    Args:
        taxonomy: The map.
        topics: log p(t|x), shape (n_documents, n_topics).
        classes: For every view log p(k|x,c), shape (n_documents, n_classes): a customer's own calibration, mix and
            scope are in it.
        truths: For every view the true class, −1 where the labels do not say, shape (n_documents,).
    """

    taxonomy: Taxonomy
    topics: Array
    classes: Mapping[str, Array]
    truths: Mapping[str, Indices]

    @classmethod
    def of(cls, scorer: Scorer, taxonomy: Taxonomy, topics: Tensor, truths: Mapping[str, Indices]) -> Answers:
        """What a scorer says.

        Args:
            scorer: A trained model's scorer.
            taxonomy: The map.
            topics: What ``scorer.topics`` said of the documents, shape (n_documents, n_topics).
            truths: For every view the true class, such as :func:`truths_of` labels.

        Returns:
            The answers at every view.
        """
        views = [taxonomy.view(name) for name in taxonomy.views]
        classes = {view.name: scorer.classes(topics, view).double().numpy() for view in views}
        return cls(taxonomy=taxonomy, topics=topics.double().numpy(), classes=classes, truths=truths)

    @property
    def n_documents(self) -> int:
        """How many documents there are."""
        return len(self.topics)

    @property
    def topic_truth(self) -> Indices:
        """The true topic of each document, −1 where it is not known, shape (n_documents,)."""
        return self.truths[self.taxonomy.levels[-1]]


def truths_of(labels: ResolvedLabels, taxonomy: Taxonomy) -> dict[str, Indices]:
    """The true class of each document at every view.

    Args:
        labels: The documents' labels, met with the map.
        taxonomy: The map.

    Returns:
        For every view indices of classes, −1 where the label lies within no single class, shape (n_documents,).
    """
    return {name: labels.project(taxonomy.view(name)) for name in taxonomy.views}
