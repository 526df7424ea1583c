"""From the states of a window's tokens to one vector a window, and from windows to texts.

Knows states and masks; knows no encoder and no tokenizer.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

Kind = Literal["mean", "cls", "attention"]
KINDS: tuple[Kind, ...] = ("mean", "cls", "attention")


class Pooling(nn.Module):
    """One vector a window.

    ``mean``: ``Σ_i h_i``. ``cls``: ``h_1``. ``attention``: ``n Σ_i softmax_i(q·h_i) h_i``, n the number of tokens,
    which is the mean until the query q has learnt something. Lengths carry over: a text's vector is the sum of
    its windows' (:func:`unite`), so the mean over windows is the mean over all their tokens.

    Args:
        kind: Which of the three.
        width: Width of a state.

    Example:
        >>> states, mask = torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([[1, 1, 0]])
        >>> [Pooling(kind, width=1)(states, mask).item() for kind in KINDS]
        [4.0, 1.0, 4.0]
    """

    def __init__(self, kind: Kind, *, width: int) -> None:
        super().__init__()
        self.kind = kind
        self.query = nn.Parameter(torch.zeros(width)) if kind == "attention" else None

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Pool the states of each window.

        Args:
            states: Shape (n_windows, length, width), float32.
            mask: 1 for tokens, 0 for padding, shape (n_windows, length).

        Returns:
            Shape (n_windows, width).
        """
        if self.kind == "cls":
            return states[:, 0]
        weights = mask.to(states.dtype)
        if self.query is not None:
            scores = (states @ self.query.to(states.dtype)).masked_fill(mask == 0, -torch.inf)
            weights = scores.softmax(dim=-1) * weights.sum(dim=-1, keepdim=True)
        return (states * weights[..., None]).sum(dim=1)


def unite(windows: Tensor, owners: Tensor) -> Tensor:
    """The vectors of texts, from those of their windows: summed, and brought to length √width.

    ``h = √width · v / |v|``, ``v = Σ_w v_w``. The length is taken out, as MiniLM's own training did; the factor gives
    entries of about unit size.

    Args:
        windows: v_w, shape (n_windows, width).
        owners: Text of each window; every text has one at least; shape (n_windows,).

    Returns:
        h, shape (n_texts, width).

    Example:
        >>> unite(torch.tensor([[3.0, 0.0], [0.0, 4.0], [0.0, 2.0]]), torch.tensor([0, 0, 1]))
        tensor([[0.8485, 1.1314],
                [0.0000, 1.4142]])
    """
    n_texts = int(owners[-1]) + 1 if len(owners) else 0
    summed = windows.new_zeros(n_texts, windows.shape[-1]).index_add(0, owners, windows)
    return to_length(summed)


def to_length(summed: Tensor) -> Tensor:
    """The sums of texts' windows, v, brought to length √width; shape (n_texts, width)."""
    return math.sqrt(summed.shape[-1]) * nn.functional.normalize(summed, dim=-1)
