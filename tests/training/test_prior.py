"""The pooled mix of topics, against brute-force maximisation of the labels' likelihood."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.sparse import csr_array

from hiercls.data.rows import Row
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.labels import resolve
from hiercls.training.prior import pooled_mix


def log_likelihood(labels: np.ndarray, counts: np.ndarray, mix: np.ndarray) -> float:
    """Σ_i w_i log Σ_t A[t, y_i] π(t)."""
    return float(counts @ np.log(labels @ mix))


def by_brute_force(labels: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The most likely mix, by a general optimiser over softmax parameters."""

    def cost(z: np.ndarray) -> float:
        mix = np.exp(z - z.max())
        return -log_likelihood(labels, counts, mix / mix.sum())

    found = minimize(cost, np.zeros(labels.shape[1]), method="BFGS", options={"gtol": 1e-7}).x
    mix = np.exp(found - found.max())
    return mix / mix.sum()


CASES = {
    "fine labels": (np.eye(3), [5.0, 3.0, 2.0]),
    "crossing sets": ([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1], [1, 0, 0, 0], [0, 0, 0, 1]], [30, 25, 20, 10, 15]),
    "shared topics": ([[1, 0.5, 0], [0, 0.5, 1]], [10.0, 4.0]),
    "weights": ([[1, 1, 0], [0, 1, 1], [0, 0, 1]], [0.5, 2.25, 1.0]),
}


@pytest.mark.parametrize("case", CASES)
def test_the_mix_makes_the_labels_as_likely_as_brute_force(case: str) -> None:
    labels, counts = np.array(CASES[case][0], dtype=float), np.array(CASES[case][1], dtype=float)
    found = pooled_mix(csr_array(labels), counts, smoothing=1e-9)
    best = by_brute_force(labels, counts)
    assert found.sum() == pytest.approx(1.0)
    assert (found > 0).all()
    assert log_likelihood(labels, counts, found) == pytest.approx(log_likelihood(labels, counts, best), abs=2e-3)


def test_customers_of_the_tiny_world_together_find_the_true_mix(tiny: Taxonomy) -> None:
    true = np.array([0.3, 0.05, 0.15, 0.1, 0.25, 0.15])
    rows, counts = [], []
    for name in tiny.customers:
        view = tiny.view(name)
        for label in view.classes:
            rows.append(Row(text="…", labels=((name, label),)))
            counts.append(1e4 * true[view.members(label)].sum())
    found = pooled_mix(resolve(tiny, rows).labels.weights, np.array(counts))
    np.testing.assert_allclose(found, true, atol=0.01)


def test_topics_that_no_label_tells_apart_share_evenly(tiny: Taxonomy) -> None:
    rows = [Row(text="…", labels=(("one", name),)) for name in ("ABC", "ABC", "ABC", "D")]
    found = pooled_mix(resolve(tiny, rows).labels.weights, np.ones(4))
    assert found[0] == pytest.approx(found[1]) == pytest.approx(found[2])
    np.testing.assert_allclose(found, np.array([2, 2, 2, 2, 1, 1]) / 10)


def test_no_topic_is_impossible() -> None:
    found = pooled_mix(csr_array([[1.0, 0.0, 0.0]]), np.array([1000.0]))
    np.testing.assert_allclose(found, np.array([1001, 1, 1]) / 1003)


def test_documents_without_weight_count_for_nothing() -> None:
    labels = csr_array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    found = pooled_mix(labels, np.array([2.0, 0.0, 1.0]))
    np.testing.assert_allclose(found, pooled_mix(labels[[0, 2]], np.array([2.0, 1.0])))
