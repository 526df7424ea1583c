"""The heads that a repurposer may choose, each with the strengths that it is tuned over.

Knows scikit-learn's classifiers; knows no document and no file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from scipy.special import log_softmax, logsumexp
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF, ConstantKernel
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC, LinearSVC

from hiercls.customers.cache import CacheClassifier
from hiercls.customers.em import Array
from hiercls.customers.laplace import LaplaceClassifier

Columns = Sequence[tuple[int, int]]
"""First and last-plus-one column of each layer's features."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """How a classifier is made.

    Args:
        build: Makes one, unfitted, from a strength, the columns of each layer, and a seed.
        strengths: The strengths to try, the strongest regularisation first; empty: there is nothing to tune.
    """

    build: Callable[[float, Columns, int], Any]
    strengths: tuple[float, ...] = ()


class LayerKernel(RBF):  # type: ignore[misc]
    """A radial kernel that reads one layer's columns.

    Args:
        length_scale: As in scikit-learn.
        length_scale_bounds: As in scikit-learn.
        start: First column.
        stop: The column after the last.
    """

    def __init__(
        self,
        length_scale: float = 1.0,
        length_scale_bounds: tuple[float, float] = (1e-2, 1e2),
        start: int = 0,
        stop: int | None = None,
    ) -> None:
        super().__init__(length_scale, length_scale_bounds)
        self.start = start
        self.stop = stop

    def __call__(self, X: Any, Y: Any = None, eval_gradient: bool = False) -> Any:  # noqa: N803, scikit-learn's names
        """The kernel's matrix, and its gradient where that is asked for."""
        part = slice(self.start, self.stop)
        return super().__call__(X[:, part], None if Y is None else Y[:, part], eval_gradient)


def log_scores(classifier: Any, features: Any) -> Array:
    """What a classifier says, in logarithms: of its probabilities, or its margins where it has none.

    Args:
        classifier: A fitted classifier.
        features: Shape (n_documents, width).

    Returns:
        Shape (n_documents, n_classes); of margins, the softmax means nothing before they are scaled.
    """
    if hasattr(classifier, "predict_proba"):
        scores: Array = np.log(np.maximum(classifier.predict_proba(features), 1e-12))
        return scores
    margins = np.asarray(classifier.decision_function(features), dtype=np.float64)
    return np.stack([-margins, margins], axis=1) if margins.ndim == 1 else margins


def held_out_loss(scores: Array, classes: np.ndarray) -> float:
    """Mean negative log-likelihood of the true classes, no document costing more than log 1,000: ``−log(p + 0.001)``.

    Args:
        scores: Shape (n_documents, n_classes).
        classes: True classes by position, shape (n_documents,).

    Returns:
        The loss, in nats.

    Example:
        >>> round(held_out_loss(np.zeros((1, 2)), np.array([0])), 4)
        0.6911
    """
    said = log_softmax(scores, axis=1)[np.arange(len(classes)), classes]
    return float(-logsumexp(np.stack([said, np.full(len(said), np.log(1e-3))]), axis=0).mean())


def _gaussian_process(_: float, columns: Columns, seed: int) -> Any:
    """One kernel a layer, summed; one class against the others, in turn."""
    kernels = [ConstantKernel(1.0, (1e-2, 1e3)) * LayerKernel(1.0, start=one, stop=two) for one, two in columns]
    return GaussianProcessClassifier(reduce(add, kernels), random_state=seed)


HEADS: Mapping[str, Head] = {
    "logistic-regression": Head(
        build=lambda strength, _, __: LogisticRegression(C=strength, max_iter=2000),
        strengths=(0.3, 1.0, 3.0, 10.0, 30.0, 100.0),
    ),
    "linear-svm": Head(
        build=lambda strength, _, seed: LinearSVC(C=strength, random_state=seed, max_iter=20_000),
        strengths=(0.03, 0.1, 0.3, 1.0, 3.0),
    ),
    "rbf-svm": Head(
        build=lambda strength, _, __: SVC(C=strength, gamma="scale", decision_function_shape="ovr"),
        strengths=(0.3, 1.0, 3.0, 10.0, 30.0),
    ),
    "gaussian-process": Head(build=_gaussian_process),
    "laplace": Head(build=lambda _, __, ___: LaplaceClassifier()),
    "neighbours": Head(
        build=lambda strength, _, __: KNeighborsClassifier(int(strength), weights="distance", metric="cosine"),
        strengths=(30.0, 20.0, 10.0, 5.0, 3.0, 1.0),
    ),
    "cache": Head(
        build=lambda strength, _, __: CacheClassifier(sharpness=strength),
        strengths=(1.0, 3.0, 5.0, 10.0, 20.0),
    ),
}
"""The heads by name."""
