"""Which documents an epoch visits: quotas, mixes and determinism."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiercls.training.sampling import CustomerSampler

GROUPS = np.array(["one"] * 60 + ["two"] * 9 + ["three"] * 1 + ["four"] * 30)


@settings(derandomize=True, max_examples=80, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=8),
    temperature=st.sampled_from([1.0, 1.5, 2.0, 5.0, math.inf]),
    number=st.integers(0, 3),
)
def test_an_epoch_has_as_many_documents_as_there_are_and_all_customers(
    sizes: list[int], temperature: float, number: int
) -> None:
    groups = np.repeat([f"c{place}" for place in range(len(sizes))], sizes)
    sampler = CustomerSampler(groups, temperature=temperature, seed=1)
    order = sampler.epoch(number)
    assert len(order) == len(groups) == sampler.quotas.sum()
    drawn = Counter(groups[order].tolist())
    assert sorted(drawn.values()) == sorted(sampler.quotas.tolist())
    for place, size in enumerate(sizes):
        times = Counter(order[groups[order] == f"c{place}"].tolist())
        counts = [times[document] for document in np.flatnonzero(groups == f"c{place}").tolist()]
        assert len(counts) == size
        assert max(counts) - min(counts) <= 1
    assert sampler.visits().sum() == pytest.approx(len(groups))
    if temperature == 1.0:
        assert sorted(order.tolist()) == list(range(len(groups)))


def quotas(temperature: float) -> dict[str, int]:
    sampler = CustomerSampler(GROUPS, temperature=temperature, seed=0)
    return dict(Counter(GROUPS[sampler.epoch(0)].tolist()))


def test_temperature_one_is_proportional_and_infinity_is_balanced() -> None:
    assert quotas(1.0) == {"one": 60, "two": 9, "three": 1, "four": 30}
    assert quotas(math.inf) == {"one": 25, "two": 25, "three": 25, "four": 25}


def test_shares_follow_the_root_of_the_sizes_in_between() -> None:
    roots = {name: math.sqrt((name == GROUPS).sum()) for name in ("one", "two", "three", "four")}
    found = quotas(2.0)
    for name, root in roots.items():
        assert abs(found[name] - 100 * root / sum(roots.values())) < 1


def test_visits_are_the_average_number_of_draws() -> None:
    sampler = CustomerSampler(GROUPS, temperature=3.0, seed=0)
    counts = np.zeros(len(GROUPS))
    for number in range(300):
        counts += np.bincount(sampler.epoch(number), minlength=len(GROUPS))
    np.testing.assert_allclose(counts / 300, sampler.visits(), atol=0.15, rtol=0.05)


def test_epochs_are_drawn_anew_and_seeds_repeat_them() -> None:
    one, again, other = (CustomerSampler(GROUPS, temperature=1.0, seed=seed) for seed in (7, 7, 8))
    assert (one.epoch(3) == again.epoch(3)).all()
    assert (one.epoch(3) != one.epoch(4)).any()
    assert (one.epoch(3) != other.epoch(3)).any()


def test_batches_are_mixed_and_cover_the_epoch() -> None:
    sampler = CustomerSampler(GROUPS, temperature=1.0, seed=0)
    batches = list(sampler.batches(0, size=32))
    assert [len(batch) for batch in batches] == [32, 32, 32, 4]
    assert (np.concatenate(batches) == sampler.epoch(0)).all()
    assert all(len(set(GROUPS[batch])) >= 2 for batch in batches[:3])


def test_batches_of_like_length_visit_the_same_documents_with_less_padding() -> None:
    lengths = np.random.default_rng(0).integers(1, 100, size=len(GROUPS))
    sampler = CustomerSampler(GROUPS, temperature=1.0, seed=0)
    plain, like = list(sampler.batches(0, size=8)), list(sampler.batches(0, size=8, lengths=lengths))
    assert sorted(np.concatenate(like).tolist()) == sorted(np.concatenate(plain).tolist())
    assert sorted(map(len, like)) == sorted(map(len, plain))
    padded, cut = (sum(len(batch) * lengths[batch].max() for batch in batches) for batches in (plain, like))
    assert cut < 1.15 * lengths.sum() < padded
    means = [lengths[batch].mean() for batch in like]
    assert means != sorted(means)
    assert not (np.concatenate(like) == np.concatenate(list(sampler.batches(1, size=8, lengths=lengths)))).all()
