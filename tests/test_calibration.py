"""Scalings against a slow search over the enumerated likelihood, and against the truth that made the labels."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from hiercls.calibration import PRECISION, Calibration, Scaling, calibrate, fit_scaling
from hiercls.data.rows import Row
from hiercls.errors import ConfigError, DataError
from hiercls.metrics import score_probabilities
from hiercls.model.priors import Priors
from hiercls.model.targets import LevelTargets, TargetTable
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.labels import resolve

PART = {"customer": "part", "partial": True, "classes": {"AB": ["A", "B"], "D": "D", "E": "E"}}
OVER = {"customer": "over", "overlapping": True, "classes": {"ABC": ["A", "B", "C"], "CDEF": ["C", "D", "E", "F"]}}
OWN = np.array([0.3, 0.1, 0.1, 0.1, 0.2, 0.2])
POOLED = np.full(6, 1 / 6)


@pytest.fixture(scope="module")
def world(tiny: Taxonomy) -> Taxonomy:
    return tiny.with_customer(PART).with_customer(OVER)


def documents(
    taxonomy: Taxonomy, n: int, *, slopes: np.ndarray, biases: np.ndarray, seed: int = 0, views: tuple[str, ...] = ()
) -> tuple[torch.Tensor, list[str], list[tuple[str, str]]]:
    """Log p(t|x) of a model that is wrong by a known scaling, true topics, and labels of all views in turn."""
    random = np.random.default_rng(seed)
    believed = torch.from_numpy(random.normal(size=(n, 6)) * 2).log_softmax(dim=-1)
    true = (believed * torch.from_numpy(slopes) + torch.from_numpy(biases)).softmax(dim=-1).numpy()
    topics = [taxonomy.topics[random.choice(6, p=row / row.sum())] for row in true]
    labels = []
    for place, topic in enumerate(topics):
        names = [name for name in views or taxonomy.views if any(topic in t for t in members(taxonomy, name).values())]
        view = names[place % len(names)]
        classes = [name for name, inside in members(taxonomy, view).items() if topic in inside]
        labels.append((view, classes[random.integers(len(classes))]))
    return believed, topics, labels


def members(taxonomy: Taxonomy, view: str) -> dict[str, tuple[str, ...]]:
    return {name: taxonomy.view(view).topics_of(name) for name in taxonomy.view(view).classes}


def table_of(taxonomy: Taxonomy, labels: list[tuple[str, str]], priors: Priors | None = None) -> TargetTable:
    resolved = resolve(taxonomy, [Row(text="", labels=(label,)) for label in labels])
    assert not resolved.problems
    return TargetTable(taxonomy, resolved.labels, composition="topic", priors=priors)


def targets_of(taxonomy: Taxonomy, labels: list[tuple[str, str]], priors: Priors | None = None) -> LevelTargets:
    return table_of(taxonomy, labels, priors).batch(np.arange(len(labels)))[-1]


def enumerated_loss(
    taxonomy: Taxonomy, topics: np.ndarray, labels: list[tuple[str, str]], slopes: np.ndarray, biases: np.ndarray,
    odds: dict[str, np.ndarray],
) -> float:  # fmt: skip
    """−log p(label), topic by topic, by names: scaled, shifted by the customer's mix, restricted to what it names."""
    total = 0.0
    for row, (view, label) in zip(topics, labels, strict=True):
        classes = members(taxonomy, view)
        mass = np.exp(row * slopes + biases) * odds.get(view, 1.0)
        named = [sum(topic in inside for inside in classes.values()) for topic in taxonomy.topics]
        inside = sum(m / n for m, n, topic in zip(mass, named, taxonomy.topics, strict=True) if topic in classes[label])
        total -= math.log(inside / sum(m for m, n in zip(mass, named, strict=True) if n))
    return total / len(labels)


@pytest.mark.parametrize(("method", "n_slopes", "n_biases"), [("temperature", 1, 0), ("bias_corrected", 1, 6)])
def test_the_scaling_is_what_a_slow_search_finds(world, method, n_slopes, n_biases) -> None:
    """Through labels of all views, partial and overlapping ones too, and a customer's own mix of topics."""
    topics, _, labels = documents(world, 40, slopes=np.full(6, 0.5), biases=np.linspace(-1, 1, 6))
    index = np.array([0 if view == "two" else -1 for view, _ in labels])
    priors = Priors(pooled=POOLED, customers=OWN[None], index=index)
    found = fit_scaling(topics, targets_of(world, labels, priors), method=method)

    def loss(parameters: np.ndarray) -> float:
        biases = parameters[1:] if n_biases else np.zeros(6)
        slopes = np.exp(np.full(6, parameters[0]))
        return enumerated_loss(world, topics.numpy(), labels, slopes, biases, {"two": OWN / POOLED})

    best = minimize(
        lambda p: loss(p) + PRECISION * (p**2).sum() / 80, np.zeros(n_slopes + n_biases), method="Powell", tol=1e-9
    )
    assert np.log(found.slopes[0]) == pytest.approx(best.x[0], abs=1e-3)
    np.testing.assert_allclose(found.biases, best.x[1:] if n_biases else 0.0, atol=2e-3)
    assert found.loss_before == pytest.approx(loss(np.zeros(1 + n_biases)), abs=1e-6)
    assert found.loss_after == pytest.approx(loss(best.x), abs=1e-5)
    assert found.n_documents == 40


