"""What a label teaches: the marginal likelihood of a set of topics, level by level.

Where a document may have several topics, it is the likelihood of several sets and of absent nodes instead. Knows the
cascade's output and the labels' sets as entries of matrices; knows no optimiser, no text and no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from hiercls.aggregation import condition, label_log_likelihood, set_noisy_or
from hiercls.model.cascade import CascadeOutput
from hiercls.model.multilabel_targets import MultilabelTargets
from hiercls.model.targets import LevelTargets

Targets = LevelTargets | MultilabelTargets
"""What labels say at one level; its kind decides the loss."""


@dataclass(frozen=True, slots=True)
class CascadeLoss:
    """The loss of a batch, document by document and level by level.

    Args:
        terms: −log p(label at the level), 0 where skipped, shape (batch, n_levels).
        per_document: Their weighted sum, shape (batch,).
    """

    terms: Tensor
    per_document: Tensor


def set_loss(scores: Tensor, targets: LevelTargets, *, smoothing: float = 0.0) -> Tensor:
    """The negative log-likelihood of set labels.

    ``loss_i = −log Σ_t A[t,y_i] · p_c(t|x_i)``; for a partition ``lse(z) − lse(z over the class's topics)``. With
    smoothing ε it counts 1 − ε, and the mean of ``−log p_c(t|x_i)`` over the topics in scope counts ε.

    Args:
        scores: Logits or log-probabilities, shape (batch, n_columns).
        targets: The labels' sets, the customers' prior and scope.
        smoothing: ε.

    Returns:
        Shape (batch,); 0 for labels that allow everything.

    Example:
        >>> from scipy.sparse import csr_array
        >>> from hiercls.aggregation import Entries
        >>> sets = Entries.of_matrix(csr_array([[1.0, 1.0, 0.0, 0.0]]))
        >>> targets = LevelTargets(sets=sets, informative=torch.tensor([True]))
        >>> set_loss(torch.zeros(1, 4), targets)
        tensor([0.6931])

    Source:
        "NLL+" of Bevandić et al., WACV 2022; "CC" of Feng et al., NeurIPS 2020.
    """
    log_probabilities = condition(scores, prior_shift=targets.prior_shift, scope=targets.scope)
    loss = -label_log_likelihood(log_probabilities, targets.sets)
    if smoothing:
        scope = torch.ones_like(scores, dtype=torch.bool) if targets.scope is None else targets.scope
        spread = -log_probabilities.masked_fill(~scope, 0.0).sum(dim=-1) / scope.sum(dim=-1)
        loss = (1.0 - smoothing) * loss + smoothing * spread
    return torch.where(targets.informative, loss, 0.0)


def multilabel_loss(logits: Tensor, targets: MultilabelTargets) -> Tensor:
    """The negative log-likelihood of sets of which some node holds, and of nodes that do not.

    ``loss_i = Σ_s −log(1 − Π_{t in s} (1 − σ(z_it))) + Σ_{t absent} −log(1 − σ(z_it))``

    Args:
        logits: z, shape (batch, n_nodes).
        targets: The sets and the absent nodes.

    Returns:
        Shape (batch,); 0 for labels that say nothing.

    Example:
        >>> from scipy.sparse import csr_array
        >>> from hiercls.aggregation import Entries
        >>> sets, absent = Entries.of_matrix(csr_array([[1.0, 1.0, 0.0]])), torch.tensor([[False, False, True]])
        >>> targets = MultilabelTargets(sets=sets, documents=torch.tensor([0]), absent=absent)
        >>> multilabel_loss(torch.zeros(1, 3), targets)  # −log(3/4) − log(1/2)
        tensor([0.9808])
    """
    held = set_noisy_or(logits, targets.sets, targets.documents)
    missed = logits.new_zeros(len(logits)).index_add(0, targets.documents, -held)
    return missed + torch.where(targets.absent, functional.softplus(logits), 0.0).sum(dim=-1)


def label_loss(scores: Tensor, targets: Targets, *, smoothing: float = 0.0) -> Tensor:
    """The negative log-likelihood of labels at one level, by what kind of labels they are.

    Args:
        scores: Logits, shape (batch, n_columns); log-probabilities will do where a document has one topic.
        targets: What the labels say.
        smoothing: Label smoothing ε, where a document has one topic.

    Returns:
        Shape (batch,).
    """
    if isinstance(targets, MultilabelTargets):
        return multilabel_loss(scores, targets)
    return set_loss(scores, targets, smoothing=smoothing)


def topic_loss(output: CascadeOutput, targets: Targets) -> Tensor:
    """The negative log-likelihood of labels at the topics, whatever the composition.

    Args:
        output: What the heads said.
        targets: What the labels say at the topics.

    Returns:
        Shape (batch,).
    """
    return label_loss(output.logits[-1] if isinstance(targets, MultilabelTargets) else output.taught, targets)


def cascade_loss(
    output: CascadeOutput,
    targets: Sequence[Targets],
    *,
    level_weights: Tensor,
    composed: bool,
    smoothing: float = 0.0,
) -> CascadeLoss:
    """The weighted sum of the levels' losses.

    ``loss_i = Σ_l w_l · −log p(S_l|x_i)``

    Args:
        output: What the heads said.
        targets: What the labels say, level by level.
        level_weights: w, shape (n_levels,).
        composed: Whether every term is read from the topics' probabilities (``path``, ``flat``) instead of from its
            own level's logits (``topic``).
        smoothing: Label smoothing ε of every term.

    Returns:
        The loss by document and level.

    Example:
        >>> from scipy.sparse import csr_array
        >>> from hiercls.aggregation import Entries
        >>> label = LevelTargets(sets=Entries.of_matrix(csr_array([[1.0, 0.0]])), informative=torch.tensor([True]))
        >>> output = CascadeOutput((torch.zeros(1, 2),), (torch.zeros(1, 2).log_softmax(-1),))
        >>> cascade_loss(output, [label], level_weights=torch.ones(1), composed=False).per_document
        tensor([0.6931])
    """
    scores = [output.taught] * len(targets) if composed else output.logits
    terms = torch.stack(
        [label_loss(z, target, smoothing=smoothing) for z, target in zip(scores, targets, strict=True)], dim=-1
    )
    return CascadeLoss(terms, terms @ level_weights)


def symmetric_divergence(one: Tensor, other: Tensor) -> Tensor:
    """``KL(p, q) + KL(q, p) = Σ_t (p_t − q_t)(log p_t − log q_t)``.

    Args:
        one: log p, shape (batch, n_topics).
        other: log q, shape (batch, n_topics).

    Returns:
        Shape (batch,), in nats.

    Example:
        >>> symmetric_divergence(torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.8, 0.2]]).log())
        tensor([0.4159])
    """
    return ((one.exp() - other.exp()) * (one - other)).sum(dim=-1)
