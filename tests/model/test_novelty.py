"""Densities against scipy's multivariate normal, p-values against counting."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.stats import multivariate_normal

from hiercls.errors import ConfigError
from hiercls.model.novelty import Novelty
from hiercls.training.novelty import fit_density

WIDTH, N, TOPICS = 4, 40, 3


def drawn() -> tuple[np.ndarray, np.ndarray]:
    """Encodings, and weighted expected topics of which the last has next to nothing."""
    random = np.random.default_rng(0)
    shares = random.dirichlet([1.0, 1.0, 0.001], N) * random.uniform(0.5, 2.0, (N, 1))
    return shares @ random.normal(size=(TOPICS, WIDTH)) + random.normal(size=(N, WIDTH)), shares


def shrunk(covariance: np.ndarray) -> np.ndarray:
    return covariance / 2 + np.eye(WIDTH) * np.trace(covariance) / WIDTH / 2


def test_log_ratios_are_those_of_two_gaussians() -> None:
    encodings, shares = drawn()
    total = shares.sum()
    centre = sum(row.sum() * h for row, h in zip(shares, encodings, strict=True)) / total
    overall, within, means = np.zeros((WIDTH, WIDTH)), np.zeros((WIDTH, WIDTH)), []
    for t in range(TOPICS):
        counted = sum(shares[i, t] * encodings[i] for i in range(N))
        means.append((counted + centre) / (shares[:, t].sum() + 1))
    for i in range(N):
        for t in range(TOPICS):
            overall += shares[i, t] / total * np.outer(encodings[i] - centre, encodings[i] - centre)
            within += shares[i, t] / total * np.outer(encodings[i] - means[t], encodings[i] - means[t])
    background = multivariate_normal(centre, shrunk(overall))
    density = fit_density(encodings, csr_array(shares))
    assert density is not None
    new = np.random.default_rng(1).normal(size=(5, WIDTH)) * 3
    found = density.log_ratios(new)
    for t in range(TOPICS):
        expected = multivariate_normal(means[t], shrunk(within)).logpdf(new) - background.logpdf(new)
        np.testing.assert_allclose(found[:, t], expected, rtol=1e-4, atol=1e-4)


def test_one_encoding_a_topic_leaves_finite_ratios_and_one_in_all_leaves_none() -> None:
    density = fit_density(np.eye(3) * 1e6, csr_array(np.eye(3)))
    assert density is not None
    assert np.isfinite(density.log_ratios(np.zeros((1, 3), dtype=np.float32))).all()
    assert fit_density(np.ones((4, 3)), csr_array(np.ones((4, 2)))) is None


def test_p_values_count_the_held_out_scores_that_are_as_high() -> None:
    heldout = np.sort(np.random.default_rng(0).integers(0, 10, 50).astype(float))
    scores = np.array([-1.0, 0.0, 4.0, 4.5, 9.0, 10.0])
    expected = [(1 + sum(h >= s for h in heldout)) / 51 for s in scores]
    np.testing.assert_array_equal(Novelty(heldout=heldout).p_values(scores), expected)


def test_false_alarms_keep_their_rate_over_many_draws() -> None:
    random = np.random.default_rng(0)
    rates = []
    for _ in range(400):
        scores = random.normal(size=(219,))
        novelty = Novelty(heldout=np.sort(scores[:19]))
        rates.append(novelty.is_novel(scores[19:], false_alarms=0.1).mean())
    assert 0.09 < np.mean(rates) < 0.11  # exactly 2 / 20, since 10 % of 20 is a whole number


@pytest.mark.parametrize(
    ("heldout", "rate", "said"),
    [
        (None, 0.05, r"labelled ones to calibrate\(\)"),
        (np.zeros(18), 0.05, "18 held-out documents; calibrate on at least 19"),
        (np.zeros(50), 0.0, "0 < false_alarms < 1"),
        (np.zeros(50), 1.0, "0 < false_alarms < 1"),
        (np.zeros(50), float("nan"), "0 < false_alarms < 1"),
    ],
)
def test_rates_that_cannot_be_kept_are_refused(heldout: np.ndarray | None, rate: float, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Novelty(heldout=heldout).is_novel(np.zeros(1), false_alarms=rate)


def test_the_fewest_held_out_documents_for_a_rate_are_enough() -> None:
    assert Novelty(heldout=np.zeros(19)).is_novel(np.ones(1), false_alarms=0.05).tolist() == [True]
