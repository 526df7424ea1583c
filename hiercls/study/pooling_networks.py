"""The networks of the pooling study: two shared hidden layers and an output a task, many networks in one program.

Knows sparse matrices, labels and seeds; knows no taxonomy and no document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from scipy.sparse import block_diag, csr_array, vstack
from sklearn.metrics import f1_score
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, embedding_bag

from hiercls.study.pooling_documents import TaskData
from hiercls.study.pooling_setup import Network, NetworkConfig


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trained:
    """How a network did.

    Args:
        losses: The mean loss of the training documents in each epoch, shape (n_tasks, n_epochs).
        f1: F1 of class 1 on the test documents, shape (n_tasks, n_epochs // every).
        affinity: ⟨∇L_i, ∇L_j⟩ / L_i over the shared layers, shape (n_tasks, n_tasks): the part of task i's loss that a
            small step for task j takes away, by its size; mean over first batches of every ``every``-th epoch.

    Source:
        Affinity: Fifty et al., Efficiently Identifying Task Groupings for Multi-Task Learning, NeurIPS 2021, eq. 1, to
        first order in the step.
    """

    losses: np.ndarray
    f1: np.ndarray
    affinity: np.ndarray


class Chance:
    """All that is drawn at random for one network: equal seeds draw the same, whatever runs beside it.

    Args:
        network: The network.
        config: How it is trained.
    """

    def __init__(self, network: Network, config: NetworkConfig) -> None:
        self._random = np.random.default_rng(network.seed)
        self._n_tasks, self._n_documents = len(network.tasks), network.tasks[0].training.shape[0]
        self._config = config

    def weights(self, n_columns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Glorot's uniform weights of both hidden layers, and small ones of the outputs.

        Args:
            n_columns: Words.

        Returns:
            Arrays of shape (n_columns, width), (width, width) and (n_tasks, width).
        """
        width = self._config.width
        return (
            self._uniform(n_columns, width, limit=(6 / (n_columns + width)) ** 0.5),
            self._uniform(width, width, limit=(3 / width) ** 0.5),
            self._uniform(self._n_tasks, width, limit=0.05),
        )

    def epoch(self) -> tuple[np.ndarray, np.ndarray]:
        """The order of an epoch's documents, and what dropout leaves of their hidden units.

        Returns:
            An array of shape (n_documents,), and a boolean one of shape (2 layers, n_tasks, n_documents, width).
        """
        order = self._random.permutation(self._n_documents)
        shape = (2, self._n_tasks, self._n_documents, self._config.width)
        return order, self._random.integers(256, size=shape, dtype=np.uint8) >= 256 * self._config.dropout

    def _uniform(self, *shape: int, limit: float) -> np.ndarray:
        return (self._random.random(shape, dtype=np.float32) * 2 - 1) * np.float32(limit)


def train_networks(networks: Sequence[Network], config: NetworkConfig, *, device: str = "cpu") -> list[Trained]:
    """Train networks side by side in one program.

    Each comes out as if it were trained alone, densely, on all columns. The first layer's rows are gathered and summed
    by the words of a batch; those of words that no training document of the network uses have no gradient and stay as
    drawn, so that all they do to the test documents is added once.

    Args:
        networks: Networks with equally many tasks, and equally many training documents a task.
        config: How they are trained.
        device: Where.

    Returns:
        How each did.
    """
    program = _Program(networks, config, torch.device(device))
    losses: list[np.ndarray] = []
    scores: list[np.ndarray] = []
    for epoch in range(1, config.n_epochs + 1):
        is_measured = epoch % config.every == 0
        losses.append(program.train_epoch(measured=is_measured))
        if is_measured:
            scores.append(program.f1())
    parts = np.stack(losses, axis=-1), np.stack(scores, axis=-1), np.mean(program.affinities, axis=0)
    return [Trained(losses=loss, f1=f1, affinity=affinity) for loss, f1, affinity in zip(*parts, strict=True)]


class _Program:
    """Several networks as one: their words are told apart by their columns, their upper layers are stacked."""

    def __init__(self, networks: Sequence[Network], config: NetworkConfig, device: torch.device) -> None:
        self._config = config
        self._device = device
        self._labels = np.stack([[task.labels for task in network.tasks] for network in networks])
        self._chances = [Chance(network, config) for network in networks]
        drawn = [chance.weights(network.n_columns) for chance, network in zip(self._chances, networks, strict=True)]
        firsts, used = [first for first, _, _ in drawn], [network.used for network in networks]
        stacked = [
            vstack([task.training for task in network.tasks])[:, columns]
            for network, columns in zip(networks, used, strict=True)
        ]
        self._training = csr_array(block_diag(stacked, format="csr"))
        self._tests = [
            [_Test.of(task, first=first, used=columns) for task in network.tasks]
            for network, first, columns in zip(networks, firsts, used, strict=True)
        ]
        trained = np.concatenate([first[columns] for first, columns in zip(firsts, used, strict=True)])
        self._first = torch.from_numpy(trained).to(device)
        self._first.grad = self._gradient = torch.zeros_like(self._first)
        self._seen = torch.arange(0, device=device)
        self._spans = [slice(*span) for span in pairwise(np.cumsum([0, *map(len, used)]).tolist())]
        self._upper = _Upper.of(drawn, device)
        self._adam = torch.optim.Adam(
            [self._first, *self._upper.parameters], lr=config.learning_rate, eps=config.epsilon, fused=True
        )
        self.affinities: list[np.ndarray] = []

    def train_epoch(self, *, measured: bool) -> np.ndarray:
        """See all training documents once; the mean loss of each task, shape (n_networks, n_tasks).

        If ``measured``, how the tasks' gradients on the first batch agree is kept.
        """
        n_networks, n_tasks, n_documents = self._labels.shape
        drawn = [chance.epoch() for chance in self._chances]
        orders = np.stack([order for order, _ in drawn])
        kept = torch.from_numpy(np.stack([kept for _, kept in drawn], axis=1)).to(self._device, torch.float32)
        kept /= 1 - self._config.dropout
        places = np.arange(n_networks * n_tasks).reshape(n_networks, n_tasks, 1) * n_documents + orders[:, None]
        labels = torch.from_numpy(self._labels.ravel()[places]).to(self._device, torch.float32)
        total = torch.zeros(n_networks, n_tasks, device=self._device)
        for start in range(0, n_documents, self._config.batch):
            piece = slice(start, start + self._config.batch)
            batch = self._training[places[:, :, piece].ravel()], labels[:, :, piece], kept[..., piece, :]
            if measured and start == 0:
                self.affinities.append(self._affinity(*batch))
            total += self._step(*batch) * batch[1].shape[-1]
        found: np.ndarray = (total / n_documents).cpu().numpy()
        return found

    def f1(self) -> np.ndarray:
        """F1 of class 1 on the test documents, shape (n_networks, n_tasks)."""
        table = self._first.cpu().numpy()
        return np.array(
            [
                [test.f1(table[span], self._upper, network=network, task=task) for task, test in enumerate(tests)]
                for network, (tests, span) in enumerate(zip(self._tests, self._spans, strict=True))
            ]
        )

    def _losses(self, documents: csr_array, labels: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
        """The sums of the first layer, and the loss of each task, shape (n_networks, n_tasks)."""
        summed = _summed(self._first, documents.indices, documents.indptr[:-1], documents.data)
        summed = summed.view(*labels.shape, -1).requires_grad_()
        losses = binary_cross_entropy_with_logits(self._upper.logits(summed, kept), labels, reduction="none").mean(-1)
        return summed, losses

    def _affinity(self, documents: csr_array, labels: Tensor, kept: Tensor) -> np.ndarray:
        """⟨∇L_i, ∇L_j⟩ / L_i over what tasks i and j of a network share, shape (n_networks, n_tasks, n_tasks)."""
        summed, losses = self._losses(documents, labels, kept)
        n_networks, n_tasks, n_documents = labels.shape
        by_task = [
            torch.autograd.grad(losses[:, task].sum(), [summed, *self._upper.shared], retain_graph=True)
            for task in range(n_tasks)
        ]
        upper = torch.stack([torch.cat([part.flatten(1) for part in parts[1:]], dim=1) for parts in by_task], dim=1)
        agreement = upper @ upper.mT
        lower = torch.stack([parts[0] for parts in by_task]).sum(0).flatten(0, 2)
        overlap = torch.from_numpy((documents @ documents.T).toarray()).to(lower)
        shape = (n_networks, n_tasks, n_documents) * 2
        agreement += torch.einsum("kidkje->kij", (lower @ lower.T * overlap).view(shape))
        found: np.ndarray = (agreement / losses[:, :, None]).detach().cpu().numpy()
        return found

    def _step(self, documents: csr_array, labels: Tensor, kept: Tensor) -> Tensor:
        """One step of Adam; the loss of each task before it, shape (n_networks, n_tasks)."""
        summed, losses = self._losses(documents, labels, kept)
        found = torch.autograd.grad(losses.sum(), [summed, *self._upper.parameters])
        for parameter, gradient in zip(self._upper.parameters, found[1:], strict=True):
            parameter.grad = gradient
        words = documents.tocsc()
        seen = np.flatnonzero(np.diff(words.indptr))
        self._gradient.index_fill_(0, self._seen, 0.0)
        self._seen = torch.from_numpy(seen).to(self._device)
        summed_back = _summed(found[0].flatten(0, 2), words.indices, words.indptr[seen], words.data)
        self._gradient.index_copy_(0, self._seen, summed_back)
        self._adam.step()
        return losses.detach()


def _summed(table: Tensor, rows: np.ndarray, starts: np.ndarray, weights: np.ndarray) -> Tensor:
    """Weighted sums of a table's rows: a sparse matrix times the table, shape (n_sums, width)."""
    indices, offsets, values = (torch.from_numpy(part).to(table.device) for part in (rows, starts, weights))
    return embedding_bag(indices, table, offsets, per_sample_weights=values, mode="sum")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Upper:
    """What stands above the sums of the first layer, stacked over networks."""

    first_bias: Tensor
    second: Tensor
    second_bias: Tensor
    output: Tensor
    output_bias: Tensor

    @classmethod
    def of(cls, drawn: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], device: torch.device) -> _Upper:
        """As drawn; biases are 0."""
        second, output = (torch.from_numpy(np.stack([weights[place] for weights in drawn])) for place in (1, 2))
        n_networks, n_tasks, width = output.shape
        parts = {
            "first_bias": torch.zeros(n_networks, 1, 1, width),
            "second": second,
            "second_bias": torch.zeros(n_networks, 1, width),
            "output": output,
            "output_bias": torch.zeros(n_networks, n_tasks, 1),
        }
        return cls(**{name: part.to(device).requires_grad_() for name, part in parts.items()})

    @property
    def parameters(self) -> tuple[Tensor, ...]:
        """All of them."""
        return self.first_bias, self.second, self.second_bias, self.output, self.output_bias

    @property
    def shared(self) -> tuple[Tensor, ...]:
        """Those below the outputs."""
        return self.first_bias, self.second, self.second_bias

    def logits(self, summed: Tensor, kept: Tensor) -> Tensor:
        """From (n_networks, n_tasks, batch, width) sums, and what dropout keeps of both layers, to logits."""
        lower = torch.sigmoid(summed + self.first_bias) * kept[0]
        upper = torch.baddbmm(self.second_bias, lower.flatten(1, 2), self.second).view_as(lower)
        upper = torch.sigmoid(upper) * kept[1]
        return torch.einsum("ktbw,ktw->ktb", upper, self.output) + self.output_bias

    def alone(self, network: int, task: int) -> _Upper:
        """One network's, with the output of one task."""
        one, own = slice(network, network + 1), slice(task, task + 1)
        return _Upper(
            first_bias=self.first_bias[one],
            second=self.second[one],
            second_bias=self.second_bias[one],
            output=self.output[one, own],
            output_bias=self.output_bias[one, own],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Test:
    """A task's test documents: the words that are trained, what the others add for good, and the truth."""

    documents: csr_array
    constant: np.ndarray
    truth: np.ndarray

    @classmethod
    def of(cls, task: TaskData, *, first: np.ndarray, used: np.ndarray) -> _Test:
        """Part the words that have a training document from those whose weights stay as drawn."""
        untrained = np.setdiff1d(np.arange(len(first)), used)
        constant = task.test[:, untrained] @ first[untrained]
        return cls(documents=task.test[:, used], constant=constant, truth=task.truth)

    def f1(self, table: np.ndarray, upper: _Upper, *, network: int, task: int) -> float:
        """F1 of class 1 under a network as it is."""
        summed = torch.from_numpy(self.documents @ table + self.constant).to(upper.second.device)
        with torch.no_grad():
            logits = upper.alone(network, task).logits(summed[None, None], summed.new_ones(2, 1, 1, 1, 1))
        return float(f1_score(self.truth, logits.flatten().cpu().numpy() > 0, zero_division=0.0))
