"""Repurposing: what an encoder makes of documents, read by a head of a customer's own labels, topics or none.

Knows features and labels; no text, no encoder and no taxonomy.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as safetensors_bytes
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold
from sklearn.utils.validation import check_is_fitted

from hiercls.customers.em import Array
from hiercls.customers.heads import HEADS, Columns, held_out_loss, log_scores
from hiercls.errors import ConfigError, ModelFolderError, nearest, require
from hiercls.files import replacing

Features = ArrayLike | Mapping[str, ArrayLike]
"""One matrix of shape (n_documents, width), or one for each layer by the layer's name."""

N_FOLDS = 5
"""Parts of the documents that are held out in turn to choose a strength."""
FORMAT = "hiercls repurposer 1"
_OWN_TYPES = (
    "hiercls.customers.cache.CacheClassifier",
    "hiercls.customers.heads.LayerKernel",
    "hiercls.customers.laplace.LaplaceClassifier",
    "hiercls.customers.repurpose.Repurposer",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels.ConstantKernel",
    "sklearn.gaussian_process.kernels.Product",
    "sklearn.gaussian_process.kernels.RBF",
    "sklearn.gaussian_process.kernels.Sum",
)
"""What a saved head may hold beside what skops trusts."""


class Repurposer(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A head on features, its strength chosen by cross-validation.

    Features are centred, and each layer's are brought to a mean square length of 1, so that the strengths to try are
    the same for every encoder. Heads that have margins and no probabilities get ``p = softmax(β · margin)``; β makes
    held-out labels likeliest.

    Args:
        head: A name of ``HEADS``; or a classifier of scikit-learn, which is fitted to the features as they are.
        strength: The strength of a named head; None: the one with the least held-out loss.
        random_state: Seed of the folds, and of heads that draw.

    Example:
        >>> features = [[0.0, 1.0], [0.1, 1.0], [1.0, 0.0], [1.0, 0.1]]
        >>> head = Repurposer(strength=10.0).fit(features, ["autos", "autos", "hockey", "hockey"])
        >>> head.predict([[0.0, 2.0]]).tolist()
        ['autos']
        >>> head.predict_proba([[0.0, 2.0]]).shape
        (1, 2)

    Source:
        Every row of Amazon's Xfer (Maurya et al., 2018) that reads features.
    """

    def __init__(
        self, head: Any = "logistic-regression", *, strength: float | None = None, random_state: int = 0
    ) -> None:
        self.head = head
        self.strength = strength
        self.random_state = random_state

    def fit(self, features: Features, labels: ArrayLike) -> Self:
        """Choose the strength, and fit the head.

        Args:
            features: Of the documents, one row each; several layers by name.
            labels: Their classes, shape (n_documents,).

        Returns:
            The repurposer; it warns if the head has not converged.

        Raises:
            ConfigError: If there is no such head, lengths differ, a feature is not a finite number, or there are not
                two classes.
        """
        values, self.layers_, columns = _united(features)
        self.classes_, classes = np.unique(np.asarray(labels), return_inverse=True)
        _check(values, classes, n_classes=len(self.classes_))
        self.widths_ = [stop - start for start, stop in columns]
        self.centre_, self.scale_ = self._scaling(values, columns)
        scaled = (values - self.centre_) * self.scale_
        candidates = self._candidates(columns)
        chosen, self.temperature_, self.held_out_accuracy_ = self._choice(list(candidates.values()), scaled, classes)
        self.strength_ = list(candidates)[chosen]
        self.classifier_ = _converged(clone(candidates[self.strength_]), scaled, classes, name=self._name)
        return self

    def predict_proba(self, features: Features) -> Array:
        """Probabilities of the classes.

        Args:
            features: As in ``fit``.

        Returns:
            Shape (n_documents, n_classes).

        Raises:
            ConfigError: If the features are not those of the layers it was fitted with.
        """
        check_is_fitted(self, "classifier_")
        values, layers, columns = _united(features)
        widths = [stop - start for start, stop in columns]
        if (layers, widths) != (self.layers_, self.widths_):
            expected, got = (_described(*one) for one in ((self.layers_, self.widths_), (layers, widths)))
            raise ConfigError(f"expected features of {expected}, got {got}")
        scores = log_scores(self.classifier_, (values - self.centre_) * self.scale_)
        probabilities: Array = softmax(self.temperature_ * scores, axis=1)
        return probabilities

    def predict(self, features: Features) -> np.ndarray:
        """The likeliest classes.

        Args:
            features: As in ``fit``.

        Returns:
            Shape (n_documents,).
        """
        best: np.ndarray = self.classes_[self.predict_proba(features).argmax(axis=1)]
        return best

    def save(self, path: str | Path) -> None:
        """Write one file, whole or not at all, without pickle: linear heads as safetensors, others through skops.

        Args:
            path: Where to.

        Raises:
            MissingExtraError: If skops is needed and not installed.
            OSError: If the file cannot be written.
        """
        check_is_fitted(self, "classifier_")
        linear = self._linear()
        with replacing(Path(path)) as aside:
            if linear is None:
                require("skops.io", extra="repurpose").dump(self, aside)
            else:
                aside.write_bytes(safetensors_bytes(linear, metadata={"settings": json.dumps(self._settings())}))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what ``save`` wrote.

        Args:
            path: The file.

        Returns:
            The fitted repurposer; a linear head has its weights and no more of its classifier.

        Raises:
            ModelFolderError: If the file holds no repurposer, or types that none has.
        """
        file = Path(path)
        with file.open("rb") as stream:
            is_archive = stream.read(2) == b"PK"
        if is_archive:
            archived: Self = _from_skops(cls, file)
            return archived
        try:
            return cls._from_linear(file)
        except (SafetensorError, LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise ModelFolderError(f"expected a saved repurposer, got '{file}': {error}") from error

    @classmethod
    def _from_linear(cls, file: Path) -> Self:
        """A linear head, whose parts fit each other."""
        with safe_open(file, framework="numpy") as opened:
            settings = json.loads((opened.metadata() or {})["settings"])
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118, no mapping
        if settings.pop("format", None) != FORMAT:
            raise ModelFolderError(f"expected a saved repurposer, got another kind of safetensors file: '{file}'")
        loaded = cls(settings.pop("head"), strength=settings.pop("strength"))
        loaded.strength_, loaded.held_out_accuracy_ = settings["strength_"], settings["held_out_accuracy_"]
        loaded.layers_, loaded.widths_ = list(settings["layers_"]), [int(width) for width in settings["widths_"]]
        loaded.classes_, loaded.temperature_ = np.array(settings["classes_"]), 1.0
        n_classes, width = len(loaded.classes_), sum(loaded.widths_)
        if (tensors["weights"].shape, tensors["bias"].shape) != ((n_classes, width), (n_classes,)):
            raise ValueError(f"expected weights of {n_classes} classes and width {width}")
        loaded.centre_, loaded.scale_ = np.zeros(width), np.ones(width)
        loaded.classifier_ = LinearScores(tensors["weights"], tensors["bias"])
        return loaded

    @property
    def _name(self) -> str:
        """What the head is called in messages."""
        return self.head if isinstance(self.head, str) else type(self.head).__name__

    def _candidates(self, columns: Columns) -> dict[float | None, Any]:
        """The classifiers to choose from by strength, unfitted."""
        if not isinstance(self.head, str):
            return {None: self.head}
        if self.head not in HEADS:
            raise ConfigError(f"expected a head of {list(HEADS)}, got '{self.head}'; {nearest(self.head, list(HEADS))}")
        head = HEADS[self.head]
        if not head.strengths:
            return {None: head.build(0.0, columns, self.random_state)}
        strengths = head.strengths if self.strength is None else (self.strength,)
        return {strength: head.build(strength, columns, self.random_state) for strength in strengths}

    def _scaling(self, values: Array, columns: Columns) -> tuple[Array, Array]:
        """What is taken from features, and what they are multiplied by, each of shape (width,)."""
        width = values.shape[1]
        if not isinstance(self.head, str):
            return np.zeros(width), np.ones(width)
        centre, scale = values.mean(axis=0), np.ones(width)
        for start, stop in columns:
            square = float(((values - centre)[:, start:stop] ** 2).sum(axis=1).mean())
            scale[start:stop] = 1.0 / np.sqrt(square) if square > 0 else 1.0
        return centre, scale

    def _choice(self, candidates: list[Any], values: Array, classes: np.ndarray) -> tuple[int, float, float | None]:
        """The candidate whose held-out labels are likeliest, its β and accuracy; None where none can be held out."""
        has_margins = not hasattr(candidates[0], "predict_proba")
        n_folds = min(N_FOLDS, int(np.bincount(classes).min()))
        if n_folds < 2 or (len(candidates) == 1 and not has_margins):
            return len(candidates) // 2, 1.0, None
        folds = list(StratifiedKFold(n_folds, shuffle=True, random_state=self.random_state).split(values, classes))
        found = []
        for candidate in candidates:
            scores = np.empty((len(values), int(classes.max()) + 1))
            for inside, outside in folds:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", ConvergenceWarning)
                    scores[outside] = _fold_scores(candidate, values, classes, inside, outside)
            temperature = _temperature(scores, classes) if has_margins else 1.0
            accuracy = float((scores.argmax(axis=1) == classes).mean())
            found.append((held_out_loss(temperature * scores, classes), temperature, accuracy))
        best = min(range(len(found)), key=lambda place: found[place][0])
        return best, found[best][1], found[best][2]

    def _linear(self) -> dict[str, Array] | None:
        """Weights and bias of a linear head, scaling and β folded in; None: it is not linear."""
        head = self.classifier_
        if not hasattr(head, "coef_") or getattr(head, "kernel", "linear") != "linear" or hasattr(head, "dual_coef_"):
            return None
        weights, bias = np.asarray(head.coef_), np.broadcast_to(head.intercept_, (len(head.coef_),))
        if len(weights) == 1:  # of two classes: log-odds where there are probabilities, else a margin to each side
            sides = np.array([0.0, 1.0] if hasattr(head, "predict_proba") else [-1.0, 1.0])
            weights, bias = sides[:, None] * weights, sides * bias
        weights = self.temperature_ * weights * self.scale_
        bias = self.temperature_ * bias - weights @ self.centre_
        return {"weights": np.ascontiguousarray(weights), "bias": np.ascontiguousarray(bias)}

    def _settings(self) -> dict[str, Any]:
        """What a linear head's file says beside its weights."""
        return {
            "format": FORMAT,
            "head": self._name,
            "strength": self.strength_,
            "strength_": self.strength_,
            "classes_": self.classes_.tolist(),
            "layers_": self.layers_,
            "widths_": self.widths_,
            "held_out_accuracy_": self.held_out_accuracy_,
        }


class LinearScores:
    """A linear head as it was saved: scores are ``x Wᵀ + b``.

    Args:
        weights: W, shape (n_classes, width).
        bias: b, shape (n_classes,).
    """

    def __init__(self, weights: Array, bias: Array) -> None:
        self.coef_ = weights
        self.intercept_ = bias

    def decision_function(self, features: Any) -> Array:
        """The scores, shape (n_documents, n_classes)."""
        scores: Array = np.asarray(features) @ self.coef_.T + self.intercept_
        return scores


def _united(features: Features) -> tuple[Array, list[str], Columns]:
    """Features side by side, the names of their layers, none for a single matrix, and the columns of each."""
    parts = features if isinstance(features, Mapping) else {"": features}
    arrays = [np.asarray(part, dtype=np.float64) for part in parts.values()]
    for name, array in zip(parts, arrays, strict=True):
        if array.ndim != 2 or len(array) != len(arrays[0]):
            place = f" of layer '{name}'" if name else ""
            raise ConfigError(f"expected features{place} of shape ({len(arrays[0])}, width), got {array.shape}")
    stops = np.cumsum([array.shape[1] for array in arrays]).tolist()
    columns = list(zip([0, *stops[:-1]], stops, strict=True))
    return np.hstack(arrays), [name for name in parts if name], columns


def _described(layers: list[str], widths: list[int]) -> str:
    """Layers and widths in words."""
    if not layers:
        return f"width {widths[0]:,}"
    return ", ".join(f"'{name}' ({width:,})" for name, width in zip(layers, widths, strict=True))


def _check(values: Array, classes: np.ndarray, *, n_classes: int) -> None:
    """Refuse what nothing can be learnt from."""
    if len(values) != len(classes):
        raise ConfigError(
            f"expected one label for each document, got {len(values):,} documents, {len(classes):,} labels"
        )
    if n_classes < 2:
        raise ConfigError(f"expected labels of two classes at least, got {n_classes}")
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
        raise ConfigError(f"expected finite features, got NaN or infinity in row {row}")


def _converged(classifier: Any, values: Array, classes: np.ndarray, *, name: str) -> Any:
    """Fit a classifier; if it says that it has not converged, say so in our words."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        classifier.fit(values, classes)
    stopped = [one for one in said if issubclass(one.category, ConvergenceWarning)]
    stopped = [one for one in stopped if "close to the specified" not in str(one.message)]  # a bound is an answer
    if stopped:
        first = str(stopped[0].message).partition("\n")[0].rstrip(".")
        warnings.warn(
            f"the head '{name}' has not converged, so that its answers are not the best it has ({first}); give it more "
            "steps, or more regularisation",
            ConvergenceWarning,
            stacklevel=3,
        )
    return classifier


def _fold_scores(candidate: Any, values: Array, classes: np.ndarray, inside: np.ndarray, outside: np.ndarray) -> Array:
    """Scores of held-out documents by a head that has not seen them."""
    return log_scores(clone(candidate).fit(values[inside], classes[inside]), values[outside])


def _temperature(scores: Array, classes: np.ndarray) -> float:
    """The β that makes held-out labels likeliest."""
    found = minimize_scalar(lambda log: held_out_loss(np.exp(log) * scores, classes), bounds=(-4.0, 6.0))
    return float(np.exp(found.x))


def _from_skops(kind: type[Repurposer], file: Path) -> Any:
    """A repurposer that skops wrote, after a look at the types that are in it."""
    skops = require("skops.io", extra="repurpose")
    try:
        unknown = sorted(set(skops.get_untrusted_types(file=file)) - set(_OWN_TYPES))
        loaded = None if unknown else skops.load(file, trusted=list(_OWN_TYPES))
    except Exception as error:  # skops, zipfile and numpy raise errors of many kinds of what is damaged
        raise ModelFolderError(f"expected a saved repurposer, got '{file}': {error}") from error
    if unknown:
        raise ModelFolderError(f"'{file}' holds types that no repurposer has, so it is not read: {', '.join(unknown)}")
    if not isinstance(loaded, kind) or not hasattr(loaded, "classifier_"):
        raise ModelFolderError(f"expected a saved repurposer, got a {type(loaded).__name__}: '{file}'")
    return loaded
