"""The Laplace head against dense matrices, against sampling; Gaussians against the numbers of Xfer's tests."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import softmax

from hiercls.customers.gaussian import divergence, log_density
from hiercls.customers.laplace import LaplaceClassifier
from hiercls.errors import ConfigError

OBSERVED = [np.array([[1, 0.5, 1.5], [2, 2.5, 2]]), np.array([[3, -0.5, 1]])]
STANDARD = [(0.0, 1.0), (0.0, 1.0)]
TWO = [(0.0, 1.0), (1.0, 2.0)]
MANY = [(np.array([[0, 0.5, 1], [-0.5, 0.5, 1]]), 1.0), (1.0, np.array([[2.0, 3.0, 4.0]]))]


@pytest.mark.parametrize(("gaussians", "expected"), [(STANDARD, -22.270447), (TWO, -20.006138), (MANY, -18.323502)])
def test_log_densities_are_xfers(gaussians, expected):
    pairs = zip(OBSERVED, gaussians, strict=True)
    found = sum(log_density(values, mean=mean, deviation=deviation) for values, (mean, deviation) in pairs)
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("posterior", "prior", "expected"),
    [(STANDARD, STANDARD, 0.0), (MANY, MANY, 0.0), (MANY, TWO, 2.4013877), (STANDARD, TWO, 1.3294418)],
)
def test_divergences_are_xfers(posterior, prior, expected):
    found = 0.0
    for values, (mean, deviation), (centre, breadth) in zip(OBSERVED, posterior, prior, strict=True):
        each = np.broadcast_to(mean, values.shape)
        found += divergence(each, deviation, prior_mean=centre, prior_deviation=breadth)
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.fixture(scope="module")
def few():
    """Fewer documents than features, so that most directions are unseen."""
    random = np.random.default_rng(0)
    features = random.normal(size=(8, 12))
    return features, np.array([0, 1, 2, 0, 1, 2, 0, 1]), random.normal(size=(5, 12))


def dense(head, features, labels):
    """The likeliest weights in all directions, and the Hessian by automatic differentiation."""
    inputs = torch.tensor(np.hstack([features, np.ones((len(features), 1))]))
    weights = torch.tensor(head.weights_ @ head.directions_.T)

    def objective(flat):
        logits = inputs @ flat.reshape(weights.shape).T
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(labels), reduction="sum")
        return loss + 0.5 * head.precision_ * (flat**2).sum()

    flat = weights.ravel().requires_grad_()
    (gradient,) = torch.autograd.grad(objective(flat), flat)
    hessian = torch.autograd.functional.hessian(objective, flat.detach())
    return flat.detach().numpy(), gradient.numpy(), hessian.numpy(), float(objective(flat.detach()))


def test_weights_covariance_and_evidence_are_those_of_all_directions(few):
    features, labels, test = few
    head = LaplaceClassifier(precisions=(0.5,)).fit(features, labels)
    weights, gradient, hessian, objective = dense(head, features, labels)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-4)
    covariance = np.linalg.inv(hessian)
    inputs = np.hstack([test, np.ones((5, 1))])
    mean, variance = head.logits(test)
    np.testing.assert_allclose(mean, inputs @ weights.reshape(3, -1).T, atol=1e-6)
    blocks = covariance.reshape(3, 13, 3, 13)
    expected = [[x @ blocks[k, :, k] @ x for k in range(3)] for x in inputs]
    np.testing.assert_allclose(variance, expected, atol=1e-6)
    evidence = -objective + 0.5 * len(weights) * np.log(0.5) - 0.5 * np.linalg.slogdet(hessian)[1]
    assert head.evidence_ == pytest.approx(evidence, abs=1e-6)
    told = 0.5 * (
        0.5 * (np.trace(covariance) + weights @ weights)
        - len(weights)
        - len(weights) * np.log(0.5)
        + np.linalg.slogdet(hessian)[1]
    )
    assert head.information_ == pytest.approx(told, abs=1e-5)


def test_probabilities_are_near_those_of_sampled_weights(few):
    features, labels, test = few
    head = LaplaceClassifier(precisions=(0.5,)).fit(features, labels)
    weights, _, hessian, _ = dense(head, features, labels)
    drawn = np.random.default_rng(0).multivariate_normal(weights, np.linalg.inv(hessian), size=20_000)
    inputs = np.hstack([test, np.ones((5, 1))])
    sampled = softmax(np.einsum("skw,nw->snk", drawn.reshape(-1, 3, 13), inputs), axis=2).mean(axis=0)
    np.testing.assert_allclose(head.predict_proba(test), sampled, atol=0.06)


def test_it_is_unsure_far_away_in_a_direction_without_documents(few):
    features, labels, _ = few
    flat = features * ([1.0] * 11 + [0.0])
    head = LaplaceClassifier(precisions=(0.5,)).fit(flat, labels)
    far = flat[:1] + np.array([0.0] * 11 + [300.0])
    assert head.predict_proba(far).max() < 0.4 < head.predict_proba(flat[:1]).max()


def test_the_precision_has_the_largest_evidence(few):
    features, labels, _ = few
    evidence = {tau: LaplaceClassifier(precisions=(tau,)).fit(features, labels).evidence_ for tau in (0.1, 1.0, 10.0)}
    found = LaplaceClassifier(precisions=(0.1, 1.0, 10.0)).fit(features, labels)
    assert found.precision_ == max(evidence, key=evidence.get)


def test_a_posterior_too_large_is_refused():
    with pytest.raises(ConfigError, match="logistic-regression"):
        LaplaceClassifier().fit(np.random.default_rng(0).normal(size=(120, 119)), np.arange(120) % 60)
