"""Texts as windows of tokens, ragged: how a long text is cut, and which windows are whose.

Knows token ids and hidden states as arrays; knows no encoder and no tokenizer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows that texts are read in: one each, or several of a long text.

    Args:
        sequences: Token ids of shape (length_w,), or hidden states of shape (length_w, width), of each window.
        owners: Text of each window, ascending; every text has one at least; shape (n_windows,).

    Example:
        >>> windows = Windows([np.array([5]), np.array([6, 7]), np.array([8])], np.array([0, 1, 1]))
        >>> windows.lengths, windows.take(np.array([1])).owners
        (array([1, 3]), array([0, 0]))
    """

    sequences: Sequence[np.ndarray]
    owners: np.ndarray

    def __len__(self) -> int:
        """Number of texts."""
        return int(self.owners[-1]) + 1 if len(self.owners) else 0

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each text, over all its windows, shape (n_texts,)."""
        of_windows = [len(sequence) for sequence in self.sequences]
        return np.bincount(self.owners, of_windows, minlength=len(self)).astype(int)

    def take(self, texts: np.ndarray) -> Windows:
        """The windows of some texts, by position; the texts are numbered anew."""
        first, end = (np.searchsorted(self.owners, texts, side=side) for side in ("left", "right"))
        places = [place for one, other in zip(first, end, strict=True) for place in range(one, other)]
        return Windows([self.sequences[place] for place in places], np.repeat(np.arange(len(texts)), end - first))


def cut(content: np.ndarray, *, capacity: int, n_windows: int, tail: bool) -> list[np.ndarray]:
    """Cut a text's tokens into as few windows as hold them, of equal length give or take one.

    Args:
        content: Token ids of the whole text, without special ones, shape (length,).
        capacity: Tokens that a window holds.
        n_windows: Windows at most; what is longer is shortened to that many full ones.
        tail: Whether a text is shortened in its middle, instead of at its end.

    Returns:
        The windows; one that is empty for an empty text.

    Example:
        >>> [window.tolist() for window in cut(np.arange(7), capacity=3, n_windows=2, tail=True)]
        [[0, 1, 2], [4, 5, 6]]
        >>> [window.tolist() for window in cut(np.arange(4), capacity=3, n_windows=2, tail=False)]
        [[0, 1], [2, 3]]
    """
    limit = capacity * n_windows
    if len(content) > limit:
        n_tail = limit // 2 if tail else 0
        content = np.concatenate([content[: limit - n_tail], content[len(content) - n_tail :]])
    return np.array_split(content, max(1, math.ceil(len(content) / capacity)))
