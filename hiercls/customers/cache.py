"""A cache of labelled documents that is asked by likeness.

Knows features and classes; no text and no encoder.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.preprocessing import normalize

from hiercls.customers.em import Array


class CacheClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A cache of labelled documents, asked by likeness.

    ``p(k|x) ∝ .01 + Σ_{i in k} exp(−β (1 − cos(x, x_i)))``

    Args:
        sharpness: β.

    Example:
        >>> CacheClassifier().fit([[1.0, 0.0], [0.0, 1.0]], ["a", "b"]).predict([[2.0, 1.0]]).tolist()
        ['a']

    Source:
        Zhang et al., "Tip-Adapter", ECCV 2022, without its zero-shot part.
    """

    def __init__(self, *, sharpness: float = 5.0) -> None:
        self.sharpness = sharpness

    def fit(self, features: Any, labels: Any) -> Self:
        """Keep the documents.

        Args:
            features: Shape (n_documents, width).
            labels: Classes, shape (n_documents,).

        Returns:
            The estimator.
        """
        self.classes_, classes = np.unique(labels, return_inverse=True)
        self.keys_, self.values_ = normalize(features), np.eye(len(self.classes_))[classes]
        return self

    def predict_proba(self, features: Any) -> Array:
        """Probabilities of the classes.

        Args:
            features: Shape (n_documents, width).

        Returns:
            Shape (n_documents, n_classes).
        """
        affinities = np.exp(self.sharpness * (normalize(features) @ self.keys_.T - 1.0)) @ self.values_ + 0.01
        probabilities: Array = affinities / affinities.sum(axis=1, keepdims=True)
        return probabilities

    def predict(self, features: Any) -> np.ndarray:
        """The likeliest classes.

        Args:
            features: Shape (n_documents, width).

        Returns:
            Shape (n_documents,).
        """
        best: np.ndarray = self.classes_[self.predict_proba(features).argmax(axis=1)]
        return best
