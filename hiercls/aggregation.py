"""Topic log-probabilities and a matrix of sets in, log-probabilities of the sets out.

The page in the middle of the book. The likelihood of a coarse label and a customer's probability are the same sum over
topics, so losses and scoring both call this module. Where a document may have several topics, both are a noisy-or
instead. It knows matrices and tensors, no taxonomy file and no network.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.sparse import vstack
from torch import Tensor
from torch.nn import functional

from hiercls.taxonomy import View

_SMALLEST = 1e-30
_IN_CACHE = 1 << 19
"""Numbers that are summed at a time, which a core's cache holds."""
_STACK_ROWS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """The non-zero entries of a non-negative matrix between topics and their *owners*, in log space.

    The owners are the classes of a view (scoring) or the labelled documents of a batch (losses).

    Args:
        topics: Topic of each entry, shape (n_entries,).
        owners: Owner of each entry, shape (n_entries,).
        log_weights: Logarithm of each entry, shape (n_entries,); 0 for membership in a partition.
        n_owners: Number of owners.
    """

    topics: Tensor
    owners: Tensor
    log_weights: Tensor
    n_owners: int

    @classmethod
    def of_view(cls, view: View) -> Entries:
        """The entries of a view's divided membership A, shape (n_topics, n_classes); the owners are its classes.

        Args:
            view: A level or a customer.

        Returns:
            The entries, on the CPU.
        """
        return cls.of_matrix(view.weights.T)

    @classmethod
    def of_members(cls, view: View) -> Entries:
        """The entries of a view's membership as it is, undivided: its classes as sets of topics.

        Args:
            view: A level or a customer.

        Returns:
            The entries, on the CPU.
        """
        return cls.of_matrix(view.membership.T)

    @classmethod
    def of_matrix(cls, matrix: Any) -> Entries:
        """The entries of a sparse matrix whose rows are the owners and whose columns are the topics.

        Args:
            matrix: A scipy sparse array of shape (n_owners, n_topics), non-negative.

        Returns:
            The entries, on the CPU, sorted by owner.

        Example:
            >>> from scipy.sparse import csr_array
            >>> Entries.of_matrix(csr_array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])).topics
            tensor([0, 1, 2])
        """
        rows = matrix.tocsr()
        owners = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
        return cls(
            topics=torch.from_numpy(rows.indices.astype(np.int64)),
            owners=torch.from_numpy(owners),
            log_weights=torch.from_numpy(np.log(rows.data).astype(np.float32)),
            n_owners=rows.shape[0],
        )

    def to(self, device: torch.device | str) -> Entries:
        """The same entries on another device.

        Args:
            device: Where to.

        Returns:
            The entries there.
        """
        return Entries(
            topics=self.topics.to(device),
            owners=self.owners.to(device),
            log_weights=self.log_weights.to(device),
            n_owners=self.n_owners,
        )


def segment_logsumexp(values: Tensor, segments: Tensor, n_segments: int) -> Tensor:
    """The log of the sum of exponentials within each segment, without leaving log space.

    ``out[..., s] = log Σ_{i: segments[i] = s} exp(values[..., i])``

    Args:
        values: Log values, shape (..., n_entries).
        segments: Segment of each entry, shape (n_entries,).
        n_segments: Number of segments.

    Returns:
        Shape (..., n_segments); −∞ where a segment has no entry.

    Example:
        >>> segment_logsumexp(torch.tensor([0.25, 0.5, 0.25]).log(), torch.tensor([0, 0, 1]), 2).exp()
        tensor([0.7500, 0.2500])
    """
    peak = _peaks(values, segments, n_segments)
    total = torch.zeros_like(peak).index_add(-1, segments, (values - peak[..., segments]).exp())
    return total.log() + peak


