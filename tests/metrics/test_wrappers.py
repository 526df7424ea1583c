"""What a wrapper computes of batches is what its function computes of all documents at once, on one rank or several."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hiercls.metrics import (
    ancestor_matrix,
    hierarchical_scores,
    mean_cost,
    score_probabilities,
    tree_induced_errors,
)
from hiercls.metrics.wrappers import CostMetric, HierarchicalMetric, ProbabilityMetric
from hiercls.taxonomy import Taxonomy


def _documents() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.ones(6), size=60)
    return np.log(probabilities), probabilities.argmax(axis=1), random.integers(-1, 6, 60)


def _made(name: str, tiny: Taxonomy):
    """A wrapper, what it is updated with, and what its function says."""
    logs, predicted, truth = _documents()
    ancestors, costs = ancestor_matrix(tiny), tree_induced_errors(tiny)
    if name == "cost":
        return (lambda: CostMetric(costs)), (predicted, truth), mean_cost(predicted, truth, costs=costs)
    if name == "probability":
        return (lambda: ProbabilityMetric(n_bins=5)), (logs, truth), score_probabilities(logs, truth, n_bins=5)
    scores = hierarchical_scores(predicted, truth, ancestors=ancestors, average=name)
    return (lambda: HierarchicalMetric(ancestors, average=name)), (predicted, truth), scores


@pytest.mark.parametrize("name", ["micro", "documents", "classes", "cost", "probability"])
def test_batches_and_ranks_are_all_documents_at_once(name, tiny: Taxonomy) -> None:
    make, arrays, expected = _made(name, tiny)
    ranks = [make(), make()]
    for batch in range(6):
        part = slice(10 * batch, 10 * batch + 10)
        ranks[batch % 2].update(*(torch.from_numpy(array[part]) for array in arrays))
    whole = make()
    for state, reduction in whole._reductions.items():  # what torchmetrics does with the states of all ranks
        parts = [getattr(rank, state) for rank in ranks]
        setattr(whole, state, reduction(torch.stack(parts)) if torch.is_tensor(parts[0]) else [*parts[0], *parts[1]])
    whole._update_count = 1
    found = whole.compute()
    for field, value in found.items():
        assert value.item() == pytest.approx(getattr(expected, field), rel=1e-12), field
    assert found["n_undetermined"] == (arrays[1] < 0).sum() > 0


def test_reset_forgets(tiny: Taxonomy) -> None:
    metric = HierarchicalMetric(ancestor_matrix(tiny))
    metric.update(torch.tensor([0]), torch.tensor([5]))
    metric.reset()
    metric.update(torch.tensor([1]), torch.tensor([1]))
    assert metric.compute()["f1"] == 1.0
