from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiercls.data.splitting import holdout
from hiercls.errors import ConfigError


def test_both_sides_together_are_all_rows() -> None:
    train, held_out = holdout([str(i) for i in range(97)], fraction=0.2, seed=3)
    assert sorted([*train, *held_out]) == list(range(97))
    assert len(held_out) == 19


def test_equal_seeds_give_equal_splits_and_others_differ() -> None:
    texts = [str(i) for i in range(50)]
    first, second, other = (holdout(texts, fraction=0.3, seed=seed)[1].tolist() for seed in (1, 1, 2))
    assert first == second != other


def test_duplicates_up_to_white_space_stay_on_one_side() -> None:
    texts = [f"document {i % 40}" for i in range(200)]
    texts[3], texts[43] = "document  3\n", " document 3"
    train, held_out = holdout(texts, fraction=0.25, seed=0)
    sides = [{" ".join(texts[i].split()) for i in side} for side in (train, held_out)]
    assert not sides[0] & sides[1]
    assert 40 <= len(held_out) <= 60


def test_groups_stay_on_one_side_even_through_duplicates() -> None:
    texts = ["same", "b", "same", "d", *(str(i) for i in range(40))]
    groups = ["g", "g", "h", "h", *range(40)]
    for seed in range(20):
        held_out = set(holdout(texts, groups=groups, fraction=0.3, seed=seed)[1].tolist())
        assert {0, 1, 2, 3} <= held_out or not {0, 1, 2, 3} & held_out


def test_strata_keep_their_mix() -> None:
    strata = ["x"] * 500 + ["y"] * 300 + ["z"] * 7
    _, held_out = holdout([str(i) for i in range(807)], strata=strata, fraction=0.1, seed=5)
    counts = Counter(strata[i] for i in held_out)
    assert counts["x"] == 50
    assert counts["y"] == 30
    assert counts["z"] in (0, 1)


def test_many_small_strata_still_give_the_fraction() -> None:
    strata = [i // 3 for i in range(900)]
    train, held_out = holdout([str(i) for i in range(900)], strata=strata, fraction=0.1, seed=0)
    assert len(held_out) == 90
    assert {strata[i] for i in train} == set(strata)


def test_a_stratum_of_one_row_stays_in_training() -> None:
    strata = ["alone", *["many"] * 20]
    for seed in range(10):
        assert 0 in holdout([str(i) for i in range(21)], strata=strata, fraction=0.5, seed=seed)[0]


def test_where_all_strata_are_single_rows_they_are_left_aside() -> None:
    assert len(holdout(list("abcdef"), strata=list("abcdef"), fraction=0.3, seed=0)[1]) == 2


def test_something_is_always_held_out() -> None:
    train, held_out = holdout(["a", "b", "c"], fraction=0.01, seed=0)
    assert (len(train), len(held_out)) == (2, 1)
    train, held_out = holdout(["a", "a", "b", "b"], fraction=0.9, seed=0)
    assert len(train) == len(held_out) == 2


def test_the_choice_is_fair() -> None:
    """Every row, duplicated or not, is held out about equally often."""
    texts = ["a", "a", "b", "b", *(str(i) for i in range(16))]
    times = np.zeros(20)
    for seed in range(1000):
        times[holdout(texts, fraction=0.3, seed=seed)[1]] += 1
    assert times.min() > 200
    assert times.max() < 400


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), min_size=4, max_size=60),
    fraction=st.floats(0.05, 0.95),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_split_is_a_partition_without_leaks(rows, fraction, seed) -> None:
    texts = [str(text) for text, _ in rows]
    if len(set(texts)) < 2:
        return
    train, held_out = holdout(texts, strata=[stratum for _, stratum in rows], fraction=fraction, seed=seed)
    assert sorted([*train, *held_out]) == list(range(len(rows)))
    assert len(train)
    assert len(held_out)
    assert not {texts[i] for i in train} & {texts[i] for i in held_out}


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1.0, float("nan")])
def test_fractions_that_are_none(fraction) -> None:
    with pytest.raises(ConfigError, match="'fraction' to be between 0 and 1"):
        holdout(["a", "b"], fraction=fraction, seed=0)


def test_lengths_must_agree() -> None:
    with pytest.raises(ConfigError, match="'strata' per text, got 1 for 2 texts"):
        holdout(["a", "b"], strata=["x"], fraction=0.5, seed=0)


@pytest.mark.parametrize("texts", [[], ["a"], ["a", "a "]])
def test_nothing_to_divide(texts) -> None:
    with pytest.raises(ConfigError, match="must all stay together"):
        holdout(texts, fraction=0.5, seed=0)
