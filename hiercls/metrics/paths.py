"""Hierarchical scores of plain labels level by level, and whether levels that were predicted apart fit each other.

The first needs no taxonomy: the labels themselves say who stands below whom. Knows arrays of names; no torch.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from hiercls.errors import ConfigError, InputTypeError
from hiercls.metrics.arrays import Indices
from hiercls.metrics.hierarchical import Average, HierarchicalScores, hierarchical_scores
from hiercls.taxonomy.taxonomy import Taxonomy

Node = Literal["path", "name"]
"""What makes two labels the same node: all names from the top down to it, or its own name wherever it stands."""


def path_scores(
    predicted: ArrayLike, truth: ArrayLike, *, node: Node = "path", average: Average = "micro"
) -> HierarchicalScores:
    """Hierarchical precision, recall and F1 of labels written level by level, as hiclass takes them.

    ``""``, None and NaN are no label: a path may end early, and a document may have no path at all.

    Args:
        predicted: n_documents × n_levels labels; of several paths a document, n_documents × n_paths × n_levels.
        truth: The same; the numbers of paths and levels may differ.
        node: ``path``: "Other" under two parents is two nodes, as in a tree. ``name``: a name is one node whoever
            stands above it, as in a DAG; hiclass reads labels so.
        average: ``micro``, ``documents`` (what hiclass calls "macro") or ``classes``.

    Returns:
        The scores and the counts.

    Raises:
        ConfigError: If the arrays have other dimensions or lengths, or there is no such node or average.
        InputTypeError: If a list's rows have different lengths.

    Example:
        >>> path_scores([["X", "Other"]], [["Y", "Other"]]).f1, path_scores([["X", "A"]], [["X", "B"]]).f1
        (0.0, 0.5)
        >>> path_scores([["X", "Other"]], [["Y", "Other"]], node="name").f1
        0.5

    Source:
        hiclass 5.0.8, ``hiclass.metrics``.
    """
    if node not in ("path", "name"):
        raise ConfigError(f"expected the node 'path' or 'name', got {node!r}")
    arrays = [_paths(name, values) for name, values in (("predicted", predicted), ("truth", truth))]
    if len(arrays[0]) != len(arrays[1]):
        raise ConfigError(f"expected one prediction per truth, got {len(arrays[0])} and {len(arrays[1])}")
    columns: dict[Any, int] = {}
    (answers, found), (truths, wanted) = (_distinct(array) for array in arrays)
    lines = [_nodes(document, columns, node) for document in (*found.tolist(), *wanted.tolist())]
    indices = np.array([column for line in lines for column in line], dtype=np.int64)
    starts, shape = np.cumsum([0, *map(len, lines)]), (len(lines), len(columns))
    sets = csr_array((np.ones(len(indices), dtype=np.int64), indices, starts), shape=shape)
    return hierarchical_scores(answers, truths + len(found), ancestors=sets, average=average)


def path_consistency(predicted: ArrayLike, *, taxonomy: Taxonomy) -> float:
    """The part of the documents whose predictions, made level by level, form a path of the hierarchy.

    Args:
        predicted: n_documents × n_levels indices, each into the classes of its level's view.
        taxonomy: The map; on a DAG any parent will do.

    Returns:
        A number from 0 to 1; NaN where there is no document. 1 where there is one level alone.

    Raises:
        ConfigError: If the array does not fit the levels.
        InputTypeError: If it does not hold whole numbers.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> path_consistency([[0, 2], [0, 3]], taxonomy=Taxonomy.from_yaml(shipped("tiny")))  # X above C, X above D
        0.5
    """
    array = np.asarray(predicted)
    sizes = [len(taxonomy.view(level).classes) for level in taxonomy.levels]
    if array.ndim != 2 or array.shape[1] != len(sizes):
        raise ConfigError(f"expected an index for each of {len(sizes)} levels, got the shape {array.shape}")
    if not len(array):
        return math.nan
    if array.dtype.kind not in "iu":
        raise InputTypeError(f"expected 'predicted' to hold class indices, got {array.dtype}")
    if (array < 0).any() or (array >= sizes).any():
        raise ConfigError(f"expected indices from 0 to {[size - 1 for size in sizes]} by level, got others")
    fits = np.ones(len(array), dtype=bool)
    for place, level in enumerate(taxonomy.levels[1:]):
        fits &= taxonomy.level_links(level).toarray()[array[:, place], array[:, place + 1]] > 0
    return float(fits.mean())


def _paths(name: str, values: ArrayLike) -> NDArray[Any]:
    """Labels as an array of n_documents × n_paths × n_levels."""
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise InputTypeError(
            f"expected '{name}' to have rows of one length, got different ones; fill shorter paths up with ''"
        ) from error
    if array.ndim not in (2, 3):
        raise ConfigError(f"expected '{name}' to be documents × levels, or × paths × levels, got {array.shape}")
    return array[:, None, :] if array.ndim == 2 else array


def _distinct(array: NDArray[Any]) -> tuple[Indices, NDArray[Any]]:
    """The position of each document among the distinct ones, and these."""
    flat = np.ascontiguousarray(array).reshape(len(array), array.shape[1] * array.shape[2])
    if array.dtype.hasobject or not array.size:
        keys = list(map(tuple, flat.tolist()))
        places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
        index = np.fromiter(map(places.__getitem__, keys), dtype=np.int64, count=len(array))
    else:
        wide = flat.astype(np.result_type(flat, "U1" if flat.dtype.kind in "SU" else np.int64), copy=False)
        index = _numbered(wide.view(np.uint32))
    first = np.empty(int(index.max(initial=-1)) + 1, dtype=np.int64)
    first[index[::-1]] = np.arange(len(array))[::-1]
    return index, array[first]


def _numbered(words: NDArray[np.uint32]) -> Indices:
    """Rows numbered so that equal ones have one number.

    Sorting random sums of the rows' words is many times faster than sorting the rows; where different rows have the
    same sum by chance, others are drawn. Words that only fill short labels up are left out where they are many.
    """
    used = np.bitwise_or.reduce(words, axis=0) > 0
    rows = words[:, used] if 2 * used.sum() < len(used) else words
    for seed in itertools.count():
        factors = np.random.default_rng(seed).integers(2**64, size=rows.shape[1], dtype=np.uint64)
        _, index = np.unique(rows @ factors, return_inverse=True)
        first = np.empty(index.max() + 1, dtype=np.int64)
        first[index] = np.arange(len(rows))
        if (rows[first[index]] == rows).all():
            break
    numbers: Indices = index.astype(np.int64)
    return numbers


def _nodes(document: list[list[Any]], columns: dict[Any, int], node: Node) -> list[int]:
    """The nodes on a document's paths, each once; new ones get the next column."""
    found: dict[int, None] = {}
    for path in document:
        names = ["" if name is None or name != name else name for name in path]
        for depth, name in enumerate(names, start=1):
            if name != "":
                found[columns.setdefault(tuple(names[:depth]) if node == "path" else name, len(columns))] = None
    return list(found)
