"""The page in the middle of the book, against enumeration with ``math`` alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from hiercls import aggregation
from hiercls.aggregation import (
    Entries,
    aggregate,
    aggregate_many,
    condition,
    is_lost,
    label_log_likelihood,
    segment_log_softmax,
    segment_logsumexp,
)
from hiercls.taxonomy import Taxonomy, View

PROBABILITIES = [[0.1, 0.2, 0.05, 0.25, 0.3, 0.1], [0.0, 0.5, 0.0, 0.5, 0.0, 0.0]]
GROUPINGS = {
    "partition": {"ABC": [0, 1, 2], "D": [3], "EF": [4, 5]},
    "partial": {"B": [1], "DE": [3, 4]},
    "overlapping": {"ABC": [0, 1, 2], "CD": [2, 3], "CDEF": [2, 3, 4, 5]},
    "both": {"AB": [0, 1], "BD": [1, 3]},
}


def grouping(name: str) -> View:
    return View.from_members(name, topics="ABCDEF", members=GROUPINGS[name])


def enumerate_classes(name: str, row: list[float]) -> list[float]:
    """p(k) = Σ_t A[t, k] p_c(t), topic by topic."""
    classes = GROUPINGS[name].values()
    named = {topic for members in classes for topic in members}
    inside = sum(row[topic] for topic in named)
    times = {topic: sum(topic in members for members in classes) for topic in named}
    return [sum(row[topic] / inside / times[topic] for topic in members) for members in classes]


@pytest.mark.parametrize("name", GROUPINGS)
def test_classes_are_the_weighted_sums_of_the_topics_in_scope(name: str) -> None:
    view = grouping(name)
    scope = torch.from_numpy(view.scope.copy())
    inside = condition(torch.tensor(PROBABILITIES, dtype=torch.float64).log(), scope=scope)
    found = aggregate(inside, Entries.of_view(view)).exp()
    expected = [enumerate_classes(name, row) for row in PROBABILITIES]
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-7)
    np.testing.assert_allclose(found.sum(dim=-1).numpy(), 1.0, atol=1e-7)


def test_levels_and_customers_of_the_tiny_world_are_sums(tiny: Taxonomy) -> None:
    topics = torch.tensor([PROBABILITIES[0]]).log()
    for name in tiny.views:
        view = tiny.view(name)
        expected = [sum(PROBABILITIES[0]["ABCDEF".index(t)] for t in view.topics_of(k)) for k in view.classes]
        np.testing.assert_allclose(aggregate(topics, Entries.of_view(view)).exp()[0].numpy(), expected, atol=1e-6)


def test_a_prior_multiplies_the_odds() -> None:
    row, own, pooled = [0.2, 0.3, 0.5], [0.6, 0.3, 0.1], [0.2, 0.2, 0.6]
    shift = torch.tensor(own, dtype=torch.float64).log() - torch.tensor(pooled, dtype=torch.float64).log()
    scores = torch.tensor([row], dtype=torch.float64).log() + 7.0  # logits: any constant may stand in them
    raw = [p * a / b for p, a, b in zip(row, own, pooled, strict=True)]
    np.testing.assert_allclose(condition(scores, prior_shift=shift).exp()[0].numpy(), np.array(raw) / sum(raw))
    scoped = condition(scores, prior_shift=shift, scope=torch.tensor([True, False, True])).exp()[0]
    np.testing.assert_allclose(scoped.numpy(), np.array([raw[0], 0.0, raw[2]]) / (raw[0] + raw[2]))


def test_prior_and_scope_may_differ_by_row() -> None:
    scores = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    shifts = torch.randn(3, 4, generator=torch.Generator().manual_seed(1))
    scopes = torch.tensor([[True] * 4, [True, False, True, False], [False, False, False, True]])
    together = condition(scores, prior_shift=shifts, scope=scopes)
    for row in range(3):
        alone = condition(scores[[row]], prior_shift=shifts[row], scope=scopes[row])
        torch.testing.assert_close(together[[row]], alone)


def test_nothing_known_is_the_softmax() -> None:
    scores = torch.tensor([[1.0, 2.0, 3.0]])
    assert condition(scores).equal(scores.log_softmax(-1))


def test_a_label_owns_its_column() -> None:
    columns = csr_array([[1.0, 0.5, 0.0], [0.0, 0.0, 1.0], [1 / 3, 0.0, 0.25]])
    rows = [[0.2, 0.3, 0.5], [0.6, 0.3, 0.1], [0.1, 0.1, 0.8]]
    found = label_log_likelihood(torch.tensor(rows, dtype=torch.float64).log(), Entries.of_matrix(columns))
    expected = [math.log(0.35), math.log(0.1), math.log(0.1 / 3 + 0.2)]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-7)


def test_segments_sum_in_log_space() -> None:
    values = torch.tensor([[0.0, 1.0, -2.0, 3.0], [5.0, -1e30, 2.0, 2.0]], dtype=torch.float64)
    found = segment_logsumexp(values, torch.tensor([2, 0, 2, 0]), 4)
    rows = [[math.log(math.e + math.e**3), -math.inf, math.log(1 + math.exp(-2)), -math.inf],
            [2.0, -math.inf, math.log(math.exp(5) + math.exp(2)), -math.inf]]  # fmt: skip
    np.testing.assert_allclose(found.numpy(), rows)


def test_shares_of_segments_are_softmaxes_at_any_size() -> None:
    values = torch.tensor([[0.0, 1.0, -2.0, 3.0], [5.0, -1e30, 2.0, 2.0]], dtype=torch.float64)
    segments = torch.tensor([2, 0, 2, 0])
    found = segment_log_softmax(values, segments, 4)
    for row, shares in zip(values, found, strict=True):
        for segment in (0, 2):
            torch.testing.assert_close(shares[segments == segment], row[segments == segment].log_softmax(-1))
    large = torch.tensor([12345.678, 12345.0, -9e5, 12340.0])
    segments_of_large = torch.tensor([0, 0, 1, 0])
    shares = segment_log_softmax(large, segments_of_large, 2).exp()
    sums = torch.zeros(2).index_add(0, segments_of_large, shares)
    torch.testing.assert_close(sums, torch.ones(2), atol=1e-6, rtol=0)
    free = torch.randn(2, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: segment_log_softmax(v, segments, 4), free)


@pytest.mark.parametrize("shift", [-3e4, 0.0, 3e4])
def test_no_size_overflows(shift: float) -> None:
    values = torch.tensor([[0.0, 1.0, 2.0]]) + shift
    values.requires_grad_()
    found = segment_logsumexp(values, torch.tensor([0, 0, 1]), 2)
    np.testing.assert_allclose(found[0].detach().numpy(), [shift + math.log(1 + math.e), shift + 2], rtol=1e-6)
    found.sum().backward()
    np.testing.assert_allclose(values.grad[0].numpy(), [1 / (1 + math.e), math.e / (1 + math.e), 1.0], rtol=1e-3)


def test_gradients_equal_central_differences() -> None:
    values = torch.randn(2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    segments = torch.tensor([1, 0, 1, 1, 0])
    assert torch.autograd.gradcheck(lambda v: segment_logsumexp(v, segments, 2), values)
    scope = torch.tensor([True, True, False, True, False])
    shift = torch.tensor([0.5, -1.0, 2.0, 0.0, 0.1], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda v: condition(v, prior_shift=shift, scope=scope)[:, scope], values)


def test_out_of_scope_topics_pass_no_gradient_and_no_nan() -> None:
    view = grouping("partial")
    scores = torch.randn(2, 6, generator=torch.Generator().manual_seed(0), requires_grad=True)
    inside = condition(scores, scope=torch.from_numpy(view.scope.copy()))
    aggregate(inside, Entries.of_view(view)).sum().backward()
    assert scores.grad.isfinite().all()
    assert not scores.grad[:, [0, 2, 5]].any()


def test_entries_hold_the_weights_and_nothing_else() -> None:
    entries = Entries.of_view(grouping("overlapping"))
    dense = torch.zeros(3, 6).index_put((entries.owners, entries.topics), entries.log_weights.exp())
    np.testing.assert_allclose(dense.numpy().T, grouping("overlapping").weights.toarray(), rtol=1e-6)
    assert len(entries.topics) == 9
    assert entries.n_owners == 3
    assert entries.to("cpu").owners.equal(entries.owners)
    moved = entries.to("meta")
    tensors = (moved.topics, moved.owners, moved.log_weights)
    assert [(part.device.type, part.shape) for part in tensors] == [("meta", (9,))] * 3
    assert moved.n_owners == 3


def test_an_owner_without_topics_has_probability_zero() -> None:
    entries = Entries.of_matrix(csr_array(np.array([[1.0, 1.0], [0.0, 0.0]])))
    assert aggregate(torch.tensor([[0.5, 0.5]]).log(), entries).exp().tolist() == [[1.0, 0.0]]


def random_view(rng: np.random.Generator, n_topics: int, n_classes: int, *, overlapping: bool) -> View:
    members = {f"k{number}": set(rng.integers(n_topics, size=3).tolist()) for number in range(n_classes)}
    for topic in range(n_topics):
        if not overlapping:
            for held in members.values():
                held.discard(topic)
        members[f"k{rng.integers(n_classes)}"].add(topic)
    return View.from_members("v", topics=[f"t{n}" for n in range(n_topics)], members=members)


@pytest.mark.parametrize("overlapping", [False, True])
@pytest.mark.parametrize("n_documents", [0, 1, 600])
@pytest.mark.parametrize("at_a_time", [1, 300, aggregation._IN_CACHE])
def test_sums_without_gradient_equal_those_in_log_space(
    overlapping: bool, n_documents: int, at_a_time: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aggregation, "_IN_CACHE", at_a_time)
    rng = np.random.default_rng(n_documents)
    entries = Entries.of_view(random_view(rng, 40, 7, overlapping=overlapping))
    scores = torch.from_numpy(rng.normal(scale=3.0, size=(n_documents, 40))).float()
    log_probabilities = scores.log_softmax(dim=-1)
    slow = aggregate(log_probabilities.clone().requires_grad_(), entries).detach()
    torch.testing.assert_close(aggregate(log_probabilities, entries), slow, atol=2e-6, rtol=0)
    torch.testing.assert_close(log_probabilities, scores.log_softmax(dim=-1), atol=0, rtol=0)


def test_what_is_too_small_to_be_summed_keeps_its_log() -> None:
    entries = Entries.of_matrix(csr_array([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0], [0.0] * 4]))
    rows = [[0.0, -300.0, -200.0, -200.0], [-0.7, -0.7, -90.0, -95.0], [-0.7, -1.2, -2.0, -3.0], [900.0, 0.0, 1.0, 1.0]]
    expected = [[max(row[:2]) + math.log1p(math.exp(-abs(row[0] - row[1]))) for row in rows]]
    expected += [[max(row[2:]) + math.log1p(math.exp(-abs(row[2] - row[3]))) for row in rows]]
    found = aggregate(torch.tensor(rows), entries)
    np.testing.assert_allclose(found[:, :2].T.numpy(), expected, rtol=1e-6, atol=1e-6)
    assert (found[:, 2] == -torch.inf).all()


def test_sums_do_not_depend_on_the_rows_beside_them() -> None:
    entries = Entries.of_view(random_view(np.random.default_rng(0), 40, 7, overlapping=False))
    topics = torch.randn(50, 40, generator=torch.Generator().manual_seed(0)).log_softmax(dim=-1)
    alone = torch.cat([aggregate(row, entries) for row in topics.split(1)])
    torch.testing.assert_close(aggregate(topics, entries), alone, atol=0, rtol=0)


def test_no_number_stays_no_number() -> None:
    entries = Entries.of_matrix(csr_array([[1.0, 1.0]]))
    assert aggregate(torch.tensor([[torch.nan, 0.0], [-0.7, -0.7]]), entries).isnan().tolist() == [[True], [False]]
    assert is_lost(torch.tensor([0.0, 1e-31, 1e-3, torch.inf, torch.nan])).tolist() == [True, True, False, True, True]


def test_many_matrices_are_summed_at_once() -> None:
    rng = np.random.default_rng(0)
    views = [random_view(rng, 40, n_classes, overlapping=n_classes > 3) for n_classes in (1, 3, 8)]
    topics = torch.from_numpy(rng.dirichlet(np.ones(40), size=70)).float()
    given = topics.log()
    found = aggregate_many(given, [view.weights for view in views]).split([1, 3, 8], dim=-1)
    torch.testing.assert_close(given, topics.log(), atol=0, rtol=0)
    for view, part in zip(views, found, strict=True):
        np.testing.assert_allclose(part.numpy(), topics.numpy() @ view.weights.toarray(), atol=1e-6)
