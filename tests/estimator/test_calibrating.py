"""Calibration and decoding as a user meets them: probabilities stay sums, also after saving; answers may be coarser."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from hiercls.errors import ConfigError, DataError, ModelFolderError
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.taxonomy import Taxonomy
from hiercls.training.config import TrainingConfig

METHODS = ("temperature", "vector", "bias_corrected")


@pytest.fixture(scope="module")
def trained(tiny: Taxonomy, tiny_bert: Path, tiny_documents) -> HierarchicalTextClassifier:
    training = TrainingConfig(epochs=6, batch_size=16, learning_rate=0.03, weight_decay=0.01)
    priors = {"two": {"A": 3, "B": 1, "C": 1, "D": 1, "E": 1, "F": 1}}
    model = HierarchicalTextClassifier(
        tiny, encoder=str(tiny_bert), max_length=16, precision="float32", training=training, priors=priors
    )
    return model.fit(*tiny_documents)


@pytest.fixture
def model(trained: HierarchicalTextClassifier) -> HierarchicalTextClassifier:
    return copy.copy(trained)


@pytest.fixture(scope="module")
def heldout(tiny: Taxonomy) -> tuple[list[str], list[str], list[str]]:
    """Texts, a third of them labelled wrongly, in the classes of the customers in turn."""
    random = np.random.default_rng(1)
    texts, labels, views = [], [], []
    for number in range(120):
        topic = "ABCDEF"[number % 6]
        texts.append(" ".join(f"{topic.lower()}{word}" for word in random.integers(6, size=3)))
        said = topic if number % 3 else "ABCDEF"[random.integers(6)]
        view = tiny.view(tiny.customers[number // 6 % 3])
        labels.append(next(name for name in view.classes if said in view.topics_of(name)))
        views.append(view.name)
    return texts, labels, views


@pytest.mark.parametrize("per_customer", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_probabilities_stay_sums_of_calibrated_topics(model, heldout, tiny, method, per_customer) -> None:
    texts, labels, views = heldout
    raw = torch.from_numpy(model.predict_log_proba(texts))
    assert model.calibration_ is None
    assert model.calibrate(texts, labels, views=views, method=method, per_customer=per_customer) is model
    calibration = model.calibration_
    assert calibration.pooled.n_documents == 120
    assert calibration.pooled.loss_after < calibration.pooled.loss_before - 0.05
    topics = calibration.pooled.apply(raw).exp().numpy()
    np.testing.assert_allclose(model.predict_proba(texts), topics, atol=1e-5)
    assert set(calibration.customers) == (set(tiny.customers) if per_customer else set())
    for name in tiny.views:
        own = calibration.of_view(calibration.pooled.apply(raw), name).exp().numpy()
        if name == "two":
            own = own * (model.scorer_.mix.customers["two"] / model.scorer_.mix.pooled)
        own = own / own.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(model.predict_proba(texts, at=name), own @ tiny.view(name).weights, atol=1e-5)


def test_calibrating_again_forgets_what_was_before(model, heldout) -> None:
    texts, labels, views = heldout
    once = model.calibrate(texts, labels, views=views).calibration_.pooled
    twice = model.calibrate(texts, labels, views=views).calibration_.pooled
    np.testing.assert_allclose(once.slopes, twice.slopes)
    assert once.temperature > 1.2


def test_a_temperature_changes_no_answer_at_the_topics(model, heldout) -> None:
    texts, labels, views = heldout
    before = model.predict(texts)
    assert (model.calibrate(texts, labels, views=views).predict(texts) == before).all()


def test_a_saved_model_is_calibrated_and_one_of_before_is_not(model, heldout, tmp_path) -> None:
    texts, labels, views = heldout
    plain = model.predict_proba(texts)
    model.calibrate(texts, labels, views=views, method="vector", per_customer=True).save_pretrained(tmp_path / "model")
    loaded = HierarchicalTextClassifier.from_pretrained(tmp_path / "model")
    for name in ("topic", "one", "two"):
        np.testing.assert_allclose(loaded.predict_proba(texts, at=name), model.predict_proba(texts, at=name), atol=1e-6)
    settings = json.loads((tmp_path / "model" / "config.json").read_text())
    (tmp_path / "model" / "config.json").write_text(
        json.dumps({k: v for k, v in settings.items() if k != "calibration"})
    )
    older = HierarchicalTextClassifier.from_pretrained(tmp_path / "model")
    assert older.calibration_ is None
    np.testing.assert_allclose(older.predict_proba(texts), plain, atol=1e-6)
    settings["calibration"]["pooled"]["slopes"] = [1.0]
    (tmp_path / "model" / "config.json").write_text(json.dumps(settings))
    with pytest.raises(ModelFolderError, match="expected a calibration of 6 topics"):
        HierarchicalTextClassifier.from_pretrained(tmp_path / "model")


def test_a_customer_that_goes_takes_its_scaling_along_and_a_new_one_has_that_for_all(model, heldout) -> None:
    texts, labels, views = heldout
    model.calibrate(texts, labels, views=views, per_customer=True)
    pooled = model.predict_proba(texts)
    model.remove_customer("two").add_customer({"customer": "four", "classes": {"ABC": ["A", "B", "C"], "Y": "rest"}})
    assert set(model.calibration_.customers) == {"one", "three"}
    np.testing.assert_allclose(model.predict_proba(texts, at="four")[:, 0], pooled[:, :3].sum(axis=1), atol=1e-5)


def test_fitting_anew_forgets_the_calibration(trained, heldout, tiny_documents) -> None:
    model = copy.copy(trained).calibrate(heldout[0], heldout[1], views=heldout[2])
    assert model.fit(*tiny_documents).calibration_ is None


def test_what_cannot_be_calibrated_on(model) -> None:
    with pytest.raises(DataError, match="got none"):
        model.calibrate([], [])
    with pytest.raises(DataError, match="'Q'"):
        model.calibrate(["a"], ["Q"])
    with pytest.raises(ConfigError, match="got 'platt'"):
        model.calibrate(["a"], ["A"], method="platt")


def test_answers_are_coarser_where_they_must_be_more_probable(model, heldout, tiny) -> None:
    texts, labels, views = heldout
    model.calibrate(texts, labels, views=views)  # a third of the labels is wrong: nothing is sure any more
    assert (model.predict_or_coarsen(texts, threshold=0.0) == model.predict(texts)).all()
    nodes = list(tiny.view("area").classes) + list(tiny.topics)
    masses = np.concatenate([model.node_proba(texts, at=level) for level in tiny.levels], axis=1)
    least = float(np.median(masses[:, :2].max(axis=1)))
    sure = model.predict_or_coarsen(texts, threshold=least)
    assert {None, "X", "Y"} <= set(sure) <= {None, *tiny.hierarchy.nodes}
    for answer, row in zip(sure, masses, strict=True):
        assert (row[nodes.index(answer)] if answer else 1.0) >= least - 1e-6
        assert answer in tiny.topics or row[2:].max() < least + 1e-6
    with pytest.raises(ConfigError, match="threshold from 0 to 1"):
        model.predict_or_coarsen(texts, threshold=2)


def test_documents_are_filed_where_it_costs_least(model, heldout) -> None:
    texts, labels, views = heldout
    model.calibrate(texts, labels, views=views)  # a third of the labels is wrong: nothing is sure any more
    assert (model.predict_least_cost(texts, at="one") == model.predict(texts, at="one")).all()
    priced = {"customer": "four", "classes": {"ABC": "X", "D": "D", "EF": "rest"}, "costs": {"D": 50}}
    model.add_customer(priced)
    probabilities = model.predict_proba(texts, at="four")
    costs = np.array([[0, 50, 1], [1, 0, 1], [1, 50, 0]])
    expected = np.array(["ABC", "D", "EF"])[(probabilities @ costs.T).argmin(axis=1)]
    found = model.predict_least_cost(texts, at="four")
    assert (found == expected).all()
    assert (found == "D").sum() > (model.predict(texts, at="four") == "D").sum()
    with pytest.raises(ConfigError, match="unknown customer 'area'"):
        model.predict_least_cost(texts, at="area")
