"""Sigmoids scaled on lists of labels: against a slow search, against the truth, and no view contradicts another."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from hiercls.calibration import PRECISION, Scaling, calibrate, fit_scaling
from hiercls.data.rows import Row
from hiercls.metrics import score_multilabel
from hiercls.model.multilabel import SeveralTopics
from hiercls.model.multilabel_targets import MultilabelTable, MultilabelTargets
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.multilabels import resolve_multilabels

TASK = SeveralTopics()


def documents(n: int, *, slope: float, bias: float, seed: int = 0) -> tuple[torch.Tensor, list[set[str]]]:
    """Log p(t|x) of a model whose log-odds are wrong by a known slope and bias, and what is true."""
    random = np.random.default_rng(seed)
    believed = torch.from_numpy(random.normal(size=(n, 6)) * 2 - 1)
    true = random.random((n, 6)) < (believed * slope + bias).sigmoid().numpy()
    return TASK.log_probabilities(believed), [{"ABCDEF"[t] for t in row.nonzero()[0]} for row in true]


def lists(taxonomy: Taxonomy, topics: list[set[str]], views: list[str]) -> list[Row]:
    """What each document's view lists of it; an empty list says that nothing holds."""
    rows = []
    for held, name in zip(topics, views, strict=True):
        view = taxonomy.view(name)
        classes = [k for k in view.classes if held & set(view.topics_of(k))]
        rows.append(Row(text="", labels=tuple((name, k) for k in classes), complete=(name,)))
    return rows


def table_of(taxonomy: Taxonomy, rows: list[Row]) -> MultilabelTable:
    resolution = resolve_multilabels(taxonomy, rows)
    assert not resolution.problems
    return MultilabelTable(taxonomy, resolution.labels)


def targets_of(taxonomy: Taxonomy, rows: list[Row]) -> MultilabelTargets:
    return table_of(taxonomy, rows).batch(np.arange(len(rows)))[-1]


def enumerated_loss(taxonomy: Taxonomy, odds: np.ndarray, rows: list[Row]) -> float:
    """−log p(list), class by class of the view that is listed, by names; the classes are apart."""
    total = 0.0
    for row, z in zip(rows, odds, strict=True):
        view = taxonomy.view(row.complete[0])
        listed = {name for _, name in row.labels}
        for name in view.classes:
            none = math.prod(
                1 / (1 + math.exp(min(z[taxonomy.topics.index(topic)], 700.0))) for topic in view.topics_of(name)
            )
            total -= math.log(max(1 - none if name in listed else none, 1e-300))
    return total / len(rows)


@pytest.mark.parametrize("method", ["temperature", "adaptive", "bias_corrected"])
def test_the_scaling_is_what_a_slow_search_finds(tiny: Taxonomy, method: str) -> None:
    topics, held = documents(60, slope=0.4, bias=-0.5)
    rows = lists(tiny, held, ["topic", "one", "two", "three"] * 15)
    found = fit_scaling(topics, targets_of(tiny, rows), method=method, task=TASK)
    odds = TASK.scores(topics).numpy()

    def scaled(parameters: np.ndarray) -> np.ndarray:
        sure = -np.log(1 / (1 + np.exp(np.abs(odds))))
        power = math.exp(parameters[1]) if method == "adaptive" else 1.0
        stretch = ((1 + sure) / (1 + math.log(2))) ** (power - 1)
        biases = parameters[1:] if method == "bias_corrected" else 0.0
        return odds * math.exp(parameters[0]) * stretch + biases

    n = {"temperature": 1, "adaptive": 2, "bias_corrected": 7}[method]
    best = minimize(
        lambda p: enumerated_loss(tiny, scaled(p), rows) + PRECISION * (p**2).sum() / 120,
        np.zeros(n), method="Powell", tol=1e-9,
    )  # fmt: skip
    assert math.log(found.slopes[0]) == pytest.approx(best.x[0], abs=1e-3)
    assert found.loss_before == pytest.approx(enumerated_loss(tiny, odds, rows), abs=1e-6)
    assert found.loss_after == pytest.approx(enumerated_loss(tiny, scaled(best.x), rows), abs=1e-5)


def test_what_made_the_labels_is_found_from_coarse_lists_and_holds_at_a_view_that_nobody_listed(tiny: Taxonomy) -> None:
    """Learnt from customers one and two, measured on other documents at customer three, the areas and the topics."""
    topics, held = documents(4000, slope=0.5, bias=-1.0)
    rows = lists(tiny, held, ["one", "two"] * 2000)
    found = fit_scaling(topics, targets_of(tiny, rows), method="bias_corrected", task=TASK)
    assert found.slopes[0] == pytest.approx(0.5, abs=0.05)
    np.testing.assert_allclose(found.biases, -1.0, atol=0.35)  # of topics that are one class for both, the sum is known
    others, held = documents(3000, slope=0.5, bias=-1.0, seed=1)
    for name in ("topic", "three", "area"):
        view = tiny.view(name)
        truth = resolve_multilabels(tiny, lists(tiny, held, [name] * 3000)).labels.truth(view.membership)
        before, after = (
            score_multilabel(name, TASK.classes(part.float(), view).numpy(), truth)
            for part in (others, found.apply(others, task=TASK))
        )
        assert after.calibration_error < 0.03 < before.calibration_error - 0.05
        assert after.log_loss < before.log_loss


@pytest.mark.parametrize("method", ["temperature", "adaptive", "bias_corrected", "vector"])
def test_a_parent_stays_at_least_as_likely_as_its_child(tiny: Taxonomy, method: str) -> None:
    topics, held = documents(200, slope=0.3, bias=1.0)
    targets = targets_of(tiny, lists(tiny, held, ["topic"] * 200))
    scaled = fit_scaling(topics, targets, method=method, task=TASK).apply(topics.float(), task=TASK)
    area, fine = tiny.view("area"), tiny.view("topic")
    parents, children = (TASK.classes(scaled, view).numpy() for view in (area, fine))
    for k, name in enumerate(area.classes):
        assert (children[:, area.members(name)] <= parents[:, [k]] + 1e-6).all()


def test_the_adaptive_scaling_keeps_the_order_and_the_half(tiny: Taxonomy) -> None:
    odds = torch.linspace(-45, 45, 901, dtype=torch.float64)[:, None]
    made = Scaling(
        method="adaptive", slopes=np.ones(1), biases=np.zeros(1), n_documents=0, loss_before=0, loss_after=0, power=0.3
    )
    scaled = TASK.scores(made.apply(TASK.log_probabilities(odds), task=TASK))[:, 0]
    assert (scaled.diff() > 0).all()
    assert scaled[450] == pytest.approx(0.0, abs=1e-9)
    assert (scaled.abs() <= odds[:, 0].abs() + 1e-6)[(odds[:, 0].abs() > 1)].all()  # where it is sure, it is restrained


def test_certain_sigmoids_stay_finite(tiny: Taxonomy) -> None:
    topics = torch.tensor([[0.0, -120.0, -1e-30, -0.5, -40.0, -3.0]] * 3)
    rows = lists(tiny, [{"A", "C"}, {"B"}, set()], ["topic", "one", "two"])
    found = calibrate(topics, table_of(tiny, rows), method="vector", groups={"one": np.array([1])}, task=TASK)
    assert np.isfinite(found.pooled.loss_after)
    assert found.pooled.apply(topics, task=TASK).isfinite().all()
    assert set(found.customers) == {"one"}
