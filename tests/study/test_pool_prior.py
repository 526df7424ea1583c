"""What is known of gains beforehand: weighed against measurements as Bayes has it, and found again where planted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from hiercls.study.paired import Difference
from hiercls.study.pool_prior import Prior, fit_prior, in_words

PRIOR = Prior(level=0.05, slope=-0.02, spread=0.08, narrowing=-0.5, offset=0.01, doubt=0.03, unseen=0.02)


@pytest.mark.parametrize(("n_documents", "told", "error"), [(50, 0.2, 0.06), (3000, -0.1, 0.01), (100, 0.05, 0.0)])
def test_the_posterior_is_that_of_a_fine_grid(n_documents: int, told: float, error: float) -> None:
    gains = np.linspace(-1, 1, 200_001)
    expected = PRIOR.level + PRIOR.slope * np.log(n_documents / 100)
    share = norm.pdf(gains, expected, PRIOR.spread * (n_documents / 100) ** PRIOR.narrowing)
    share *= norm.pdf(told, gains + PRIOR.offset, np.hypot(error, PRIOR.doubt))
    share /= share.sum()
    mean = float(share @ gains)
    found = PRIOR.gain(Difference(mean=told, error=error), n_documents)
    assert found.mean == pytest.approx(mean, abs=1e-6)
    assert found.error == pytest.approx(np.hypot(np.sqrt(share @ (gains - mean) ** 2), PRIOR.unseen), abs=1e-6)


def test_a_planted_prior_is_found_again() -> None:
    random = np.random.default_rng(0)
    sizes = np.exp(random.uniform(np.log(50), np.log(3000), 1500))
    spreads = PRIOR.spread * (sizes / 100) ** PRIOR.narrowing
    seen = random.normal(PRIOR.level + PRIOR.slope * np.log(sizes / 100), spreads)
    of_head, of_model = random.uniform(0.01, 0.05, len(sizes)), np.full(len(sizes), 0.008)
    head = random.normal(seen + PRIOR.offset, np.hypot(of_head, PRIOR.doubt))
    measured = random.normal(seen, np.hypot(PRIOR.unseen, of_model))
    found = fit_prior(sizes, head, of_head, measured, of_model)
    for name in ("level", "slope", "spread", "offset", "doubt", "unseen"):
        assert getattr(found, name) == pytest.approx(getattr(PRIOR, name), abs=0.005)
    assert found.narrowing == pytest.approx(PRIOR.narrowing, abs=0.1)


def test_its_words_are_those_of_code() -> None:
    assert in_words(PRIOR).startswith("level=0.0500, slope=-0.0200, spread=0.0800, narrowing=-0.5000, offset=0.0100")
    assert eval(f"Prior({in_words(PRIOR)})") == PRIOR
