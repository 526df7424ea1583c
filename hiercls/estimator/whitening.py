"""Coordinates in which the loss of a linear softmax is about as steep in every direction: few steps are enough.

Knows features and linear maps; knows no label and no loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

ENOUGH = 20
"""Documents per feature, of which more tell no more of the features' covariance."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Whitening:
    """Other coordinates ``(V, v)`` of linear maps ``z = W x + b`` of features.

    ``W = V L⁻¹``, ``b = s · v − W μ``, further weights times s; ``L Lᵀ = c Σ_i w_i (x_i − μ)(x_i − μ)ᵀ + α I``
    is about the second derivative of the loss by a row of W: ``c = (1 − 1/n) / n`` that of an undecided softmax over n
    classes.

    Args:
        lower: L, shape (width, width).
        mean: μ, shape (width,).
        scale: s.

    Example:
        >>> features = torch.tensor([[0.0, 0.0], [1.0, 4.0], [2.0, -4.0]])
        >>> whitening = Whitening.of(features, torch.ones(3), n_classes=2, alpha=1.0)
        >>> whitening.lower @ whitening.lower.T
        tensor([[ 1.5000, -1.0000],
                [-1.0000,  9.0000]])

    Source:
        A constant bound of the softmax's second derivative in place of it: Böhning, Annals of the Institute of
        Statistical Mathematics 1992.
    """

    lower: Tensor
    mean: Tensor
    scale: float

    @classmethod
    def of(cls, features: Tensor, weights: Tensor, *, n_classes: int, alpha: float) -> Self:
        """The coordinates that suit some features.

        Args:
            features: x, shape (n_documents, width).
            weights: w, shape (n_documents,).
            n_classes: n.
            alpha: α, the strength of L2.

        Returns:
            The coordinates, in the features' precision.
        """
        counted = torch.nonzero(weights > 0)[:, 0]
        every = max(1, len(counted) // (ENOUGH * features.shape[1]))
        seen, shares = features[counted[::every]].double(), weights[counted[::every]].double() * every
        steepness, total = (1 - 1 / max(2, n_classes)) / max(2, n_classes), float(shares.sum())
        mean = shares @ seen / total
        centred = ((seen - mean) * (steepness * shares).sqrt()[:, None]).to(features.dtype)
        second = (centred.T @ centred).double()
        second.diagonal().add_(alpha + 1e-6 * float(second.diagonal().mean()) + 1e-12)
        lower, kind = torch.linalg.cholesky(second), features.dtype
        return cls(lower=lower.to(kind), mean=mean.to(kind), scale=(steepness * total) ** -0.5)

    def leave(self, maps: Sequence[nn.Linear]) -> None:
        """Put W in the place of V and b in that of v."""
        with torch.no_grad():
            for one in maps:
                own = one.weight[:, : len(self.mean)]
                own.copy_(torch.linalg.solve_triangular(self.lower, own, upper=False, left=False))
                one.bias.copy_(self.scale * one.bias - own @ self.mean)
                one.weight[:, len(self.mean) :].mul_(self.scale)

    def turn(self, weight: Tensor, bias: Tensor) -> None:
        """Put the gradients by V and v in the place of those by W and b.

        Args:
            weight: The gradient by W, shape (n_outputs, ≥ width).
            bias: The gradient by b, shape (n_outputs,).
        """
        own = weight[:, : len(self.mean)]
        own.copy_(
            torch.linalg.solve_triangular(self.lower.T, own - torch.outer(bias, self.mean), upper=True, left=False)
        )
        bias.mul_(self.scale)
        weight[:, len(self.mean) :].mul_(self.scale)