@pytest.mark.parametrize("views", [("topic",), ("one", "two", "three")])
def test_the_temperature_that_made_the_labels_is_found_from_coarse_labels_too(tiny, views) -> None:
    topics, _, labels = documents(tiny, 4000, slopes=np.full(6, 0.4), biases=np.zeros(6), views=views)
    assert fit_scaling(topics, targets_of(tiny, labels)).temperature == pytest.approx(1 / 0.4, rel=0.1)


def test_vectors_that_made_the_labels_are_found_from_coarse_labels(tiny) -> None:
    slopes, biases = np.linspace(0.5, 1.5, 6), np.linspace(-1, 1, 6)
    topics, _, labels = documents(tiny, 8000, slopes=slopes, biases=biases, views=("one", "two", "three"))
    found = fit_scaling(topics, targets_of(tiny, labels), method="vector")
    np.testing.assert_allclose(found.slopes, slopes, atol=0.2)
    true = (topics * torch.from_numpy(slopes) + torch.from_numpy(biases)).softmax(dim=-1)
    assert (found.apply(topics).exp() - true).abs().max() < 0.12
    assert fit_scaling(topics, targets_of(tiny, labels), method="bias_corrected").loss_after > found.loss_after


def test_probabilities_are_calibrated_at_a_view_that_nobody_labelled(tiny) -> None:
    """Learnt from customers one and two, measured on other documents at customer three and at the topics."""
    half = np.full(6, 0.4)
    topics, _, labels = documents(tiny, 3000, slopes=half, biases=np.zeros(6), views=("one", "two"))
    found = fit_scaling(topics, targets_of(tiny, labels))
    others, truth, _ = documents(tiny, 3000, slopes=half, biases=np.zeros(6), seed=1)
    for name in ("topic", "three", "area"):
        view = tiny.view(name)
        classes = [next(k for k, part in enumerate(members(tiny, name).values()) if topic in part) for topic in truth]
        before, after = (
            score_probabilities(np.log(part.exp().numpy() @ view.weights.toarray()), classes)
            for part in (others, found.apply(others))
        )
        assert after.calibration_error < 0.04 < before.calibration_error - 0.04
        assert after.log_loss < before.log_loss


def test_a_model_that_foresaw_every_label_keeps_a_finite_slope(tiny) -> None:
    topics = torch.eye(6).mul(3.0).log_softmax(dim=-1)
    found = fit_scaling(topics, targets_of(tiny, [("topic", name) for name in "ABCDEF"]))
    assert 1.0 < found.slopes[0] < 10.0


def test_what_no_label_tells_apart_is_shared_evenly(tiny) -> None:
    """E and F are one class of customer one, and here as likely as each other: any split of their bias fits."""
    biases = np.array([0, 0, 0, 0, 1.0, 1.0])
    topics, _, labels = documents(tiny, 500, slopes=np.ones(6), biases=biases, views=("one",))
    topics[:, 5] = topics[:, 4]
    found = fit_scaling(topics, targets_of(tiny, labels), method="bias_corrected").biases
    assert found[4] == pytest.approx(found[5], abs=1e-4)
    assert np.isfinite(found).all()


def test_a_customer_s_own_scaling_stands_on_the_one_for_all(tiny) -> None:
    topics, _, labels = documents(tiny, 300, slopes=np.full(6, 0.5), biases=np.zeros(6), views=("one", "two"))
    table = table_of(tiny, labels)
    places = np.flatnonzero([view == "two" for view, _ in labels])
    found = calibrate(topics, table, groups={"two": places})
    assert found.pooled.n_documents == 300
    assert (found.customers["two"].n_documents, set(found.customers)) == (len(places), {"two"})
    alone = fit_scaling(found.pooled.apply(topics[places]), table.batch(places)[-1])
    np.testing.assert_allclose(found.customers["two"].slopes, alone.slopes)
    pooled = found.pooled.apply(topics)
    torch.testing.assert_close(found.of_view(pooled, "two"), alone.apply(pooled))
    assert found.of_view(pooled, "one") is pooled
    assert found.without("two").customers == {}


