"""What a label teaches: the marginal likelihood of a set of topics, level by level.

Knows the cascade's output and the labels' sets as entries of matrices; knows no optimiser, no text and no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hiercls.aggregation import condition, label_log_likelihood
from hiercls.model.cascade import CascadeOutput
from hiercls.model.targets import LevelTargets


@dataclass(frozen=True, slots=True)
class CascadeLoss:
    """The loss of a batch, document by document and level by level.

    Args:
        terms: −log p(label at the level), 0 where skipped, shape (batch, n_levels).
        per_document: Their weighted sum, shape (batch,).
    """

    terms: Tensor
    per_document: Tensor


def set_loss(scores: Tensor, targets: LevelTargets) -> Tensor:
    """The negative log-likelihood of set labels.

    ``loss_i = −log Σ_t A[t,y_i] · p_c(t|x_i)``; for a partition ``lse(z) − lse(z over the class's topics)``.

    Args:
        scores: Logits or log-probabilities, shape (batch, n_columns).
        targets: The labels' sets, the customers' prior and scope.

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
    return torch.where(targets.informative, -label_log_likelihood(log_probabilities, targets.sets), 0.0)


def cascade_loss(
    output: CascadeOutput, targets: Sequence[LevelTargets], *, level_weights: Tensor, composed: bool
) -> CascadeLoss:
    """The weighted sum of the levels' set losses.

    ``loss_i = Σ_l w_l · −log p(S_l|x_i)``

    Args:
        output: What the heads said.
        targets: What the labels say, level by level.
        level_weights: w, shape (n_levels,).
        composed: Whether every term is read from the topics' probabilities (``path``, ``flat``) instead of from its
            own level's logits (``topic``).

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
    terms = torch.stack([set_loss(z, target) for z, target in zip(scores, targets, strict=True)], dim=-1)
    return CascadeLoss(terms, terms @ level_weights)
