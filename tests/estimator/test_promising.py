"""Promises as a user meets them: shown held-out documents once, the model keeps any, also after saving."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from hiercls.decoding import climbing_rule, conformal_rule, node_rule, stop
from hiercls.errors import ConfigError, DataError, ModelFolderError
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.taxonomy import Taxonomy


def written(n: int, *, seed: int) -> tuple[list[str], list[str]]:
    """Texts of three words, mostly of their topic."""
    random = np.random.default_rng(seed)
    topics = random.choice(list("ABCDEF"), size=n).tolist()
    words = [[t if random.random() < 0.6 else random.choice(list("ABCDEF")) for _ in range(3)] for t in topics]
    return [" ".join(f"{letter.lower()}{random.integers(6)}" for letter in said) for said in words], topics


def as_said_by(tiny: Taxonomy, topics: list[str]) -> tuple[list[str], list[str]]:
    """The classes of the customers in turn."""
    views = [tiny.view(tiny.customers[number % 3]) for number in range(len(topics))]
    labels = [
        next(name for name in v.classes if topic in v.topics_of(name)) for v, topic in zip(views, topics, strict=True)
    ]
    return labels, [view.name for view in views]


@pytest.fixture(scope="module")
def trained(tiny: Taxonomy, tiny_documents) -> HierarchicalTextClassifier:
    priors = {"two": {"A": 5, "B": 1, "C": 1, "D": 1, "E": 1, "F": 1}}
    return HierarchicalTextClassifier(tiny, encoder=None, priors=priors).fit(*tiny_documents)


@pytest.fixture
def model(trained: HierarchicalTextClassifier) -> HierarchicalTextClassifier:
    return copy.copy(trained)


HELD_OUT, NEW = written(300, seed=0), written(200, seed=1)


def logs(model: HierarchicalTextClassifier, texts: list[str]) -> np.ndarray:
    return model.predict_log_proba(texts)


def fine(tiny: Taxonomy, topics: list[str]) -> np.ndarray:
    return np.eye(6)[[tiny.topics.index(topic) for topic in topics]]


def test_answers_are_those_of_the_rules_and_hold_the_truth_as_promised(model, tiny) -> None:
    assert model.conformalize(*HELD_OUT) is model
    (held, labels), (texts, topics) = HELD_OUT, NEW
    here, labels, there = logs(model, held), fine(tiny, labels), logs(model, texts)
    rule = conformal_rule(here, labels, coverage=0.9)
    sets = model.predict_set(texts)
    assert (sets == rule.sets(there)).all()
    assert sets[np.arange(200), [tiny.topics.index(topic) for topic in topics]].mean() > 0.86
    for name in ("area", "one", "three"):
        view = tiny.view(name)
        assert (model.predict_set(texts, at=name) == rule.sets(there, at=view)).all()
        own = conformal_rule(here, labels, coverage=0.8, score="aps", view=view)
        found = model.predict_set(texts, at=name, calibrated_at=name, coverage=0.8, score="aps")
        assert (found == own.sets(there)).all()
    nodes = node_rule(here, labels, taxonomy=tiny, coverage=0.9, max_nodes=2).nodes(there)
    names = np.array(tiny.hierarchy.nodes)
    assert model.predict_nodes(texts, max_nodes=2) == [tuple(names[row].tolist()) for row in nodes]
    threshold = climbing_rule(here, labels, taxonomy=tiny, accuracy=0.8).threshold
    assert 0 < threshold < 1
    assert (model.predict_or_coarsen(texts, accuracy=0.8) == model.predict_or_coarsen(texts, threshold=threshold)).all()
    assert (stop(there, taxonomy=tiny, threshold=threshold) >= 0).any()


def test_a_known_mix_of_topics_weighs_the_held_out_documents(model, tiny) -> None:
    texts, topics = written(4000, seed=2)
    model.conformalize(*written(4000, seed=3))
    places = [tiny.topics.index(topic) for topic in topics]
    view, chance = tiny.view("two"), np.array([5, 1, 1, 1, 1, 1])[places]
    truth = view.membership.toarray().argmax(axis=1)[places]
    options = {"at": "two", "calibrated_at": "two", "coverage": 0.8}
    sets = model.predict_set(texts, **options)
    assert np.average(sets[np.arange(4000), truth], weights=chance) == pytest.approx(0.8, abs=0.02)
    classes = {name: list(view.topics_of(name)) for name in view.classes}
    unknown = model.replace_customer({"customer": "two", "classes": classes}).predict_set(texts, **options)
    assert unknown[np.arange(4000), truth].mean() == pytest.approx(0.8, abs=0.02)
    assert (unknown != sets).any()


def test_each_customer_may_be_promised_by_itself(model, tiny) -> None:
    texts, topics = HELD_OUT
    labels, views = as_said_by(tiny, topics)
    model.conformalize(texts, labels, views=views)
    customers = [("one", "three", None)[number % 3] for number in range(200)]
    found = model.predict_set(NEW[0], customers=customers, coverage=0.8)
    for start, name in enumerate(customers[:3]):
        own = copy.copy(model)
        if name is not None:
            rows = [place for place, view in enumerate(views) if view == name]
            own.conformalize([texts[p] for p in rows], [labels[p] for p in rows], views=name)
        assert (found[start::3] == own.predict_set(NEW[0][start::3], coverage=0.8)).all()
    with pytest.raises(
        ConfigError, match="no held-out document is of 'four', so nothing can be promised to it; of: 'one'"
    ):
        model.predict_set(NEW[0], customers="four")


def test_of_coarse_labels_alone_more_is_kept_than_promised(model, tiny) -> None:
    labels, views = as_said_by(tiny, HELD_OUT[1])
    sets = model.conformalize(*HELD_OUT).predict_set(NEW[0], coverage=0.8)
    coarse = model.conformalize(HELD_OUT[0], labels, views=views).predict_set(NEW[0], coverage=0.8)
    assert (sets <= coarse).all()
    assert coarse.sum() > sets.sum()


def test_calibrating_before_or_after_is_the_same(model) -> None:
    other = copy.copy(model).calibrate(*HELD_OUT, method="bias_corrected").conformalize(*HELD_OUT)
    model.conformalize(*HELD_OUT).calibrate(*HELD_OUT, method="bias_corrected")
    for options in ({}, {"at": "two"}, {"score": "aps"}):
        assert (model.predict_set(NEW[0], **options) == other.predict_set(NEW[0], **options)).all()


def test_a_customer_that_comes_later_is_promised_too(model, tiny) -> None:
    model.conformalize(*HELD_OUT)
    model.add_customer({"customer": "four", "classes": {"AB": ["A", "B"], "EF": ["E", "F"]}, "partial": True})
    known = np.array([topic in "ABEF" for topic in NEW[1]])
    truth = np.array([int(topic in "EF") for topic in NEW[1]])[known]
    for calibrated_at in (None, "four"):
        sets = model.predict_set(NEW[0], at="four", calibrated_at=calibrated_at, coverage=0.9)[known]
        assert sets[np.arange(len(truth)), truth].mean() > 0.85
    assert sets.sum(axis=1).mean() < 1.6


def test_no_batch_and_no_order_shows(model) -> None:
    texts = NEW[0]
    model.conformalize(*HELD_OUT)
    sets, nodes = model.predict_set(texts, at="one"), model.predict_nodes(texts)
    assert (model.predict_set(texts[::-1], at="one")[::-1] == sets).all()
    assert model.predict_nodes(texts[::-1])[::-1] == nodes
    assert (model.predict_set(texts[3:4], at="one") == sets[3:4]).all()


def test_a_saved_model_keeps_its_promises(model, tiny, tmp_path) -> None:
    labels, views = as_said_by(tiny, HELD_OUT[1])
    model.conformalize(HELD_OUT[0], labels, views=views).save_pretrained(tmp_path / "model")
    loaded = HierarchicalTextClassifier.from_pretrained(tmp_path / "model")
    for options in ({}, {"at": "two", "coverage": 0.7}, {"customers": "three", "score": "aps"}):
        assert (loaded.predict_set(NEW[0], **options) == model.predict_set(NEW[0], **options)).all()
    assert (loaded.predict_or_coarsen(NEW[0], accuracy=0.7) == model.predict_or_coarsen(NEW[0], accuracy=0.7)).all()
    settings = json.loads((tmp_path / "model" / "config.json").read_text())
    settings["heldout"] = ["one"]
    (tmp_path / "model" / "config.json").write_text(json.dumps(settings))
    with pytest.raises(ModelFolderError, match="held-out documents of 6 topics and 1 customers"):
        HierarchicalTextClassifier.from_pretrained(tmp_path / "model")
    del settings["heldout"]
    (tmp_path / "model" / "config.json").write_text(json.dumps(settings))
    assert HierarchicalTextClassifier.from_pretrained(tmp_path / "model").heldout_ is None


def test_nothing_is_promised_before_documents_are_shown_nor_after_another_fit(model, tiny_documents) -> None:
    for ask in (model.predict_set, model.predict_nodes, lambda texts: model.predict_or_coarsen(texts, accuracy=0.9)):
        with pytest.raises(ConfigError, match="before 'conformalize' has seen labelled documents"):
            ask(["a1"])
    assert len(model.conformalize(*HELD_OUT).heldout_) == 300
    assert model.fit(*tiny_documents).heldout_ is None
    with pytest.raises(NotFittedError):
        HierarchicalTextClassifier("{hiercls: 1, levels: [topic], topics: [A, B]}").predict_set(["a"])


def test_what_cannot_be_promised(model) -> None:
    with pytest.raises(DataError, match="got none"):
        model.conformalize([], [])
    with pytest.raises(DataError, match="'Q'"):
        model.conformalize(["a"], ["Q"])
    model.conformalize(*HELD_OUT)
    with pytest.raises(ConfigError, match="coverage between 0 and 1, got 90"):
        model.predict_set(["a"], coverage=90)
    with pytest.raises(ConfigError, match="did you mean 'one'"):
        model.predict_set(["a"], at="onee")
    for options in ({}, {"threshold": 0.5, "accuracy": 0.9}):
        with pytest.raises(ConfigError, match="a threshold or an accuracy, one of the two"):
            model.predict_or_coarsen(["a"], **options)
    assert model.predict_or_coarsen(["a1"], accuracy=0.999).tolist() == [None]  # 300 documents cannot make this sure
    assert model.predict_set([]).shape == (0, 6)


def test_a_model_that_promises_nothing_yet_can_be_looked_at(tiny: Taxonomy, tiny_documents) -> None:
    model = HierarchicalTextClassifier(tiny, encoder=None).fit(*tiny_documents)
    assert not hasattr(model, "promises_")
    if "__dir__" in vars(BaseEstimator):  # older versions list whatever the class has
        assert "promises_" not in dir(model)
    assert "HierarchicalTextClassifier" in model._repr_html_()  # as a notebook shows it