def test_a_calibration_survives_json(tiny) -> None:
    topics, _, labels = documents(tiny, 50, slopes=np.ones(6), biases=np.zeros(6))
    found = calibrate(topics, table_of(tiny, labels), method="vector", groups={"one": np.arange(20)})
    again = Calibration.from_dict(json.loads(json.dumps(found.to_dict())), n_topics=6)
    for one, two in ((found.pooled, again.pooled), (found.customers["one"], again.customers["one"])):
        assert one.to_dict() == two.to_dict()
    with pytest.raises(ValueError, match="calibration of 5 topics"):
        Calibration.from_dict(found.to_dict(), n_topics=5)


def test_a_scaling_keeps_the_type_and_sums_to_one() -> None:
    topics = torch.randn(5, 6).log_softmax(dim=-1)
    scaling = Scaling.identity(6)
    torch.testing.assert_close(scaling.apply(topics), topics)
    assert scaling.apply(topics).dtype == torch.float32
    assert scaling.temperature == 1.0


def test_what_cannot_be_fitted(tiny) -> None:
    targets = targets_of(tiny, [("topic", "A")])
    with pytest.raises(ConfigError, match="temperature, vector, bias_corrected, got 'platt'"):
        fit_scaling(torch.zeros(1, 6), targets, method="platt")
    with pytest.raises(DataError, match="expected labelled documents to calibrate on, got none"):
        fit_scaling(torch.zeros(0, 6), targets)


def test_an_adaptive_scaling_is_what_a_slow_search_finds(world) -> None:
    topics, _, labels = documents(world, 40, slopes=np.full(6, 0.5), biases=np.zeros(6))
    found = fit_scaling(topics, targets_of(world, labels), method="adaptive")
    sure = -np.log(1 - topics.exp().max(dim=-1, keepdim=True).values.numpy())

    def loss(parameters: np.ndarray) -> float:
        stretch = ((1 + sure) / (1 + math.log(2))) ** (math.exp(parameters[1]) - 1)
        slopes = np.full(6, math.exp(parameters[0]))
        return enumerated_loss(world, topics.numpy() * stretch, labels, slopes, np.zeros(6), {})

    best = minimize(lambda p: loss(p) + PRECISION * (p**2).sum() / 80, np.zeros(2), method="Powell", tol=1e-9)
    assert [math.log(found.slopes[0]), math.log(found.power)] == pytest.approx(best.x.tolist(), abs=1e-3)
    assert found.loss_after == pytest.approx(loss(best.x), abs=1e-5)


def test_a_model_that_is_too_sure_only_where_it_is_sure_is_mended_by_the_adaptive_scaling_alone(tiny) -> None:
    random = np.random.default_rng(0)
    believed = torch.from_numpy(random.normal(size=(6000, 6)) * 4).log_softmax(dim=-1)
    made = Scaling(
        method="adaptive", slopes=np.ones(6), biases=np.zeros(6), n_documents=0, loss_before=0, loss_after=0, power=0.4
    )
    true = made.apply(believed).exp().numpy()
    topics = [random.choice(6, p=row / row.sum()) for row in true]
    targets = targets_of(tiny, [("topic", tiny.topics[topic]) for topic in topics])
    error = {}
    for method in ("adaptive", "temperature"):
        found = fit_scaling(believed, targets, method=method)
        error[method] = score_probabilities(found.apply(believed), topics).calibration_error
    assert fit_scaling(believed, targets).power == pytest.approx(0.4, abs=0.1)
    assert error["adaptive"] < 0.02 < error["temperature"]


def test_the_adaptive_scaling_keeps_the_order_of_topics_and_of_sureness() -> None:
    """Of two topics, whatever the model says: no answer changes, and who was surer stays surer."""
    odds = torch.linspace(0.01, 40, 400, dtype=torch.float64)
    believed = torch.stack([odds, torch.zeros_like(odds)], dim=-1).log_softmax(dim=-1)
    made = Scaling(
        method="adaptive", slopes=np.ones(2), biases=np.zeros(2), n_documents=0, loss_before=0, loss_after=0, power=0.3
    )
    scaled = made.apply(believed)
    assert (scaled[:, 0] > scaled[:, 1]).all()
    assert ((scaled[:, 0] - scaled[:, 1]).diff() > 0).all()


def test_few_documents_change_little(tiny) -> None:
    topics, _, labels = documents(tiny, 12, slopes=np.full(6, 0.2), biases=np.zeros(6))
    found = fit_scaling(topics, targets_of(tiny, labels), method="vector")
    assert np.abs(np.log(found.slopes)).max() < 0.3
    assert np.abs(found.biases).max() < 0.3
