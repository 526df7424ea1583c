"""The heads as an estimator of their own, on features of any kind: an array in, any view's classes out.

Knows scikit-learn's conventions, heads and losses; knows no text and no encoder.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from scipy.optimize import minimize
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from hiercls.data.rows import make_rows
from hiercls.encoding.kernels import LinearKernels
from hiercls.errors import ConfigError
from hiercls.estimator.tasks import resolve_one_topic
from hiercls.estimator.whitening import Whitening
from hiercls.losses import cascade_loss
from hiercls.model.head import Head
from hiercls.model.heads import CascadeHead, HeadConfig
from hiercls.model.hiagm import HiagmConfig
from hiercls.model.targets import TargetTable
from hiercls.model.task import ONE_TOPIC
from hiercls.taxonomy import Taxonomy, View
from hiercls.taxonomy.labels import ResolvedLabels

LINEAR = HeadConfig(hidden=0, dropout=0.0)
"""The head where none is given."""

TOLERANCE = {torch.float64: 2e-9, torch.float32: 1e-6}
"""By what part of itself the loss must fall in a step, or that was the last."""

WIDEST = 4096
"""Features up to which linear heads are found in white coordinates, whose cost grows with the cube of them."""

FLOATS = [np.float64, np.float32]
"""Precisions of features that are kept; others become the first."""


class HierarchicalClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The heads of a hierarchy, and the labels of any view, on an array of features.

    ``minimise Σ_i w_i · −log p(y_i|x_i) + α/2 ‖W‖²`` over all documents at once, by L-BFGS in the precision of
    the features; W are the weights without the biases. Linear heads are found in coordinates in which the features are
    white, where there are not more of these than documents, which takes fewer steps.

    Args:
        taxonomy: The map: a ``Taxonomy``, the path of its YAML or ``.parquet``, or the text of its YAML. None: the
            classes found in ``y`` and no levels above them, which is logistic regression.
        head: How the heads are built; None: linear ones.
        alpha: α, the strength of L2, in units of a document.
        max_iter: Iterations at most.
        random_state: Seed of the weights to start from; linear heads start from 0.

    Example:
        >>> X = np.array([[0.0], [1.0], [4.0], [5.0]])
        >>> HierarchicalClassifier(alpha=0.01).fit(X, [3, 3, 7, 7]).predict([[0.5], [4.5]]).tolist()
        [3, 7]
        >>> taxonomy = "{hiercls: 1, levels: [half, topic], topics: {low: [A, B], high: [C]}}"
        >>> model = HierarchicalClassifier(taxonomy, alpha=0.01).fit(X, ["A", "topic:B", "half:high", "C"])
        >>> model.predict([[0.5], [4.5]], at="half").tolist()
        ['low', 'high']
    """

    taxonomy_: Taxonomy

    def __init__(
        self,
        taxonomy: Taxonomy | str | Path | None = None,
        *,
        head: HeadConfig | HiagmConfig | None = None,
        alpha: float = 1.0,
        max_iter: int = 300,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.taxonomy = taxonomy
        self.head = head
        self.alpha = alpha
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(
        self,
        X: Any,  # noqa: N803, scikit-learn's name
        y: Any,
        *,
        views: str | Iterable[str | None] | None = None,
        sample_weight: Any = None,
    ) -> Self:
        """Train the heads.

        Args:
            X: Features, shape (n_documents, width).
            y: For each document a class of its view, ``view:class``, or a list of these; without a taxonomy any class.
            views: One view's name, or one per document; None: the topics.
            sample_weight: Weight of each document in the loss, shape (n_documents,).

        Returns:
            The estimator.

        Raises:
            DataError: If labels are illegal; all of them are listed.
            ConfigError: If a setting is out of range.
        """
        if not (self.alpha >= 0 and self.max_iter >= 1):
            raise ConfigError(f"expected alpha >= 0 and max_iter >= 1, got {self.alpha} and {self.max_iter}")
        if self.taxonomy is None:
            X, y = validate_data(self, X, y, dtype=FLOATS)  # noqa: N806
            check_classification_targets(y)
            if views is not None:
                raise ConfigError(f"expected no views where there is no taxonomy, got {views!r}")
            self.classes_, places = np.unique(y, return_inverse=True)
            taxonomy, labels = _flat(len(self.classes_))
            labels = labels.take(places.ravel())
        else:
            if y is None:
                raise ValueError("expected labels y, got None; this estimator requires y to be passed")
            X = validate_data(self, X, dtype=FLOATS)  # noqa: N806
            taxonomy = self.taxonomy if isinstance(self.taxonomy, Taxonomy) else Taxonomy.read(self.taxonomy)
            self.classes_ = np.asarray(taxonomy.topics)
            labels = resolve_one_topic(taxonomy, make_rows([""] * len(X), list(y), views=views))
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64)
        config = LINEAR if self.head is None else self.head
        targets = TargetTable(taxonomy, labels, composition=config.composition)
        features = torch.tensor(X)
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            head = config.build(X.shape[1], taxonomy).to(features.dtype).eval()
        self.n_iter_ = _train(head, features, targets, torch.tensor(weights), self.alpha, self.max_iter)
        self.taxonomy_, self.head_ = taxonomy, head
        return self

    def predict(self, X: Any, *, at: str | None = None) -> np.ndarray:  # noqa: N803
        """The likeliest class of each document.

        Args:
            X: Features, shape (n_documents, width).
            at: A level or a customer; None: the topics.

        Returns:
            Shape (n_documents,).

        Raises:
            ConfigError: If there is no such view.
        """
        view = self._view(at)
        names = self.classes_ if at is None else np.asarray(view.classes)
        found: np.ndarray = names[self._classes(X, view).argmax(dim=-1).numpy()]
        return found

    def predict_proba(self, X: Any, *, at: str | None = None) -> np.ndarray:  # noqa: N803
        """The probabilities of a view's classes.

        Args:
            X: Features, shape (n_documents, width).
            at: A level or a customer; None: the topics.

        Returns:
            Shape (n_documents, n_classes), columns as ``classes_`` or ``taxonomy_.view(at).classes``; rows sum to 1.

        Raises:
            ConfigError: If there is no such view.
        """
        return np.asarray(self._classes(X, self._view(at)).exp().numpy())

    def _view(self, at: str | None) -> View:
        """A view by name."""
        check_is_fitted(self)
        return self.taxonomy_.view(self.taxonomy_.levels[-1] if at is None else at)

    def _classes(self, X: Any, view: View) -> Tensor:  # noqa: N803
        """Log p(k|x), shape (n_documents, n_classes)."""
        X = validate_data(self, X, dtype=FLOATS, reset=False)  # noqa: N806
        kind = next(self.head_.parameters()).dtype
        with torch.inference_mode():
            topics = self.head_(torch.tensor(X, dtype=kind)).topics.double().log_softmax(dim=-1)
            return ONE_TOPIC.classes(ONE_TOPIC.conditioned(topics, view, shift=None), view)


