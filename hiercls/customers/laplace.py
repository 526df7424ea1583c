"""A last layer with a posterior: softmax regression whose weights are a Gaussian, so that it is unsure far from data.

Knows features and classes by position; knows no text and no encoder.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from hiercls.customers.em import Array
from hiercls.customers.gaussian import divergence, log_density
from hiercls.errors import ConfigError

MAX_WEIGHTS = 6000
"""Classes times directions of the features, at most: the posterior is a matrix of this size squared."""
_N_STEPS, _TOLERANCE = 100, 1e-8


class LaplaceClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Softmax regression with a Laplace approximation of its weights' posterior.

    ``q(W) = N(Ŵ, H⁻¹)``, ``H = τ I + Σ_i (diag p_i − p_i p_iᵀ) ⊗ x_i x_iᵀ``, the generalized Gauss–Newton matrix, which
    for a linear head is the Hessian itself. τ is the one with the largest evidence, so nothing is held out.
    ``p(k|x) ≈ softmax_k( m_k / √(1 + π v_k / 8) )``, m and v mean and variance of the logits.

    Only directions that training documents have are in the matrix; in the others the posterior is the prior, exactly.

    Args:
        precisions: The values of τ to try.

    Raises:
        ConfigError: If classes times directions are more than 6,000.

    Example:
        >>> head = LaplaceClassifier().fit([[-1.0], [-0.9], [0.9], [1.0]], ["left", "left", "right", "right"])
        >>> head.predict([[2.0]]).tolist()
        ['right']

    Source:
        MacKay, "The evidence framework applied to classification networks", 1992; Daxberger et al., "Laplace redux",
        NeurIPS 2021; the probabilities: Lu et al., "Mean-field approximation to Gaussian-softmax integral", 2020.
    """

    def __init__(self, *, precisions: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)) -> None:
        self.precisions = precisions

    def fit(self, features: Any, labels: Any) -> Self:
        """Find the weights, their covariance and τ.

        Args:
            features: Shape (n_documents, width).
            labels: Classes, shape (n_documents,).

        Returns:
            The estimator.
        """
        values, given = validate_data(self, features, labels, dtype=np.float64)
        self.classes_, classes = np.unique(given, return_inverse=True)
        inputs = _with_constant(values)
        _, sizes, directions = np.linalg.svd(inputs, full_matrices=False)
        self.directions_ = directions[sizes > sizes[0] * 1e-10].T
        n_weights = len(self.classes_) * self.directions_.shape[1]
        if n_weights > MAX_WEIGHTS:
            raise ConfigError(
                f"expected classes × directions of features <= {MAX_WEIGHTS:,}, got {n_weights:,}: the posterior is a "
                "matrix of that size; take 'logistic-regression'"
            )
        targets = np.eye(len(self.classes_))[classes]
        fits = [_fit(inputs @ self.directions_, targets, precision) for precision in self.precisions]
        best = int(np.argmax([evidence for _, _, evidence in fits]))
        self.weights_, hessian, self.evidence_ = fits[best]
        self.precision_ = float(self.precisions[best])
        self.covariance_ = np.asarray(np.linalg.inv(hessian), dtype=np.float64)
        return self

    @property
    def information_(self) -> float:
        """What the documents told about the weights: the divergence of posterior from prior, in nats."""
        variances, rotation = np.linalg.eigh(self.covariance_)
        prior = 1.0 / np.sqrt(self.precision_)
        return divergence(rotation.T @ self.weights_.ravel(), np.sqrt(variances), prior_mean=0.0, prior_deviation=prior)

    def logits(self, features: Any) -> tuple[Array, Array]:
        """Mean and variance of the logits.

        Args:
            features: Shape (n_documents, width).

        Returns:
            Two arrays of shape (n_documents, n_classes).
        """
        check_is_fitted(self)
        inputs = _with_constant(validate_data(self, features, dtype=np.float64, reset=False))
        seen = inputs @ self.directions_
        n_classes, n_directions = self.weights_.shape
        blocks = self.covariance_.reshape(n_classes, n_directions, n_classes, n_directions)
        inside = np.stack([((seen @ blocks[k, :, k]) * seen).sum(axis=1) for k in range(n_classes)], axis=1)
        unseen = np.maximum((inputs**2).sum(axis=1) - (seen**2).sum(axis=1), 0.0)
        return seen @ self.weights_.T, inside + unseen[:, None] / self.precision_

    def predict_proba(self, features: Any) -> Array:
        """Probabilities of the classes, drawn together where the weights are unsure.

        Args:
            features: Shape (n_documents, width).

        Returns:
            Shape (n_documents, n_classes).
        """
        mean, variance = self.logits(features)
        probabilities: Array = softmax(mean / np.sqrt(1.0 + np.pi * variance / 8.0), axis=1)
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


def _with_constant(features: Array) -> Array:
    """Features with a one beside them."""
    return np.hstack([features, np.ones((len(features), 1))])


def _fit(inputs: Array, targets: Array, precision: float) -> tuple[Array, Array, float]:
    """By Newton's method the likeliest weights, (n_classes, n_directions); their Hessian; and the log-evidence."""
    weights = np.zeros((targets.shape[1], inputs.shape[1]))
    objective = _objective(weights, inputs, targets, precision)
    for _ in range(_N_STEPS):
        probabilities = softmax(inputs @ weights.T, axis=1)
        gradient = (probabilities - targets).T @ inputs + precision * weights
        factor = cho_factor(_hessian(inputs, probabilities, precision))
        step = cho_solve(factor, gradient.ravel()).reshape(weights.shape)
        size = 1.0
        while (found := _objective(weights - size * step, inputs, targets, precision)) > objective and size > 1e-6:
            size /= 2.0
        weights, gain, objective = weights - size * step, objective - found, found
        if gain < _TOLERANCE:
            break
    hessian = _hessian(inputs, softmax(inputs @ weights.T, axis=1), precision)
    _, volume = np.linalg.slogdet(hessian)
    return weights, hessian, -objective + 0.5 * weights.size * np.log(2.0 * np.pi) - 0.5 * volume


def _objective(weights: Array, inputs: Array, targets: Array, precision: float) -> float:
    """``−log p(y|W) − log p(W)``."""
    prior = log_density(weights, mean=0.0, deviation=1.0 / np.sqrt(precision))
    return -float((targets * log_softmax(inputs @ weights.T, axis=1)).sum()) - prior


def _hessian(inputs: Array, probabilities: Array, precision: float) -> Array:
    """The second derivatives of the objective, shape (n_weights, n_weights)."""
    n_classes, n_directions = probabilities.shape[1], inputs.shape[1]
    hessian = np.empty((n_classes, n_directions, n_classes, n_directions))
    for one in range(n_classes):
        for two in range(one + 1):
            spread = probabilities[:, one] * (float(one == two) - probabilities[:, two])
            block = inputs.T @ (spread[:, None] * inputs)
            hessian[one, :, two], hessian[two, :, one] = block, block
    flat = hessian.reshape(n_classes * n_directions, -1)
    flat[np.diag_indices(len(flat))] += precision
    return flat
