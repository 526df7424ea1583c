"""The lexical branch at the estimator: with an encoder, without one, saved and loaded."""

from __future__ import annotations

import dataclasses
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hiercls.calibration import Calibration
from hiercls.data.rows import make_rows
from hiercls.errors import ConfigError, ModelFolderError
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.estimator.calibrating import calibrated
from hiercls.model.heads import HeadConfig
from hiercls.model.terms import LexicalConfig
from hiercls.taxonomy import Taxonomy
from hiercls.training.config import TrainingConfig

Documents = tuple[list[str], list[str]]
QUICK = TrainingConfig(epochs=10, batch_size=16, learning_rate=0.03, weight_decay=0.01)


@pytest.fixture(scope="module", params=["words", "both"])
def model(request: pytest.FixtureRequest, tiny: Taxonomy, tiny_bert: Path, tiny_documents: Documents) -> Any:
    encoder = None if request.param == "words" else str(tiny_bert)
    texts, topics = tiny_documents
    views = [tiny.customers[number % 3] for number in range(len(texts))]
    order = np.random.default_rng(0).permutation(len(texts))
    views = [views[place] for place in order]
    labels = [
        next(name for name in tiny.view(view).classes if topic in tiny.view(view).topics_of(name))
        for view, topic in zip(views, topics, strict=True)
    ]
    classifier = HierarchicalTextClassifier(
        tiny,
        encoder=encoder,
        max_length=16,
        lexical=LexicalConfig(max_words=2),
        training=QUICK,
        head=HeadConfig(hidden=8, dropout=0.1),
        precision="float32",
        cache=False,
    )
    return classifier.fit([f"{text} only{view}" for text, view in zip(texts, views, strict=True)], labels, views=views)


def test_coarse_labels_teach_words_the_topics(model: HierarchicalTextClassifier, tiny_documents: Documents) -> None:
    assert model.scorer_.lexical is not None
    assert model.score(*tiny_documents) > 0.8
    np.testing.assert_allclose(model.predict_proba(tiny_documents[0], at="two").sum(axis=1), 1.0, atol=1e-5)


def test_a_saved_model_answers_the_same_without_pickle(
    model: HierarchicalTextClassifier, tiny_documents: Documents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **settings: object) -> None:
        raise AssertionError("pickle was used")

    for name in ("load", "loads", "dump", "dumps", "Unpickler", "Pickler"):
        monkeypatch.setattr(pickle, name, refuse)
    monkeypatch.setattr(torch, "load", refuse)
    model.save_pretrained(tmp_path / "m")
    again = HierarchicalTextClassifier.from_pretrained(tmp_path / "m")
    np.testing.assert_allclose(
        again.predict_proba(tiny_documents[0]), model.predict_proba(tiny_documents[0]), atol=1e-6
    )
    assert again.lexical == model.lexical
    assert (again.encoder is None) == (model.encoder is None)
    names = {file.name for file in (tmp_path / "m").iterdir()}
    assert names == {"config.json", "model.safetensors", "taxonomy.yaml", "vocabulary.json"}


def test_no_byte_of_a_folder_holds_a_word_of_one_customer_alone(
    model: HierarchicalTextClassifier, tmp_path: Path
) -> None:
    model.save_pretrained(tmp_path / "m")
    for file in (tmp_path / "m").iterdir():
        content = file.read_bytes()
        assert all(f"only{name}".encode() not in content for name in model.taxonomy_.customers), file.name
    plain = model.predict_proba(["zebra"])
    for name in model.taxonomy_.customers if model.encoder is None else ():
        np.testing.assert_array_equal(model.predict_proba([f"only{name}"]), plain)


def test_a_vocabulary_that_was_cut_is_refused(model: HierarchicalTextClassifier, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path / "m")
    (tmp_path / "m" / "vocabulary.json").write_text(json.dumps(["a"]), encoding="utf-8")
    with pytest.raises(ModelFolderError, match=r"vocabulary\.json"):
        HierarchicalTextClassifier.from_pretrained(tmp_path / "m")


