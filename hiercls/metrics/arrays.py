"""What all metrics ask of their arrays of indices.

Knows no metric.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiercls.errors import ConfigError, InputTypeError

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Predictions beside truths, those documents left out whose truth is not determined.

    Args:
        predicted: n_kept indices.
        truth: n_kept indices.
        n_undetermined: How many documents were left out.

    Example:
        >>> pair_up([2, 0], [1, -1], n_classes=3).n_undetermined
        1
    """

    predicted: Indices
    truth: Indices
    n_undetermined: int


def pair_up(predicted: ArrayLike, truth: ArrayLike, *, n_classes: int) -> Pairs:
    """Check predictions and truths, and leave out the documents whose truth is −1.

    Args:
        predicted: n_documents indices from 0 to n_classes − 1.
        truth: n_documents indices from 0 to n_classes − 1, or −1 where the truth is not determined.
        n_classes: The number of classes (or topics).

    Returns:
        The pairs that count.

    Raises:
        InputTypeError: If the arrays do not hold whole numbers.
        ConfigError: If they differ in length, are not one-dimensional, or hold an index that is no class.

    Example:
        >>> pair_up([2, 0], [1, -1], n_classes=3).truth.tolist()
        [1]
    """
    arrays: list[Indices] = []
    for name, values, lowest in (("predicted", predicted, 0), ("truth", truth, -1)):
        array = np.asarray(values)
        if array.size == 0:
            array = array.astype(np.int64)
        if array.ndim != 1:
            raise ConfigError(f"expected '{name}' to have one dimension, got the shape {array.shape}")
        if array.dtype.kind not in "iu":
            raise InputTypeError(f"expected '{name}' to hold class indices, got {array.dtype}")
        bad = array[(array < lowest) | (array >= n_classes)]
        if bad.size:
            raise ConfigError(f"expected '{name}' to hold indices from {lowest} to {n_classes - 1}, got {bad[0]}")
        arrays.append(array.astype(np.int64))
    if len(arrays[0]) != len(arrays[1]):
        raise ConfigError(f"expected one prediction per truth, got {len(arrays[0])} and {len(arrays[1])}")
    kept = arrays[1] >= 0
    return Pairs(predicted=arrays[0][kept], truth=arrays[1][kept], n_undetermined=int((~kept).sum()))
