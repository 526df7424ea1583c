"""Noisy-or against enumeration over all subsets of topics, and where numbers end."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from scipy.sparse import csr_array

from hiercls.aggregation import Entries, log1mexp, noisy_or, set_noisy_or
from hiercls.taxonomy import View

MEMBERS = {"ABC": [0, 1, 2], "CD": [2, 3], "E": [4], "all": [0, 1, 2, 3, 4]}
PROBABILITIES = [[0.1, 0.2, 0.7, 0.05, 0.5], [0.0, 1.0, 0.0, 0.25, 1.0]]


def enumerated(row: list[float], members: list[int]) -> float:
    """The mass of all sets of topics that have one of the members."""
    total = 0.0
    for present in product([False, True], repeat=len(row)):
        if any(present[topic] for topic in members):
            total += math.prod(p if here else 1 - p for p, here in zip(row, present, strict=True))
    return total


def test_a_class_holds_where_any_of_its_topics_does() -> None:
    view = View.from_members("v", topics="ABCDE", members=MEMBERS)
    topics = torch.tensor(PROBABILITIES, dtype=torch.float64).log()
    expected = [[enumerated(row, members) for members in MEMBERS.values()] for row in PROBABILITIES]
    torch.testing.assert_close(noisy_or(topics, Entries.of_members(view)).exp().tolist(), expected)


def test_the_sets_of_documents_are_the_same_operator() -> None:
    logits = torch.randn(2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 4
    view = View.from_members("v", topics="ABCDE", members=MEMBERS)
    sets = csr_array(view.membership.T[[0, 2, 3]])
    found = set_noisy_or(logits, Entries.of_matrix(sets), torch.tensor([1, 0, 1]))
    classes = noisy_or(torch.nn.functional.logsigmoid(logits), Entries.of_members(view))
    torch.testing.assert_close(found, torch.stack([classes[1, 0], classes[0, 2], classes[1, 3]]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("logit", [-400.0, -110.0, -40.0, -17.0, -3.0, 0.0, 17.0, 40.0, 110.0, 400.0])
def test_value_and_gradient_are_right_however_far_the_logits_go(dtype: torch.dtype, logit: float) -> None:
    """Two topics of one logit z: P = 1 − σ(−z)², and d log P / dz = 2 σ(z) σ(−z)² / P for each of them together."""
    z = torch.full((1, 2), logit, dtype=dtype, requires_grad=True)
    (found,) = set_noisy_or(z, Entries.of_matrix(csr_array([[1.0, 1.0]])), torch.tensor([0]))
    found.backward()
    assert z.grad is not None
    high, low = 1 / (1 + math.exp(-logit)), 1 / (1 + math.exp(logit))
    expected = math.log1p(-low * low) if logit > 0 else math.log(2) + logit  # 1 − q² = p (1 + q), and p → e^z
    expected = math.log(high) + math.log1p(low) if -35 < logit <= 0 else expected
    assert float(found.detach()) == pytest.approx(expected, rel=1e-6, abs=1e-35)
    slope = 1.0 if logit < -35 else 2 * low * low / (1 + low)
    assert float(z.grad.sum()) == pytest.approx(slope, rel=1e-5, abs=1e-15)


def test_the_complement_keeps_its_digits() -> None:
    x = torch.tensor([-1e-300, -1e-12, -0.5, -1.0, -50.0, -math.inf], dtype=torch.float64)
    expected = [math.log(-math.expm1(value)) if value > -1 else math.log1p(-math.exp(value)) for value in x.tolist()]
    torch.testing.assert_close(log1mexp(x).tolist(), expected, rtol=1e-14, atol=0)
    assert log1mexp(torch.zeros(1)) == -math.inf


def test_a_part_is_never_likelier_than_the_whole() -> None:
    view = View.from_members("v", topics="ABCDE", members=MEMBERS)
    random = torch.randn(2000, 5, generator=torch.Generator().manual_seed(1)) * 8
    classes = noisy_or(torch.nn.functional.logsigmoid(random), Entries.of_members(view))
    assert (classes <= classes[:, [3]] + 1e-6).all()
    assert (classes <= 0).all()
