"""Explanations against brute force, on trees and DAGs, for partial, overlapping and prior-shifted customers."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from hiercls.data.rows import Row
from hiercls.errors import ConfigError, DataError
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.explain import explain
from hiercls.model.heads import HeadConfig
from hiercls.model.terms import LexicalConfig
from hiercls.taxonomy import Taxonomy
from hiercls.training.config import TrainingConfig

Documents = tuple[list[str], list[str]]
RAGGED_DAG = """
hiercls: 1
levels: [area, field, topic]
topics: {X: {P: {A: , B: }, Q: {B: , C: }}, Y: {R: {D: , E: }}, F: }
multi_parent: [B]
customers:
  one: {ABC: [A, B, C], D: D, EF: [E, F]}
  part: {partial: true, classes: {AB: [A, B], D: D}}
  over: {overlapping: true, classes: {ABC: [A, B, C], CDEF: [C, D, E, F]}}
  whole: {all: [A, B, C, D, E, F]}
"""
QUICK = TrainingConfig(epochs=15, batch_size=16, learning_rate=0.03, weight_decay=0.01)
VIEWS = ["area", "field", "topic", "one", "part", "over", "whole"]
TEXT = "the A0 of b1 a0, and c2 d3 a0"
SAID = ["the", "a0", "of", "b1", "and", "c2", "d3"]


@pytest.fixture(scope="module", params=["both", "encoder", "words"])
def model(request: pytest.FixtureRequest, tiny_bert: Path, tiny_documents: Documents) -> Any:
    """With a customer's own mix of topics, and calibrated for customer one apart."""
    classifier = HierarchicalTextClassifier(
        Taxonomy.from_yaml(RAGGED_DAG),
        encoder=None if request.param == "words" else str(tiny_bert),
        lexical=False if request.param == "encoder" else LexicalConfig(min_customers=1),
        head=HeadConfig(hidden=8, dropout=0.1),
        max_length=16,
        training=QUICK,
        precision="float32",
        priors={"part": {"A": 0.7, "D": 0.3}},
    )
    texts, topics = tiny_documents
    classifier.fit(texts, topics)
    return classifier.calibrate([*texts, "a0 b0"], [*topics, "one:ABC"], per_customer=True, method="vector")


@pytest.mark.parametrize("view", VIEWS)
def test_topics_shares_sum_to_one_and_make_up_the_class(model: HierarchicalTextClassifier, view: str) -> None:
    classes = model.taxonomy_.view(view).classes
    probabilities = model.predict_proba([TEXT], at=view)[0]
    for name, probability in zip(classes, probabilities, strict=True):
        found = explain(model, TEXT, at=view, of=name, max_words=0)
        assert found.probability == pytest.approx(probability, abs=1e-6)
        assert sum(part.share for part in found.topics) == pytest.approx(1.0)
        assert sum(part.probability for part in found.topics) == pytest.approx(probability, abs=1e-6)
        assert {part.topic for part in found.topics} == set(model.taxonomy_.view(view).topics_of(name))
    by_default = explain(model, TEXT, at=view, max_words=0)
    assert by_default.answer == model.predict([TEXT], at=view)[0]


@pytest.mark.parametrize("view", VIEWS)
def test_occlusion_is_brute_force(model: HierarchicalTextClassifier, view: str) -> None:
    found = explain(model, TEXT, at=view)
    classes = model.taxonomy_.view(view).classes
    if len(classes) == 1:
        assert found.words == ()
        return
    column = classes.index(found.answer)

    def log_odds(text: str) -> float:
        logs = model.predict_log_proba([text], at=view)[0].astype(float)
        return float(logs[column] - np.logaddexp.reduce(np.delete(logs, column)))

    assert [word.word for word in sorted(found.words, key=lambda word: word.spans)] == [
        *["the", "a0", "of", "b1", "and", "c2", "d3"]
    ]
    for word in found.words:
        without = re.sub(rf"\b{word.word}\b", "", TEXT, flags=re.IGNORECASE)
        assert word.effect == pytest.approx(log_odds(TEXT) - log_odds(without), abs=1e-4)
        assert {TEXT[start:end].lower() for start, end in word.spans} == {word.word}
    sizes = [abs(word.effect) for word in found.words]
    assert sizes == sorted(sizes, reverse=True)
    assert max(sizes) > 0.01


@pytest.mark.parametrize("view", VIEWS)
def test_lexical_weights_and_the_encoder_sum_to_the_lead(model: HierarchicalTextClassifier, view: str) -> None:
    found, taxonomy = explain(model, TEXT, at=view, max_words=0), model.taxonomy_
    if view == "whole":
        assert found.duel is None
        return
    assert found.duel is not None
    scorer = dataclasses.replace(model.scorer_, calibration=None)
    places = [taxonomy.topics.index(name) for name in (found.duel.topic, found.duel.rival)]
    logs = scorer.topics([TEXT])[0].double()
    assert found.duel.lead == pytest.approx(float(logs[places[0]] - logs[places[1]]), abs=1e-4)
    members = taxonomy.view(view).topics_of(found.answer)
    assert found.duel.topic in members
    assert found.duel.rival not in members
    assert taxonomy.view(view).scope[places].all()
    if scorer.lexical is None:
        assert found.duel.terms == ()
    else:
        words = (scorer.lexical.terms.features([TEXT]).toarray() @ scorer.lexical.term_weights)[0]
        assert found.duel.words == pytest.approx(float(words[places[0]] - words[places[1]]), abs=1e-5)
        assert {term.term for term in found.duel.terms} == set(SAID)
    assert (found.duel.encoder == 0.0) == (scorer.engine is None)
    assert scorer.engine is None or found.duel.mix == 0.0


