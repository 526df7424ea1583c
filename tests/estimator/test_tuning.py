"""An encoder whose upper layers are trained, at the estimator: words beside it, saved and loaded, long texts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hiercls.errors import ConfigError
from hiercls.estimator import HierarchicalTextClassifier, fitting
from hiercls.estimator.engines import EngineConfig
from hiercls.model.encoder import EncoderConfig, load_encoder
from hiercls.model.heads import HeadConfig
from hiercls.taxonomy import Taxonomy
from hiercls.training.config import TrainingConfig
from hiercls.training.lexical import LexicalTeacher
from hiercls.training.selection import Trainer

Documents = tuple[list[str], list[str]]
Make = Callable[..., HierarchicalTextClassifier]
TRAINING = TrainingConfig(epochs=8, batch_size=16, learning_rate=0.03, encoder_learning_rate=0.01, averaging=0.1)


@pytest.fixture(scope="module")
def make(tiny: Taxonomy, tiny_bert: Path) -> Make:
    def build(*, encoder: Any = True, **settings: Any) -> HierarchicalTextClassifier:
        reads = {"name": str(tiny_bert), "max_length": 16} | (encoder if isinstance(encoder, dict) else {})
        defaults = {
            "encoder": EncoderConfig(**reads) if encoder else None,
            "tune": "last-1",
            "lexical": False,
            "training": TRAINING,
            "head": HeadConfig(hidden=32, dropout=0.1),
        }
        return HierarchicalTextClassifier(tiny, **(defaults | settings))

    return build


@pytest.mark.parametrize("encoder", [{}, {"pooling": "attention", "windows": 2, "max_length": 6}], ids=str)
def test_the_upper_layers_learn_the_lower_ones_stay_and_a_saved_model_answers_the_same(
    make: Make, tiny_bert: Path, tiny_documents: Documents, tmp_path: Path, encoder: dict[str, Any]
) -> None:
    model = make(encoder=encoder or True).fit(*tiny_documents)
    assert model.score(*tiny_documents) > 0.9
    before = load_encoder(EncoderConfig(name=str(tiny_bert), max_length=16)).transformer.state_dict()
    after = model.scorer_.engine.encoder.transformer.state_dict()
    changed = {name for name, value in after.items() if not value.equal(before[name])}
    assert changed
    assert all(".layer.1." in name for name in changed)
    model.save_pretrained(tmp_path / "model")
    again = HierarchicalTextClassifier.from_pretrained(tmp_path / "model")
    assert again.get_params()["tune"] == "last-1"
    assert again.encoder == model.encoder
    expected = model.predict_proba(tiny_documents[0])
    np.testing.assert_allclose(again.predict_proba(tiny_documents[0]), expected, atol=1e-5)
    query = model.scorer_.engine.encoder.pooling.query
    assert (query is not None) == bool(encoder)
    assert query is None or (query.any() and again.scorer_.engine.encoder.pooling.query.equal(query))


def test_what_is_trained_on_is_what_is_predicted_with(
    make: Make, tiny_documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training reads float16 states of the lower layers, prediction runs the whole encoder."""
    said: list[torch.Tensor] = []
    listen = fitting.log_topics

    def watch(*args: Any, **settings: Any) -> torch.Tensor:
        said.append(listen(*args, **settings))
        return said[-1]

    monkeypatch.setattr(fitting, "log_topics", watch)
    model = make(lexical=True).fit(*tiny_documents)
    scorer = model.scorer_
    found = scorer.head(torch.from_numpy(scorer.engine.encode(tiny_documents[0]))).topics
    torch.testing.assert_close(found, said[-1], atol=0.05, rtol=0.05)


