"""hiclass as a baseline: a local classifier under every inner node of the hierarchy.

Knows a hierarchy of topics and hiclass; knows no customer.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.svm import LinearSVC

from hiercls.errors import require
from hiercls.study.baselines import Baseline
from hiercls.taxonomy import Taxonomy


class LocalClassifiers(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """hiclass's local classifier per parent node, with LinearSVC, as a flat classifier of topics.

    Args:
        paths: The nodes from the top to each topic, padded with ``""``, shape (n_topics, n_levels).
        C: Inverse strength of the L2 of every LinearSVC.

    Source:
        Miranda et al., "HiClass", JMLR 2023.
    """

    def __init__(self, paths: np.ndarray, *, C: float = 1.0) -> None:  # noqa: N803, scikit-learn's name
        self.paths = paths
        self.C = C

    def fit(self, features: Any, topics: np.ndarray) -> Self:
        """Train a classifier under every inner node.

        Args:
            features: Shape (n_documents, n_features).
            topics: Positions of topics, shape (n_documents,).

        Returns:
            The estimator.
        """
        per_parent = require("hiclass", extra="compare").LocalClassifierPerParentNode
        local = per_parent(local_classifier=LinearSVC(C=self.C, dual=True, max_iter=5000))
        self.classes_ = np.unique(topics)
        self.local_ = local.fit(features, self.paths[topics])
        return self

    def predict(self, features: Any) -> np.ndarray:
        """The topic at the end of the likeliest path, top-down.

        Args:
            features: Shape (n_documents, n_features).

        Returns:
            Positions of topics, shape (n_documents,).
        """
        place = {self._leaf(path): topic for topic, path in enumerate(self.paths)}
        return np.array([place[self._leaf(path)] for path in self.local_.predict(features)])

    @staticmethod
    def _leaf(path: np.ndarray) -> str:
        """The last node of a padded path."""
        return str([node for node in path if node][-1])


def paths_of(taxonomy: Taxonomy) -> np.ndarray:
    """The nodes from the top to each topic, as hiclass wants them.

    Args:
        taxonomy: The map; where a node has several parents, the first is taken, since hiclass knows trees.

    Returns:
        Names, padded with ``""``, shape (n_topics, n_levels).

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> paths_of(Taxonomy.from_yaml(shipped("tiny")))[3].tolist()
        ['Y', 'D']
    """
    above = taxonomy.hierarchy.parents
    paths = []
    for topic in taxonomy.topics:
        path = [topic]
        while parents := above.get(path[0], ()):
            path.insert(0, parents[0])
        paths.append(path)
    padded = [[*path, *[""] * (len(taxonomy.levels) - len(path))] for path in paths]
    return np.array(padded, dtype=object)


def local_classifiers(taxonomy: Taxonomy) -> Baseline:
    """The baseline of local classifiers on a taxonomy, tuned like the flat ones.

    Args:
        taxonomy: The map; where a node has several parents, the first is taken, since hiclass knows trees.

    Returns:
        A baseline that learns topics.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> local_classifiers(Taxonomy.from_yaml(shipped("tiny"))).classifier.paths[3].tolist()
        ['Y', 'D']
    """
    return Baseline(
        name="hiclass: TF-IDF + LinearSVC under every node",
        features="tfidf",
        classifier=LocalClassifiers(paths_of(taxonomy)),
        parameter="C",
        values=(0.03, 0.1, 0.3, 1.0, 3.0),
    )