def segment_log_softmax(values: Tensor, segments: Tensor, n_segments: int) -> Tensor:
    """The log of each entry's share of its segment.

    ``out[..., i] = values[..., i] − log Σ_{j: segments[j] = segments[i]} exp(values[..., j])``, without the rounding
    of large numbers' differences.

    Args:
        values: Log values, shape (..., n_entries).
        segments: Segment of each entry, shape (n_entries,).
        n_segments: Number of segments.

    Returns:
        Shape (..., n_entries); the exponentials of a segment sum to 1.

    Example:
        >>> segment_log_softmax(torch.tensor([1.0, 3.0, 5.0]).log(), torch.tensor([0, 0, 1]), 2).exp()
        tensor([0.2500, 0.7500, 1.0000])
    """
    shifted = values - _peaks(values, segments, n_segments)[..., segments]
    total = shifted.new_zeros((*values.shape[:-1], n_segments)).index_add(-1, segments, shifted.exp())
    return shifted - total.log()[..., segments]


def _peaks(values: Tensor, segments: Tensor, n_segments: int) -> Tensor:
    """The largest value of each segment, 0 where there is none, without gradient; shape (..., n_segments)."""
    fixed = values.detach()
    lowest = fixed.new_full((*fixed.shape[:-1], n_segments), -torch.inf)
    peak = lowest.scatter_reduce(-1, segments.expand_as(fixed), fixed, "amax")
    return torch.where(peak.isfinite(), peak, 0.0)


def condition(scores: Tensor, *, prior_shift: Tensor | None = None, scope: Tensor | None = None) -> Tensor:
    """The topics' log-probabilities of a customer: its own mix of topics, and only the topics that it names.

    ``log p_c(t|x) = log_softmax_t( log p(t|x) + log π_c(t) − log π(t) )`` over the topics in scope.

    Args:
        scores: Logits or log-probabilities, shape (batch, n_topics).
        prior_shift: log π_c − log π, shape (batch, n_topics) or (n_topics,); None: the pooled mix.
        scope: True for the topics that the customer names, shape (batch, n_topics) or (n_topics,); None: all.

    Returns:
        Shape (batch, n_topics); rows sum to 1 in probability, −∞ out of scope.

    Example:
        >>> condition(torch.zeros(1, 4), scope=torch.tensor([True, True, False, False])).exp()
        tensor([[0.5000, 0.5000, 0.0000, 0.0000]])

    Source:
        Saerens et al., 2002, section 2 (prior correction).
    """
    if prior_shift is not None:
        scores = scores + prior_shift
    if scope is not None:
        scores = scores.masked_fill(~scope, -torch.inf)
    return scores.log_softmax(dim=-1)


def aggregate(log_probabilities: Tensor, entries: Entries) -> Tensor:
    """The classes' log-probabilities: each class sums the topics that it owns.

    ``log p(k|x) = log Σ_t A[t,k] · p(t|x)``. Without gradient, on the CPU, probabilities are summed as they are, and
    only the rows in which some class is too small for that in log space.

    Args:
        log_probabilities: log p(t|x), shape (batch, n_topics).
        entries: A, with the classes as owners.

    Returns:
        log p(k|x), shape (batch, n_classes).

    Example:
        >>> from scipy.sparse import csr_array
        >>> abc_d = Entries.of_matrix(csr_array([[1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]))
        >>> aggregate(torch.tensor([[0.1, 0.2, 0.3, 0.4]]).log(), abc_d).exp()
        tensor([[0.6000, 0.4000]])
    """
    traced = torch.compiler.is_compiling()  # as an export is, which cannot look at values
    if log_probabilities.requires_grad or log_probabilities.device.type != "cpu" or traced:
        return _logsumexp(log_probabilities, entries)
    found, lost = _log_sums(log_probabilities, entries)
    if lost.any():
        found[lost] = _logsumexp(log_probabilities[lost], entries)
    return found


