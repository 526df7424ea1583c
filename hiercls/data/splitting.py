"""Splits in which duplicated texts stay on one side.

Knows texts and hashable marks only: no taxonomy, no labels, no models.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from hiercls.errors import ConfigError, IndivisibleError

Indices = NDArray[np.intp]


def holdout(
    texts: Sequence[str],
    *,
    groups: Sequence[Hashable] | None = None,
    strata: Sequence[Hashable] | None = None,
    fraction: float,
    seed: int,
) -> tuple[Indices, Indices]:
    """A seeded split in training and held-out rows.

    Texts that are equal up to white space, and rows of one group, stay on one side together. Each stratum gives
    ``fraction`` of its rows, rounded so that the total is near ``fraction`` too, and keeps at least one row for
    training; where every stratum is a single row, strata are left aside. Some rows are always held out.

    Args:
        texts: n_documents texts.
        groups: A mark per text that must not be divided either, such as a thread.
        strata: A mark per text whose mix is kept on both sides, such as ``(customer, label)``.
        fraction: The part to hold out, between 0 and 1.
        seed: Makes the split; equal arguments give equal splits.

    Returns:
        The indices of the training rows and of the held-out rows, each sorted.

    Raises:
        ConfigError: If the fraction is not between 0 and 1, or the lengths differ.
        IndivisibleError: If there are fewer than two distinct texts (or groups) to divide.

    Example:
        >>> train, held_out = holdout(["a", "b", "a", "c", "d"], fraction=0.4, seed=0)
        >>> len(train), len(held_out), (0 in train) == (2 in train)
        (3, 2, True)
    """
    _check(texts, groups, strata, fraction=fraction)
    blocks = _blocks(texts, groups)
    if len(blocks) < 2:
        raise IndivisibleError(
            f"cannot hold out a part of {len(texts)} texts that must all stay together; "
            "give at least two distinct texts (and groups)"
        )
    stratum = _numbered(strata if strata is not None else [None] * len(texts))
    if stratum.max() + 1 == len(texts):
        stratum = np.zeros_like(stratum)
    rng = np.random.default_rng(seed)
    chosen = np.zeros(len(texts), dtype=bool)
    needed = _quotas(np.bincount(stratum), fraction=fraction, rng=rng)
    singles = np.array([block[0] for block in blocks if len(block) == 1], dtype=np.intp)
    _hold_blocks([block for block in blocks if len(block) > 1], stratum, needed, chosen, rng=rng)
    _hold_singles(singles, stratum, needed, chosen, rng=rng)
    if not chosen.any():
        chosen[min((blocks[place] for place in rng.permutation(len(blocks))), key=len)] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def _check(texts: Sequence[str], *marks: Sequence[Hashable] | None, fraction: float) -> None:
    """Raise where the arguments of :func:`holdout` do not fit each other."""
    if not 0 < fraction < 1:
        raise ConfigError(f"expected 'fraction' to be between 0 and 1, got {fraction}")
    for name, values in zip(("groups", "strata"), marks, strict=True):
        if values is not None and len(values) != len(texts):
            raise ConfigError(f"expected one mark of '{name}' per text, got {len(values)} for {len(texts)} texts")


def _numbered(marks: Iterable[Hashable]) -> Indices:
    """Marks as numbers from 0, in the order of their first appearance."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(mark, len(numbers)) for mark in marks], dtype=np.intp)


def _blocks(texts: Sequence[str], groups: Sequence[Hashable] | None) -> list[list[int]]:
    """The rows that must stay together, as lists of indices in the order of their first row."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n_texts = len(texts)
    text_numbers = _numbered(" ".join(text.split()) for text in texts)
    component = text_numbers
    if groups is not None and n_texts:
        group_numbers = _numbered(groups) + text_numbers.max() + 1
        size = int(group_numbers.max()) + 1
        edges = coo_array((np.ones(n_texts), (text_numbers, group_numbers)), shape=(size, size))
        component = connected_components(edges, directed=False)[1][text_numbers]
    members: dict[int, list[int]] = defaultdict(list)
    for index, number in enumerate(component.tolist()):
        members[number].append(index)
    return list(members.values())


def _quotas(sizes: Indices, *, fraction: float, rng: np.random.Generator) -> Indices:
    """How many rows each stratum gives: floor or ceiling of its share, the total near the whole's share."""
    able = sizes > 1
    shares = np.where(able, sizes * fraction, 0.0)
    order = rng.permutation(len(sizes))
    ends = np.floor(np.cumsum(shares[order]) + 0.5).astype(np.intp)
    quotas = np.empty(len(sizes), dtype=np.intp)
    quotas[order] = np.diff(ends, prepend=0)
    return np.minimum(quotas, np.where(able, sizes - 1, 0))


def _hold_blocks(
    blocks: list[list[int]], stratum: Indices, needed: Indices, chosen: NDArray[np.bool_], *, rng: np.random.Generator
) -> None:
    """Hold out blocks of several rows by selection sampling, where that brings the strata nearer to their quotas."""
    numbers = stratum.tolist()
    left = Counter(numbers)
    need = needed.tolist()
    n_staying = len(numbers)
    for place, draw in zip(rng.permutation(len(blocks)).tolist(), rng.random(len(blocks)).tolist(), strict=True):
        rows = blocks[place]
        counts = Counter(numbers[row] for row in rows)
        chance = sum(count * max(0, need[number]) / left[number] for number, count in counts.items()) / len(rows)
        gain = sum(abs(need[number]) - abs(need[number] - count) for number, count in counts.items())
        if draw < chance and gain > 0 and len(rows) < n_staying:
            chosen[rows] = True
            n_staying -= len(rows)
            for number, count in counts.items():
                need[number] -= count
        left.subtract(counts)
    needed[:] = need


def _hold_singles(
    singles: Indices, stratum: Indices, needed: Indices, chosen: NDArray[np.bool_], *, rng: np.random.Generator
) -> None:
    """Hold out exactly what each stratum still needs from its rows that stand alone."""
    shuffled = singles[rng.permutation(len(singles))]
    by_stratum = shuffled[np.argsort(stratum[shuffled], kind="stable")]
    starts = np.searchsorted(stratum[by_stratum], np.arange(len(needed) + 1))
    for number in range(len(needed)):
        n_taken = max(0, int(needed[number]))
        chosen[by_stratum[starts[number] : starts[number + 1]][:n_taken]] = True
