"""What a trained model finds out about a customer, as a user asks."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from hiercls.customers import estimate_mix
from hiercls.data.rows import Row
from hiercls.errors import ConfigError, DataError
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.explain import explain

MIX = np.array([0.02, 0.6, 0.02, 0.02, 0.32, 0.02])


def written(n: int, mix: np.ndarray, *, seed: int) -> tuple[list[str], list[str]]:
    """Texts of two words, mostly of their topic."""
    random = np.random.default_rng(seed)
    topics = random.choice(list("ABCDEF"), size=n, p=mix).tolist()
    words = [[t if random.random() < 0.6 else random.choice(list("ABCDEF")) for _ in range(2)] for t in topics]
    return [" ".join(f"{letter.lower()}{random.integers(6)}" for letter in said) for said in words], topics


def filed(tiny, name: str, topics: list[str]) -> list[str]:
    """The class of each topic."""
    view = tiny.view(name)
    return [next(one for one in view.classes if topic in view.topics_of(one)) for topic in topics]


@pytest.fixture(scope="module")
def trained(tiny, tiny_documents) -> HierarchicalTextClassifier:
    calibration = written(400, np.full(6, 1 / 6), seed=9)
    model = HierarchicalTextClassifier(tiny, encoder=None).fit(*tiny_documents)
    return model.calibrate(*calibration, method="bias_corrected")


@pytest.fixture
def model(trained) -> HierarchicalTextClassifier:
    return copy.copy(trained)


def test_the_mix_is_that_of_the_customers_room(model, tiny):
    texts, topics = written(100, MIX, seed=0)
    labels = filed(tiny, "one", topics)
    settings = {"names": tuple("ABCDEF"), "pooled": model.scorer_.mix.pooled}
    logs = model.predict_log_proba(texts)
    plain = model.estimate_prior(texts, at="one")
    np.testing.assert_allclose(plain.shares, estimate_mix(logs, **settings).shares, atol=1e-7)
    weights = np.array([tiny.view("one").weights.toarray()[:, tiny.view("one").index(label)] for label in labels])
    told = model.estimate_prior(texts, labels, at="one")
    np.testing.assert_allclose(told.shares, estimate_mix(logs, weights=weights, **settings).shares, atol=1e-7)
    assert (plain.n_labelled, told.n_labelled) == (0, 100)
    rows = [Row(text=text, labels=((None, label),)) for text, label in zip(texts, labels, strict=True)]
    np.testing.assert_array_equal(model.estimate_prior_rows(rows, at="one").shares, told.shares)


@pytest.mark.parametrize("with_labels", [False, True])
def test_a_skewed_mix_once_used_files_better_and_goes_again(model, tiny, with_labels):
    texts, topics = written(300, MIX, seed=1)
    labels = filed(tiny, "one", topics) if with_labels else None
    new, truth = written(400, MIX, seed=2)
    truth = filed(tiny, "one", truth)
    found = model.estimate_prior(texts, labels, at="one")
    assert np.abs(found.shares - MIX).max() < 0.12
    before, elsewhere = model.predict_proba(new, at="one"), model.predict_proba(new, at="two")
    score = model.score(new, truth, views="one")
    assert model.set_prior(found, at="one") is model
    assert model.score(new, truth, views="one") > score + 0.03
    assert model.priors == {"one": found.prior}
    np.testing.assert_array_equal(model.predict_proba(new, at="two"), elsewhere)
    np.testing.assert_array_equal(model.set_prior(None, at="one").predict_proba(new, at="one"), before)


def test_adapting_changes_one_customer_alone_and_is_saved(model, tiny, tmp_path):
    texts, topics = written(200, np.full(6, 1 / 6), seed=11)
    labels = ["F" if topic == "C" else filed(tiny, "two", [topic])[0] for topic in topics]
    new, truth = written(400, np.full(6, 1 / 6), seed=12)
    truth = ["F" if topic == "C" else filed(tiny, "two", [topic])[0] for topic in truth]
    others = ["topic", "area", "one", "three"]
    before, score = model.predict_proba_many(new, at=others), model.score(new, truth, views="two")
    found = model.adapt(texts, labels, at="two")
    assert found.helps
    assert found.moved[0][:2] == ("C", "F")
    assert model.score(new, truth, views="two") > score + 0.05
    after = model.predict_proba(new, at="two")
    np.testing.assert_allclose(after.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(model.predict_proba_many(new, at=["two", "one"])["two"], after, atol=1e-6)
    for name in others:
        np.testing.assert_array_equal(model.predict_proba_many(new, at=others)[name], before[name])
    model.save_pretrained(tmp_path / "model")
    loaded = HierarchicalTextClassifier.from_pretrained(tmp_path / "model")
    np.testing.assert_allclose(loaded.predict_proba(new, at="two"), after, atol=1e-6)
    assert not any(file.suffix in {".pkl", ".pt", ".bin"} for file in (tmp_path / "model").iterdir())
    loaded.replace_customer({"customer": "two", "classes": {"A": "A", "BC": ["B", "C"], "DE": ["D", "E"], "F": "F"}})
    assert (loaded.scorer_.filings, loaded.priors) == ({}, None)


def test_what_is_not_sure_to_help_is_left(model, tiny):
    texts, topics = written(9, MIX, seed=13)
    before = model.predict_proba(texts, at="one")
    found = model.adapt(texts, filed(tiny, "one", topics), at="one")
    assert not found.helps
    np.testing.assert_array_equal(model.predict_proba(texts, at="one"), before)
    with pytest.raises(ConfigError, match="to adapt to, got none"):
        model.adapt_rows([Row(text="a1"), Row(text="a1", labels=(("two", "A"),))], at="one")


def test_an_explanation_names_the_topics_that_are_filed_elsewhere(model, tiny):
    texts, topics = written(200, np.full(6, 1 / 6), seed=11)
    labels = ["F" if topic == "C" else filed(tiny, "two", [topic])[0] for topic in topics]
    model.adapt(texts, labels, at="two")
    found = explain(model, "c1 c2 c3", at="two")
    assert found.answer == "F"
    assert found.topics[0].topic == "C"
    assert sum(part.probability for part in found.topics) == pytest.approx(found.probability, abs=1e-5)


def test_a_customer_that_leaves_topics_out_has_a_mix_of_the_others(model):
    model.add_customer("{customer: half, partial: true, classes: {First: [A, B], Second: [E]}}")
    texts, _ = written(60, MIX, seed=3)
    found = model.estimate_prior(texts, [None] * 59 + ["Second"], at="half")
    assert set(found.prior) == set("ABE")
    assert found.n_labelled == 1


def test_what_cannot_be_is_said(model):
    with pytest.raises(ConfigError, match="unknown customer 'onee'; did you mean 'one'"):
        model.estimate_prior(["a1"], at="onee")
    with pytest.raises(ConfigError, match="unknown customer 'area'"):
        model.set_prior({"A": 1}, at="area")
    with pytest.raises(DataError, match="'AB' is no class of 'one'"):
        model.estimate_prior(["a1"], ["AB"], at="one")
    with pytest.raises(ConfigError, match="expected documents"):
        model.estimate_prior([], at="one")


FOUR = "{customer: four, classes: {A: A, BD: [B, D], C: C, EF: [E, F]}}"
"""With one and three it tells all topics apart, as two does."""


def union(tiny, *, n: int, seed: int) -> tuple[list[str], list[str], list[str]]:
    """Documents of four customers in turn; customer two files half of D under A."""
    tiny = tiny.with_customer(FOUR)
    random = np.random.default_rng(seed)
    texts, topics = written(n, np.full(6, 1 / 6), seed=seed)
    views = [tiny.customers[number % 4] for number in range(n)]
    labels = [filed(tiny, view, [topic])[0] for view, topic in zip(views, topics, strict=True)]
    for number, (view, topic) in enumerate(zip(views, topics, strict=True)):
        if (view, topic) == ("two", "D") and random.random() < 0.5:
            labels[number] = "A"
    return texts, labels, views


@pytest.mark.parametrize("folds", [None, 2])
def test_what_a_customer_files_elsewhere_is_found(model, tiny, folds):
    model.add_customer(FOUR)
    texts, labels, views = union(tiny, n=1600, seed=4)
    found = model.audit(texts, labels, views=views, at="two", folds=folds)
    assert [(finding.about, finding.filed) for finding in found.findings] == [("D", "A")]
    assert found.n_documents == 400
    assert found.shares[3, 0] == pytest.approx(0.5, abs=0.15)
    assert found.findings[0].examples
    own = [text for text, view in zip(texts, views, strict=True) if view == "two"]
    assert all("d" in own[place] for place in found.findings[0].examples)
    assert model.audit(texts, labels, views=views, at="four").findings == ()


def test_cross_fitting_sees_neither_the_customer_nor_what_it_looks_at(model, tiny, monkeypatch):
    model.add_customer(FOUR)
    texts, labels, views = union(tiny, n=120, seed=5)
    seen = []
    original = HierarchicalTextClassifier.fit_rows

    def fit_rows(self, rows, **settings):
        seen.append([row.text for row in rows])
        return original(self, rows, **settings)

    monkeypatch.setattr(HierarchicalTextClassifier, "fit_rows", fit_rows)
    model.audit(texts, labels, views=views, at="two", folds=3)
    others = [text for text, view in zip(texts, views, strict=True) if view != "two"]
    assert [len(part) for part in seen] == [60, 60, 60]
    assert sorted(text for part in seen for text in part) == sorted(others * 2)


@pytest.mark.parametrize(
    ("views", "folds", "said"),
    [("two", None, "of 'two' and of other customers, got 2 and 0"), (["two", "one"], 3, "expected 2 folds or more")],
)
def test_an_audit_that_cannot_be_is_refused(model, views, folds, said):
    with pytest.raises(ConfigError, match=said):
        model.audit(["a1", "d1"], ["A", "A"] if views == "two" else ["A", "ABC"], views=views, at="two", folds=folds)


def test_classes_are_inferred_and_the_draft_is_a_customer(model, tiny):
    texts, topics = written(150, np.full(6, 1 / 6), seed=6)
    found = model.infer_classes(texts, filed(tiny, "two", topics))
    model.add_customer(found.yaml("acme"))
    new, truth = written(200, np.full(6, 1 / 6), seed=7)
    assert found.n_documents == 150
    assert model.score(new, filed(tiny, "two", truth), views="acme") > 0.9 * model.score(
        new, filed(tiny, "two", truth), views="two"
    )
    assert len(model.worth_labelling(new, found, n_documents=4)) == 4


def test_names_are_read_where_there_is_an_encoder(tiny, tiny_bert, tiny_documents):
    model = HierarchicalTextClassifier(tiny, encoder=tiny_bert, max_length=16, lexical=False, cache=False)
    model.fit(*tiny_documents)
    encoded = model.scorer_.engine.encode([*(f"{topic}." for topic in tiny.topics), "K", "L"])
    from hiercls.customers import infer_classes, name_prior

    logs = model.scorer_.topics(["a1", "e1 e2"]).numpy()
    settings = {"names": tiny.topics, "classes": ("K", "L"), "pooled": model.scorer_.mix.pooled}
    expected = infer_classes(logs, [0, 1], prior=name_prior(encoded[:6], encoded[6:]), **settings)
    found = model.infer_classes(["a1", "e1 e2"], ["K", "L"])
    np.testing.assert_allclose(found.posterior, expected.posterior, atol=1e-5)


def test_advice_says_adapt_where_a_customer_files_elsewhere(model, tiny):
    texts, topics = written(150, np.full(6, 1 / 6), seed=21)
    labels = ["F" if topic == "C" else filed(tiny, "two", [topic])[0] for topic in topics]
    before = model.predict_proba(texts, at="two")
    found = model.advise(texts, labels, at="two")
    place = dict(zip(found.ways, found.accuracy, strict=True))
    alone = np.mean(np.array(labels) == model.predict(texts, at="two"))
    assert place["the YAML alone"] == pytest.approx(alone)
    assert place["adapt, its mix and filing"] > alone + 0.05
    assert found.ways[found.best] != "the YAML alone"
    np.testing.assert_array_equal(model.predict_proba(texts, at="two"), before)
    rows = [Row(text=text, labels=(("two", label),)) for text, label in zip(texts, labels, strict=True)]
    np.testing.assert_array_equal(model.advise_rows([*rows, Row(text="a1")], at="two").accuracy, found.accuracy)


def test_without_a_yaml_classes_are_inferred_or_learnt(model):
    texts, topics = written(60, np.full(6, 1 / 6), seed=22)
    found = model.advise(texts, ["left" if topic in "ABF" else "right" for topic in topics])
    assert not any("YAML alone" in way or "adapt" in way for way in found.ways)
    assert found.accuracy.max() > 0.7
    with pytest.raises(ConfigError, match="20 labelled documents"):
        model.advise(texts[:10], topics[:10])