def aggregate_many(log_probabilities: Tensor, matrices: Sequence[Any]) -> Tensor:
    """The sums of many matrices' classes in one sparse product, in probability and not normalised.

    ``out[x, k] = Σ_t A[t,k] · p(t|x)``, k over all columns of all matrices.

    Args:
        log_probabilities: log p(t|x), shape (batch, n_topics), on the CPU, without gradient.
        matrices: Scipy sparse arrays, each of shape (n_topics, its n_classes), non-negative.

    Returns:
        Shape (batch, the number of all classes), float32; see :func:`is_lost` for what is too small.

    Example:
        >>> from scipy.sparse import csr_array
        >>> one, two = csr_array([[1.0, 0.0], [0.0, 1.0]]), csr_array([[1.0], [1.0]])
        >>> aggregate_many(torch.tensor([[0.2, 0.8]]).log(), [one, two])
        tensor([[0.2000, 0.8000, 1.0000]])
    """
    stacked = vstack([matrix.T for matrix in matrices], format="csr", dtype=np.float32)
    out = torch.empty(len(log_probabilities), stacked.shape[0])
    for start in range(0, len(out), _STACK_ROWS):
        part = log_probabilities[start : start + _STACK_ROWS]
        topics_first = part.float().exp().T.contiguous()
        out[start : start + len(part)] = torch.from_numpy(stacked @ topics_first.numpy()).T
    return out


def is_lost(sums: Tensor) -> Tensor:
    """Where a sum of probabilities is too small, or no number, so that it must be computed in log space.

    Args:
        sums: Any shape.

    Returns:
        Truth values of the same shape.
    """
    return ~((sums > _SMALLEST) & (sums < torch.inf))


