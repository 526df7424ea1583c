"""Other topics laid over the trained ones, against sums by hand and on documents."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import logsumexp

from hiercls.errors import ConfigError
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.taxonomy import Taxonomy
from hiercls.training.config import TrainingConfig

FIVE = """
hiercls: 1
levels: [area, topic]
topics: {X: [A, B, C], Y: [D, E]}
customers: {one: {ABC: [A, B, C], D: D, E: E}}
"""
SIX = FIVE.replace("[D, E]", "[D, E, F]").replace("E: E}", "EF: [E, F]}")


@pytest.fixture(scope="module")
def documents() -> tuple[list[str], np.ndarray]:
    random = np.random.default_rng(1)
    topics = np.array(list("ABCDEF") * 40)
    return [" ".join(f"{topic.lower()}{word}" for word in random.integers(6, size=4)) for topic in topics], topics


@pytest.fixture
def model(tiny_bert, tmp_path, documents, monkeypatch) -> HierarchicalTextClassifier:
    monkeypatch.setenv("HIERCLS_CACHE", str(tmp_path / "cache"))
    texts, topics = documents
    known = [place for place in range(120) if topics[place] != "F"]
    classifier = HierarchicalTextClassifier(
        Taxonomy.from_yaml(FIVE),
        encoder=tiny_bert,
        max_length=16,
        training=TrainingConfig(epochs=20),
        validation_fraction=0.0,
    )
    return classifier.fit([texts[place] for place in known], topics[known])


def new_documents(documents) -> tuple[list[str], np.ndarray]:
    texts, topics = documents
    return texts[120:], topics[120:]


def test_a_new_topic_is_learnt_from_few_documents_and_old_ones_are_not_forgotten(model, documents, tmp_path):
    texts, topics = new_documents(documents)
    before = model.predict_proba(texts)
    old = topics != "F"
    accuracy = model.score(np.array(texts)[old], topics[old])
    few = [text for text, topic in zip(*documents, strict=True) if topic == "F"][:20]
    assert model.extend(SIX, few, ["F"] * 20) is model
    after = model.predict_proba(texts)
    np.testing.assert_allclose(after.sum(axis=1), 1, atol=1e-5)
    kept = model.predict_log_proba(texts)[:, :5].astype(float)
    np.testing.assert_allclose(np.exp(kept - logsumexp(kept, axis=1, keepdims=True)), before, atol=1e-3)
    assert model.score(np.array(texts)[~old], topics[~old]) > 0.7
    assert model.score(np.array(texts)[old], topics[old]) > accuracy - 0.05
    assert set(model.predict(np.array(texts)[~old], at="one")) >= {"EF"}
    model.save_pretrained(tmp_path / "model")
    loaded = HierarchicalTextClassifier.from_pretrained(tmp_path / "model")
    np.testing.assert_allclose(loaded.predict_proba(texts), after, atol=1e-6)
    scores = loaded.novelty_score(texts)
    np.testing.assert_allclose(scores, model.novelty_score(texts), rtol=1e-5)
    loaded.calibrate(texts, topics)
    np.testing.assert_allclose(loaded.predict_proba(texts).sum(axis=1), 1, atol=1e-5)


def test_parts_sum_to_what_they_are_parts_of_and_mergers_are_sums(model, documents):
    texts, _ = new_documents(documents)
    before = model.predict_proba(texts)
    parts = ["A1" if int(text[1]) < 3 else "A2" for text, topic in zip(*documents, strict=True) if topic == "A"]
    own = [text for text, topic in zip(*documents, strict=True) if topic == "A"]
    split = FIVE.replace("X: [A, B, C]", "X: [A1, A2, BC]").replace("[A, B, C]", "[A1, A2, BC]")
    model.extend(split, own, parts, sources={"A1": "A", "A2": "A", "BC": ["B", "C"]})
    after = model.predict_proba(texts)
    np.testing.assert_allclose(after[:, 0] + after[:, 1], before[:, 0], atol=1e-5)
    np.testing.assert_allclose(after[:, 2], before[:, 1] + before[:, 2], atol=1e-5)
    np.testing.assert_allclose(after[:, 3:], before[:, 3:], atol=1e-5)
    back = FIVE.replace("[A, B, C]", "[A, BC]")
    model.extend(back, sources={"A": ["A1", "A2"]})
    np.testing.assert_allclose(model.predict_proba(texts)[:, 0], before[:, 0], atol=1e-5)


def test_new_names_change_no_answer(model, documents):
    texts, _ = new_documents(documents)
    model.set_prior({"A": 3, "D": 1}, at="one")
    before = {name: model.predict_proba(texts, at=name) for name in ("topic", "one")}
    model.rename({"A": "Alpha", "one": "uno", "one:ABC": "first"})
    assert model.taxonomy_.view("uno").classes[0] == "first"
    assert model.priors["uno"]["Alpha"] > 0.7
    np.testing.assert_allclose(model.predict_proba(texts), before["topic"], atol=1e-6)
    np.testing.assert_allclose(model.predict_proba(texts, at="uno"), before["one"], atol=1e-6)


def test_a_new_topic_is_a_discriminant_by_hand(model, documents):
    few = [text for text, topic in zip(*documents, strict=True) if topic == "F"][:10]
    texts, _ = new_documents(documents)
    old = model.predict_log_proba(texts).astype(float)
    model.extend(SIX, few, ["F"] * 10)
    extension, density = model.scorer_.extensions[0], model.scorer_.novelty.density
    encodings = model.scorer_.engine.encode(texts)
    x = (encodings.astype(float) - density.centre) @ density.projection.T
    mean = (model.scorer_.engine.encode(few).astype(float) - density.centre).sum(axis=0) @ density.projection.T / 11
    np.testing.assert_allclose(extension.means[5], mean, atol=1e-4)
    fits = [-0.5 * ((x - m) ** 2 / density.spread).sum(axis=1) for m in (*density.means, mean)]
    likelihoods = np.exp(0.3 * (np.stack(fits, axis=1) - max(part.max() for part in fits)))
    new = likelihoods[:, 5] / 6
    rest = likelihoods[:, :5] @ extension.mix_before * 5 / 6
    np.testing.assert_allclose(model.predict_proba(texts)[:, 5], new / (new + rest), atol=1e-4)
    np.testing.assert_allclose(
        model.predict_proba(texts)[:, :5], np.exp(old) * (rest / (new + rest))[:, None], atol=1e-4
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, r"got none of \['F'\]"),
        ({"sources": {"F": "Z"}}, "'Z' is no topic that the model has"),
        ({"sources": {"G": "A"}}, "'G' is no topic of the new taxonomy"),
        ({"texts": ["f1"], "labels": ["topic:F"], "sources": {"F": "E"}}, r"got none of \['E'\]"),
    ],
)
def test_what_cannot_be_is_said(model, given, said):
    with pytest.raises(ConfigError, match=said):
        model.extend(SIX, **given)
    assert torch.is_tensor(model.scorer_.topics(["a1"]))


def test_words_alone_may_be_merged_but_not_extended():
    words = HierarchicalTextClassifier("{hiercls: 1, levels: [topic], topics: [A, B, C]}", encoder=None)
    words.fit(["red fox", "red hen", "blue sea", "blue sky", "old map", "old log"] * 3, list("AABBCC") * 3)
    before = words.predict_proba(["red blue old"])
    with pytest.raises(ConfigError, match="told by the encoder"):
        words.extend("{hiercls: 1, levels: [topic], topics: [A, B, C, D]}", ["d"], ["D"])
    words.extend("{hiercls: 1, levels: [topic], topics: [AB, C]}", sources={"AB": ["A", "B"]})
    np.testing.assert_allclose(words.predict_proba(["red blue old"])[:, 0], before[:, :2].sum(axis=1), atol=1e-5)
