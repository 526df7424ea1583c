"""The metrics as ``torchmetrics.Metric``: updated batch by batch, summed over ranks.

Thin: each holds the sums of one family, which the functions beside it make and read, and computes a dictionary of
scores as torchmetrics asks. Knows tensors of indices and of log-probabilities; imported by name alone, since it needs
torch.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from numpy.typing import ArrayLike
from scipy.sparse import csr_array
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from hiercls.metrics.arrays import pair_up
from hiercls.metrics.cost import mean_cost
from hiercls.metrics.hierarchical import NodeCounts, count_nodes
from hiercls.metrics.reliability import N_BINS, score_probabilities


class HierarchicalMetric(Metric):  # type: ignore[misc]
    """Hierarchical precision, recall and F1, as ``hierarchical_scores``.

    Args:
        ancestors: The taxonomy's ``ancestor_matrix``.
        average: ``micro``, ``documents`` or ``classes``.
        **settings: What every ``torchmetrics.Metric`` takes.

    Example:
        >>> metric = HierarchicalMetric(csr_array([[1, 1, 0], [1, 0, 1]]))
        >>> metric.update(torch.tensor([0]), torch.tensor([1]))
        >>> metric.compute()["f1"].item()
        0.5
    """

    full_state_update = False

    def __init__(self, ancestors: csr_array, *, average: Any = "micro", **settings: Any) -> None:
        super().__init__(**settings)
        self.ancestors, self.average = ancestors, average
        for name, shape in (("by_class", (3, ancestors.shape[1])), ("by_document", (3,)), ("documents", (2,))):
            self.add_state(name, torch.zeros(shape, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, predicted: Tensor, truth: Tensor) -> None:
        """Count a batch of indices, each of shape (batch,); truths of −1 are left out."""
        counts = count_nodes(predicted.cpu().numpy(), truth.cpu().numpy(), ancestors=self.ancestors)
        self.by_class += torch.from_numpy(counts.by_class).to(self.device)
        self.by_document += torch.from_numpy(counts.by_document).to(self.device)
        self.documents += torch.tensor([counts.n_documents, counts.n_undetermined], device=self.device)

    def compute(self) -> dict[str, Tensor]:
        """The scores of all that was counted."""
        counts = NodeCounts(
            by_class=self.by_class.cpu().numpy(),
            by_document=self.by_document.cpu().numpy(),
            n_documents=int(self.documents[0]),
            n_undetermined=int(self.documents[1]),
        )
        return _tensors(counts.scores(self.average))


class CostMetric(Metric):  # type: ignore[misc]
    """The mean of a cost, as ``mean_cost``; the cost may be a distance on the hierarchy.

    Args:
        costs: Cost of each prediction (rows) under each truth (columns), shape (n_classes, n_classes).
        **settings: What every ``torchmetrics.Metric`` takes.

    Example:
        >>> metric = CostMetric([[0.0, 1.0], [5.0, 0.0]])
        >>> metric.update(torch.tensor([0, 1]), torch.tensor([0, 0]))
        >>> metric.compute()["mean"].item()
        2.5
    """

    full_state_update = False

    def __init__(self, costs: ArrayLike, **settings: Any) -> None:
        super().__init__(**settings)
        self.costs = torch.as_tensor(costs, dtype=torch.float64)
        self.add_state("pairs", torch.zeros(self.costs.shape, dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("n_undetermined", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, predicted: Tensor, truth: Tensor) -> None:
        """Count a batch of indices, each of shape (batch,); truths of −1 are left out."""
        pairs = pair_up(predicted.cpu().numpy(), truth.cpu().numpy(), n_classes=len(self.costs))
        codes = torch.from_numpy(pairs.predicted * len(self.costs) + pairs.truth)
        self.pairs += torch.bincount(codes, minlength=self.pairs.numel()).view_as(self.pairs).to(self.device)
        self.n_undetermined += pairs.n_undetermined

    def compute(self) -> dict[str, Tensor]:
        """The means of all that was counted."""
        rows, columns = (part.repeat_interleave(self.pairs[self.pairs > 0]) for part in self.pairs.nonzero().T)
        unknown = torch.full((int(self.n_undetermined),), -1, device=self.device)
        predicted = torch.cat([rows, torch.zeros_like(unknown)]).cpu().numpy()
        truth = torch.cat([columns, unknown]).cpu().numpy()
        return _tensors(mean_cost(predicted, truth, costs=self.costs.numpy()))


class ProbabilityMetric(Metric):  # type: ignore[misc]
    """Calibration errors, Brier score and log-loss, as ``score_probabilities``.

    Bins of equal mass need all probabilities at once, so these are kept and gathered, as torchmetrics' own calibration
    error does.

    Args:
        n_bins: Bins at most of the calibration errors.
        **settings: What every ``torchmetrics.Metric`` takes.

    Example:
        >>> metric = ProbabilityMetric()
        >>> metric.update(torch.tensor([[0.5, 0.5]], dtype=torch.float64).log(), torch.tensor([0]))
        >>> metric.compute()["brier"].item()
        0.5
    """

    full_state_update = False

    def __init__(self, *, n_bins: int = N_BINS, **settings: Any) -> None:
        super().__init__(**settings)
        self.n_bins = n_bins
        self.add_state("log_probabilities", [], dist_reduce_fx="cat")
        self.add_state("truths", [], dist_reduce_fx="cat")

    def update(self, log_probabilities: Tensor, truth: Tensor) -> None:
        """Keep a batch: log p(k|x), shape (batch, n_classes), and class indices, shape (batch,)."""
        self.log_probabilities.append(log_probabilities.detach())
        self.truths.append(truth)

    def compute(self) -> dict[str, Tensor]:
        """The scores of all that was kept."""
        kept = (dim_zero_cat(part).cpu().double() for part in (self.log_probabilities, self.truths))
        log_probabilities, truths = kept
        scores = score_probabilities(log_probabilities.numpy(), truths.long().numpy(), n_bins=self.n_bins)
        return _tensors(scores)


def _tensors(scores: Any) -> dict[str, Tensor]:
    """The fields of a result as tensors."""
    return {name: torch.tensor(value, dtype=torch.float64) for name, value in dataclasses.asdict(scores).items()}