def test_a_customer_is_added_to_a_model_of_words(model: HierarchicalTextClassifier, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path / "m")
    again = HierarchicalTextClassifier.from_pretrained(tmp_path / "m")
    again.add_customer({"customer": "new", "classes": {"AB": ["A", "B"], "Other": "rest"}})
    assert again.predict_proba(["a0"], at="new").shape == (1, 2)


@pytest.mark.parametrize(
    "settings", [{"encoder": None, "lexical": False}, {"encoder": None, "tune": "all"}, {"lexical": "yes"}]
)
def test_settings_that_leave_nothing_to_read_are_refused(
    settings: dict[str, Any], tiny: Taxonomy, tiny_documents: Documents
) -> None:
    with pytest.raises(ConfigError):
        HierarchicalTextClassifier(tiny, **settings).fit(*tiny_documents)


def test_calibration_is_of_what_encoder_and_words_say_together(
    model: HierarchicalTextClassifier, tiny_documents: Documents
) -> None:
    calibration = calibrate_on(model, tiny_documents)
    before = model.scorer_.topics(tiny_documents[0])
    after = dataclasses.replace(model.scorer_, calibration=calibration).topics(tiny_documents[0])
    torch.testing.assert_close(after, calibration.pooled.apply(before))
    assert not torch.allclose(after, before)


def calibrate_on(model: HierarchicalTextClassifier, documents: Documents) -> Calibration:
    rows = make_rows(*documents)
    scorer = calibrated(model.taxonomy_, model.scorer_, rows, method="temperature", per_customer=False)
    assert scorer.calibration is not None
    return scorer.calibration


def test_only_the_ratios_of_sample_weights_count(tiny: Taxonomy, tiny_documents: Documents) -> None:
    texts, topics = tiny_documents
    weights = np.linspace(1.0, 2.0, len(texts))
    fits = [
        HierarchicalTextClassifier(tiny, encoder=None).fit(texts, topics, sample_weight=scale * weights)
        for scale in (1.0, 1e-4)
    ]
    np.testing.assert_allclose(*(fit.predict_proba(texts) for fit in fits), atol=1e-4)


def test_no_word_in_common_is_said_and_beside_an_encoder_words_are_left_aside(tiny: Taxonomy, tiny_bert: Path) -> None:
    texts, views, labels = ["alpha", "beta"], ["two", "three"], ["A", "F"]
    with pytest.raises(ConfigError, match="words that at least 2 customers use, found none in 2 texts"):
        HierarchicalTextClassifier(tiny, encoder=None).fit(texts, labels, views=views)
    both = HierarchicalTextClassifier(
        tiny, encoder=str(tiny_bert), max_length=16, training=QUICK, lexical=True, cache=False
    )
    assert both.fit(texts, labels, views=views).scorer_.lexical is None


def test_a_tuned_model_is_saved_whatever_its_settings_say_since(
    tiny: Taxonomy, tiny_bert: Path, tiny_documents: Documents, tmp_path: Path
) -> None:
    quick = TrainingConfig(epochs=1, batch_size=16, weight_decay=0.01)
    tuned = HierarchicalTextClassifier(tiny, encoder=str(tiny_bert), max_length=16, tune="all", training=quick)
    before = tuned.fit(*tiny_documents).predict_proba(tiny_documents[0])
    tuned.set_params(encoder=None).save_pretrained(tmp_path / "model")
    loaded = HierarchicalTextClassifier.from_pretrained(tmp_path / "model")
    np.testing.assert_allclose(loaded.predict_proba(tiny_documents[0]), before, atol=1e-5)


def test_words_alone_know_that_some_topics_are_rare(tiny: Taxonomy) -> None:
    random = np.random.default_rng(0)
    topics = random.choice(list(tiny.topics), p=[0.9, 0.02, 0.02, 0.02, 0.02, 0.02], size=600)
    noise = [f"w{number}" for number in range(40)]
    texts = [" ".join([*random.choice(noise, 8), f"only{topic}" * (random.random() < 0.5)]) for topic in topics]
    model = HierarchicalTextClassifier(tiny, encoder=None).fit(texts[:400], topics[:400])
    assert model.score(texts[400:], topics[400:]) > (topics[400:] == "A").mean()
    assert model.predict(["nothing known"]) == ["A"]
