"""Texts as windows of tokens, ragged: how a long text is cut, and which windows are whose.

Knows token ids and hidden states as arrays; knows no encoder and no tokenizer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

_SPACE = re.compile("[ \n]")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is read of a text once it is in tokens.

    Args:
        prefix: Ids that the tokenizer puts before every window, shape (n_before,).
        suffix: Ids that it puts after, shape (n_after,).
        max_length: Tokens in a window, these included.
        n_windows: Windows that a text is read in at most.
        tail: Whether a longer text is shortened in its middle, instead of at its end.
        pad_id: The id that pads a batch.

    Example:
        >>> first, last = np.array([1]), np.array([2])
        >>> reading = Reading(prefix=first, suffix=last, max_length=4, n_windows=1, tail=False, pad_id=0)
        >>> reading.limit, reading.windows([[7, 8, 9], []]).sequences
        (2, [array([1, 7, 8, 2], dtype=int32), array([1, 2], dtype=int32)])
    """

    prefix: np.ndarray
    suffix: np.ndarray
    max_length: int
    n_windows: int
    tail: bool
    pad_id: int

    @property
    def capacity(self) -> int:
        """Tokens of a text that a window holds."""
        return self.max_length - len(self.prefix) - len(self.suffix)

    @property
    def limit(self) -> int | None:
        """Tokens of a text that are looked at; None: all, since its end is read."""
        return None if self.tail else self.capacity * self.n_windows

    def windows(self, contents: Iterable[Sequence[int]]) -> Windows:
        """Texts in tokens as windows.

        Args:
            contents: Token ids of each text, without special ones.

        Returns:
            The windows, ids int32; an empty text has its special tokens only, or one padding token without these.
        """
        sequences, owners = [], []
        for text, ids in enumerate(contents):
            cuts = cut(np.asarray(ids, np.int32), capacity=self.capacity, n_windows=self.n_windows, tail=self.tail)
            for window in cuts:
                whole = np.concatenate([self.prefix, window, self.suffix]).astype(np.int32)
                sequences.append(whole if len(whole) else np.array([self.pad_id], dtype=np.int32))
                owners.append(text)
        return Windows(sequences, np.array(owners, dtype=np.int64))


def beginning(text: str, n_characters: int) -> str:
    """The words that a text begins with.

    Args:
        text: The text.
        n_characters: How many characters they have at least, if the text has as many.

    Returns:
        The text as far as to a space or a new line; all of it where none comes.

    Example:
        >>> beginning("to be or not to be", 7)
        'to be or'
    """
    found = _SPACE.search(text, n_characters)
    return text[: found.start()] if found else text


CPU_BATCH_TOKENS = 2048
"""Tokens in a batch on a CPU, whose caches hold what a layer makes of them."""


def length_batches(lengths: Sequence[int], *, batch_tokens: int) -> Iterator[np.ndarray]:
    """Positions grouped into batches of like length that hold a budget of tokens, padding included.

    Args:
        lengths: Tokens of each text.
        batch_tokens: Tokens that a batch may hold; a longer text makes a batch alone.

    Yields:
        Positions of a batch's texts, the longest first.

    Example:
        >>> [batch.tolist() for batch in length_batches([2, 9, 3, 1], batch_tokens=9)]
        [[1], [2, 0, 3]]
    """
    order = np.argsort(-np.asarray(lengths), kind="stable")
    start = 0
    while start < len(order):
        size = max(1, batch_tokens // max(1, lengths[order[start]]))
        yield order[start : start + size]
        start += size
