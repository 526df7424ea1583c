import numpy as np
import pytest

from hiercls.errors import ConfigError, InputTypeError
from hiercls.metrics.arrays import pair_up


def test_undetermined_truths_are_left_out_and_counted() -> None:
    pairs = pair_up(np.array([0, 1, 2], dtype=np.int32), [1, -1, 2], n_classes=3)
    assert (pairs.predicted.tolist(), pairs.truth.tolist(), pairs.n_undetermined) == ([0, 2], [1, 2], 1)


def test_no_documents() -> None:
    assert len(pair_up([], [], n_classes=3).truth) == 0


@pytest.mark.parametrize(
    ("predicted", "truth", "message"),
    [
        ([0, 1], [0], "one prediction per truth, got 2 and 1"),
        ([0, 3], [0, 1], "'predicted' to hold indices from 0 to 2, got 3"),
        ([0, -1], [0, 1], "'predicted' to hold indices from 0 to 2, got -1"),
        ([0, 1], [0, -2], "'truth' to hold indices from -1 to 2, got -2"),
        ([[0, 1]], [[0, 1]], r"one dimension, got the shape \(1, 2\)"),
        (0, 0, r"one dimension, got the shape \(\)"),
    ],
)
def test_arrays_that_do_not_fit(predicted, truth, message) -> None:
    with pytest.raises(ConfigError, match=message):
        pair_up(predicted, truth, n_classes=3)


@pytest.mark.parametrize("values", [[0.0, 1.0], ["A", "B"], [True, False]])
def test_arrays_that_hold_no_indices(values) -> None:
    with pytest.raises(InputTypeError, match="'truth' to hold class indices"):
        pair_up([0, 1], values, n_classes=3)