def rows(tiny_documents: Documents) -> list[Row]:
    """One of each customer in turn, and one of nobody."""
    makers = [
        lambda text: Row(text=f"{text} one", labels=(("one", "ABC"),)),
        lambda text: Row(text=f"{text} part", labels=(("part", "AB"),), customer="part"),
        lambda text: Row(text=f"{text} one", customer="one"),
        lambda text: Row(text=f"{text} part", labels=((None, "part:D"),)),
        lambda text: Row(text=f"{text} part", labels=((None, "A"),), customer="part"),
        lambda text: Row(text=f"{text} part", labels=((None, "one:ABC"), ("part", "AB"))),
        lambda text: Row(text=f"{text} nobody", labels=(("field", "P"),)),
    ]
    return [makers[number % len(makers)](text) for number, text in enumerate(tiny_documents[0])]


def test_nearest_documents_are_brute_force_among_the_askers_own(
    model: HierarchicalTextClassifier, tiny_documents: Documents
) -> None:
    pool = rows(tiny_documents)
    found = explain(model, TEXT, at="one", documents=pool, n_neighbours=5, max_words=0)
    own = [place for place, row in enumerate(pool) if not row.text.endswith("part")]
    assert found.n_documents == len(own)
    texts, scorer = [TEXT, *(pool[place].text for place in own)], model.scorer_
    if scorer.engine is not None:
        read = scorer.engine.encode(texts)
    else:
        assert scorer.lexical is not None
        read = scorer.lexical.terms.features(texts)
    cosines = cosine_similarity(read[:1], read[1:])[0]
    likest = np.sort(cosines)[::-1][:5]
    np.testing.assert_allclose([near.similarity for near in found.neighbours], likest, atol=1e-5)
    for near in found.neighbours:
        assert near.similarity == pytest.approx(cosines[own.index(near.place)], abs=1e-5)
        assert near.text == pool[near.place].text
    kinds = {near.text.split()[-1]: near.labels for near in explain(
        model, TEXT, at="one", documents=pool, n_neighbours=99, max_words=0).neighbours}  # fmt: skip
    assert set(kinds) == {"one", "nobody"}
    assert kinds["nobody"] == ("field:P",)


@pytest.mark.parametrize("asker", ["topic", "over"])
def test_a_level_and_another_customer_see_nobodys_documents_alone(
    model: HierarchicalTextClassifier, tiny_documents: Documents, asker: str
) -> None:
    pool = rows(tiny_documents)
    found = explain(model, TEXT, at=asker, documents=pool, n_neighbours=99, max_words=0)
    assert {near.text.split()[-1] for near in found.neighbours} == {"nobody"}
    owned = [row for row in pool if not row.text.endswith("nobody")]
    with pytest.raises(ConfigError, match=f"all {len(owned)} documents belong to customers other than '{asker}'"):
        explain(model, TEXT, at=asker, documents=owned, max_words=0)


def test_bare_texts_are_the_askers_and_an_empty_text_has_a_likeness(model: HierarchicalTextClassifier) -> None:
    found = explain(model, "", at="one", documents=["a0", "", "zebra"], n_neighbours=9)
    assert (found.words, found.n_words) == ((), 0)
    assert [near.labels for near in found.neighbours] == [(), (), ()]
    assert np.isfinite([near.similarity for near in found.neighbours]).all()
    assert str(found)


def test_occluded_texts_are_not_kept_on_disk(model: HierarchicalTextClassifier, tmp_path: Path) -> None:
    engine = model.scorer_.engine
    if engine is None or engine.cache is None:
        assert engine is None
        return
    explain(model, TEXT, at="one")
    before = sorted(engine.cache.folder.iterdir())
    explain(model, TEXT, at="one")
    assert sorted(engine.cache.folder.iterdir()) == before


def test_what_cannot_be_explained_is_said(model: HierarchicalTextClassifier) -> None:
    with pytest.raises(ConfigError, match="ABD"):
        explain(model, TEXT, at="one", of="ABD")
    with pytest.raises(DataError, match="Nowhere"):
        explain(model, TEXT, at="one", documents=[Row(text="x", labels=(("one", "Nowhere"),))])
    with pytest.raises(ConfigError, match="max_words"):
        explain(model, TEXT, max_words=-1)


def test_words_beyond_the_limit_are_counted_and_said(model: HierarchicalTextClassifier) -> None:
    found = explain(model, TEXT, at="one", max_words=3)
    assert {word.word for word in found.words} == {"the", "a0", "of"}
    assert found.n_words == 7
    assert "4 later ones not tried" in str(found)


def test_plain_data_is_json(model: HierarchicalTextClassifier) -> None:
    found = explain(model, TEXT, at="over", documents=["a0"])
    again = json.loads(json.dumps(found.to_dict()))
    assert again["answer"] == found.answer
    assert again["topics"][0]["share"] == found.topics[0].share