def _log_sums(log_probabilities: Tensor, entries: Entries) -> tuple[Tensor, Tensor]:
    """The logs of the sums of probabilities, and the rows in which one is lost.

    A few rows at a time, which stay in the processor's caches.
    """
    order = entries.topics.argsort(stable=True)
    topics, owners, weights = entries.topics[order], entries.owners[order], entries.log_weights[order].exp()
    each_once = torch.equal(topics, torch.arange(log_probabilities.shape[-1]))
    divided = bool((weights != 1.0).any())
    is_empty = torch.bincount(owners, minlength=entries.n_owners) == 0
    some_empty = bool(is_empty.any())
    out = log_probabilities.new_zeros((len(log_probabilities), entries.n_owners))
    lost = torch.zeros(len(out), dtype=torch.bool)
    step = max(1, _IN_CACHE // max(1, len(topics), log_probabilities.shape[-1], entries.n_owners))
    for start in range(0, len(out), step):
        rows = slice(start, start + step)
        part = log_probabilities[rows].exp()
        part = part if each_once else part[:, topics]
        part = part * weights if divided else part
        sums = out[rows].scatter_add_(-1, owners.expand_as(part), part)
        lost[rows] = is_lost(sums.masked_fill(is_empty, 1.0) if some_empty else sums).any(dim=-1)
        sums.log_()
    return out, lost


def _logsumexp(log_probabilities: Tensor, entries: Entries) -> Tensor:
    """The logs of the sums without leaving log space, shape (batch, n_owners)."""
    values = log_probabilities[:, entries.topics] + entries.log_weights
    return segment_logsumexp(values, entries.owners, entries.n_owners)


def label_log_likelihood(log_probabilities: Tensor, entries: Entries) -> Tensor:
    """The log-probability of each document's label: the same sum, with every document owning its label's topics.

    ``log p(y_i|x_i) = log Σ_t A[t,y_i] · p(t|x_i)``

    Args:
        log_probabilities: log p(t|x), shape (batch, n_topics).
        entries: The columns A[·, y_i], with the documents as owners.

    Returns:
        log p(y_i|x_i), shape (batch,).

    Example:
        >>> from scipy.sparse import csr_array
        >>> label = Entries.of_matrix(csr_array([[0.0, 1.0, 1.0, 0.0]]))
        >>> label_log_likelihood(torch.tensor([[0.1, 0.2, 0.3, 0.4]]).log(), label).exp()
        tensor([0.5000])
    """
    values = log_probabilities[entries.owners, entries.topics] + entries.log_weights
    return segment_logsumexp(values, entries.owners, entries.n_owners)


def log1mexp(log_probabilities: Tensor) -> Tensor:
    """The log of the complement of probabilities, without leaving log space.

    ``log(1 − exp(x))`` for x ≤ 0, by whichever of log1p and expm1 loses no digits.

    Args:
        log_probabilities: x, of any shape.

    Returns:
        The same shape; −∞ where x = 0.

    Example:
        >>> log1mexp(torch.tensor([0.25, 0.9]).log()).exp()
        tensor([0.7500, 0.1000])

    Source:
        Mächler, Accurately Computing log(1 − exp(−|a|)), 2012.
    """
    near = log_probabilities > -math.log(2)
    by_expm1 = torch.where(near, log_probabilities, -1.0).expm1().neg().log()
    by_log1p = torch.where(near, -1.0, log_probabilities).exp().neg().log1p()
    return torch.where(near, by_expm1, by_log1p)


def segment_noisy_or(hits: Tensor, misses: Tensor, segments: Tensor, n_segments: int) -> Tensor:
    """The log of the probability that some entry of each segment holds, all being independent.

    ``out[..., s] = log(1 − Π_{i: segments[i] = s} (1 − p_i))``; where the sum of a segment's p is below the smallest
    number that shows beside 1, it is that sum, and gradients stay finite.

    Args:
        hits: log p, shape (..., n_entries).
        misses: log(1 − p), shape (..., n_entries); given beside log p since it is known exactly where p is near 1.
        segments: Segment of each entry, shape (n_entries,).
        n_segments: Number of segments.

    Returns:
        Shape (..., n_segments); −∞ where a segment has no entry.

    Example:
        >>> p = torch.tensor([0.5, 0.5, 0.2])
        >>> segment_noisy_or(p.log(), (1 - p).log(), torch.tensor([0, 0, 1]), 2).exp()
        tensor([0.7500, 0.2000])
    """
    none = misses.new_zeros((*misses.shape[:-1], n_segments)).index_add(-1, segments, misses)
    rare = none > -torch.finfo(none.dtype).eps
    return torch.where(rare, segment_logsumexp(hits, segments, n_segments), log1mexp(none.masked_fill(rare, -1.0)))


def noisy_or(log_probabilities: Tensor, entries: Entries) -> Tensor:
    """The classes' log-probabilities where a document may have several topics: a class holds where any of its does.

    ``log P(k|x) = log(1 − Π_{t in k} (1 − p(t|x)))``

    Args:
        log_probabilities: log p(t|x), shape (batch, n_topics).
        entries: Membership, with the classes as owners; its weights are all 1.

    Returns:
        log P(k|x), shape (batch, n_classes); a class within another is never likelier than it.

    Example:
        >>> from scipy.sparse import csr_array
        >>> abc_d = Entries.of_matrix(csr_array([[1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]))
        >>> noisy_or(torch.tensor([[0.5, 0.5, 0.2, 0.9]]).log(), abc_d).exp()
        tensor([[0.8000, 0.9000]])
    """
    hits = log_probabilities[:, entries.topics]
    return segment_noisy_or(hits, log1mexp(hits), entries.owners, entries.n_owners)


def set_noisy_or(logits: Tensor, entries: Entries, documents: Tensor) -> Tensor:
    """The log-probability of each listed set of a batch: the same, with every set owning its topics of its document.

    ``log P(s|x_i) = log(1 − Π_{t in s} (1 − σ(z_it)))``

    Args:
        logits: z, shape (batch, n_topics).
        entries: The sets' topics, with the sets as owners.
        documents: The document that each set is of, shape (n_sets,).

    Returns:
        log P(s|x), shape (n_sets,).

    Example:
        >>> from scipy.sparse import csr_array
        >>> sets = Entries.of_matrix(csr_array([[1.0, 1.0], [0.0, 1.0]]))
        >>> set_noisy_or(torch.zeros(1, 2), sets, torch.tensor([0, 0])).exp()
        tensor([0.7500, 0.5000])
    """
    values = logits[documents[entries.owners], entries.topics]
    hits, misses = functional.logsigmoid(values), functional.logsigmoid(-values)
    return segment_noisy_or(hits, misses, entries.owners, entries.n_owners)