def _flat(n_classes: int) -> tuple[Taxonomy, ResolvedLabels]:
    """A map of classes and no levels above them, and labels of one document of each."""
    names = [f"class {place}" for place in range(n_classes)]
    taxonomy = Taxonomy.from_dict({"hiercls": 1, "levels": ["class"], "topics": names})
    return taxonomy, resolve_one_topic(taxonomy, make_rows([""] * n_classes, names))


def _train(head: Head, features: Tensor, targets: TargetTable, weights: Tensor, alpha: float, max_iter: int) -> int:
    """Minimise the loss in place; how many iterations that took."""
    batch = targets.batch(np.arange(len(features)))
    level_weights = torch.ones(len(batch), dtype=features.dtype)
    composed = head.config.composition != "topic"
    names, parameters = zip(*head.named_parameters(), strict=True)
    maps = head.linear if isinstance(head, CascadeHead) and features.shape[1] <= min(WIDEST, len(features)) else ()
    coordinates = [Whitening.of(features, weights, n_classes=targets.n_topics, alpha=alpha)] if maps else []
    held = [one for name, one in zip(names, parameters, strict=True) if "bias" not in name]
    quicker = LinearKernels()
    places = {id(parameter): place for place, parameter in enumerate(parameters)}

    def objective(values: np.ndarray) -> tuple[float, np.ndarray]:
        _put(values, parameters)
        for white in coordinates:
            white.leave(maps)
        with quicker:
            output = head(features)
        loss = cascade_loss(output, batch, level_weights=level_weights, composed=composed).per_document
        total = loss.double() @ weights + alpha / 2 * sum(one.square().sum() for one in held) + head.penalty()
        gradients = torch.autograd.grad(total, parameters)
        for white, one in product(coordinates, maps):
            white.turn(gradients[places[id(one.weight)]], gradients[places[id(one.bias)]])
        return float(total.detach()), torch.cat([one.reshape(-1) for one in gradients]).double().numpy()

    for one in maps:  # what all classes' rows had in common would be slow to leave
        nn.init.zeros_(one.weight)
        nn.init.zeros_(one.bias)
    start = parameters_to_vector(parameters).detach().double().numpy()
    options = {"maxiter": max_iter, "gtol": 1e-6, "ftol": TOLERANCE[features.dtype]}
    best = minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
    _put(best.x, parameters)
    for white in coordinates:
        white.leave(maps)
    return max(1, int(best.nit))


def _put(values: np.ndarray, parameters: Sequence[nn.Parameter]) -> None:
    """Give parameters the values of a vector, which stays as it is."""
    vector_to_parameters(torch.tensor(values, dtype=parameters[0].dtype), parameters)