def test_the_words_beside_a_tuned_encoder_are_weighed_on_documents_that_neither_has_learnt(
    make: Make, tiny_documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt: list[set[int]] = []
    weighed: list[tuple[set[int], torch.Tensor]] = []
    heard: list[torch.Tensor] = []
    try_on, scales, listen = Trainer.try_on, LexicalTeacher.scales, fitting.log_topics

    def watch_training(self: Trainer, training: Any, *given: Any, **settings: Any) -> Any:
        learnt.append(set(training.origins.tolist()))
        return try_on(self, training, *given, **settings)

    def watch_listening(*args: Any, **settings: Any) -> torch.Tensor:
        heard.append(listen(*args, **settings))
        return heard[-1]

    def watch_scales(self: LexicalTeacher, heldout: np.ndarray, odds: np.ndarray, encoder: Any) -> Any:
        weighed.append((set(heldout.tolist()), encoder))
        return scales(self, heldout, odds, encoder)

    monkeypatch.setattr(Trainer, "try_on", watch_training)
    monkeypatch.setattr(fitting, "log_topics", watch_listening)
    monkeypatch.setattr(LexicalTeacher, "scales", watch_scales)
    model = make(lexical=True, validation_fraction=0.25).fit(*tiny_documents)
    assert model.scorer_.lexical is not None
    (training,), ((heldout, encoder),) = learnt, weighed
    assert heldout
    assert not training & heldout
    assert training | heldout == set(range(len(tiny_documents[0])))
    assert encoder.equal(heard[0][sorted(heldout)])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"tune": "last-3"}, r"'last-1' to 'last-2'.*got 'last-3'"),
        ({"tune": "last-0"}, "'last-n' as in 'last-2', got 'last-0'"),
        ({"tune": "last"}, "got 'last'"),
        ({"tune": None}, "got None"),
        ({"tune": "none", "encoder": {"pooling": "attention"}}, "set tune='last-1' or more"),
        ({"tune": "last-1", "encoder": None}, "nothing to tune"),
        ({"task": "multilabel", "training": TrainingConfig(label_smoothing=0.1)}, "knows no label_smoothing"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    make: Make, tiny_documents: Documents, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        make(**settings).fit(*tiny_documents)


def test_all_and_last_n_of_all_layers_differ_in_the_embeddings_alone(make: Make, tiny_documents: Documents) -> None:
    models = [make(tune=tune, training=TrainingConfig(epochs=1)).fit(*tiny_documents) for tune in ("all", "last-2")]
    first, second = (model.scorer_.engine.encoder.transformer.embeddings.state_dict() for model in models)
    assert not all(first[name].equal(second[name]) for name in first)


def test_windows_have_encodings_of_their_own_in_the_cache(tiny_bert: Path) -> None:
    keys = set()
    for settings in ({}, {"windows": 2}, {"truncation": "head-tail"}, {"windows": 2, "truncation": "head-tail"}):
        encoder = load_encoder(EncoderConfig(name=str(tiny_bert), max_length=16, **settings))
        engine = EngineConfig(device="cpu", precision="float32", tune="none", cache=True).build(encoder)
        assert engine.cache is not None
        keys.add(engine.cache.folder)
    assert len(keys) == 4


def test_int8_is_for_frozen_encoders_on_a_cpu(
    make: Make, tiny_documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = make(device="cpu").build_engine().encoder
    with pytest.raises(ConfigError, match="frozen encoder; with tune='last-1' take 'auto'"):
        make(precision="int8").fit(*tiny_documents)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    config = EngineConfig(device=None, precision="int8", tune="none", cache=False)
    assert config.place == torch.device("cpu")
    assert dataclasses.replace(config, precision="auto").place == torch.device("cuda")
    with pytest.raises(ConfigError, match="or device='cpu', got 'int8'"):
        dataclasses.replace(config, device="cuda").build(encoder)


def test_an_encoder_is_trained_in_the_precision_that_is_asked(make: Make) -> None:
    for precision, trained_in in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        encoder = make(precision=precision, device="cpu").build_engine().encoder
        assert encoder.trained_in == trained_in
        assert next(encoder.parameters()).dtype == torch.float32
