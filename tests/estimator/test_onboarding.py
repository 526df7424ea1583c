"""What a trained model finds out about a customer, as a user asks."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from hiercls.customers import estimate_mix
from hiercls.data.rows import Row
from hiercls.errors import ConfigError, DataError
from hiercls.estimator import HierarchicalTextClassifier

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
