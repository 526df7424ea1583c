"""Encoders repurposed by training: what is dropped, forgotten and frozen, and that they learn and survive a folder."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning

from hiercls.customers.retraining import EncoderRepurposer, Surgery
from hiercls.errors import ConfigError, ModelFolderError
from hiercls.model.encoder import EncoderConfig, load_encoder
from hiercls.model.surgery import layer_names

LABELS = {"A": "low", "B": "low", "C": "low", "D": "high", "E": "high", "F": "high"}


@pytest.fixture
def encoder(tiny_bert):
    return load_encoder(EncoderConfig(name=str(tiny_bert), max_length=16))


@pytest.fixture
def documents(tiny_documents):
    texts, topics = tiny_documents
    return texts, [LABELS[topic] for topic in topics]


@pytest.mark.parametrize(
    "surgery",
    [
        None,
        Surgery(top="encoder.layer.0", learning_rates={"": 1e-3}),
        Surgery(frozen=["embeddings"], forgotten=["encoder.layer.1"], learning_rates={"encoder.layer": 1e-3}),
    ],
)
def test_it_learns_and_survives_a_folder(encoder, documents, surgery, tmp_path):
    texts, labels = documents
    before = {name: value.clone() for name, value in encoder.transformer.state_dict().items()}
    repurposer = EncoderRepurposer(encoder, surgery=surgery, epochs=10, learning_rate=0.1).fit(texts[:72], labels[:72])
    assert np.mean(repurposer.predict(texts[72:]) == np.array(labels[72:])) > 0.8
    assert all(torch.equal(value, before[name]) for name, value in encoder.transformer.state_dict().items())
    probabilities = repurposer.predict_proba(texts)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    repurposer.save(tmp_path / "folder")
    loaded = EncoderRepurposer.load(tmp_path / "folder")
    np.testing.assert_allclose(loaded.predict_proba(texts), probabilities, atol=1e-6)
    assert loaded.predict(texts).tolist() == repurposer.predict(texts).tolist()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    (tmp_path / "mine" / "head.safetensors").write_bytes(b"of another library")
    with pytest.raises(ModelFolderError, match="no encoder repurposer"):
        repurposer.save(tmp_path / "mine")
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


def test_a_save_that_fails_leaves_what_stood_there(encoder, documents, tmp_path, monkeypatch):
    texts, labels = documents
    first = EncoderRepurposer(encoder, epochs=10, learning_rate=0.1).fit(texts[:40], labels[:40])
    first.save(tmp_path / "folder")
    second = EncoderRepurposer(encoder, epochs=10, learning_rate=0.1).fit(texts[40:80], labels[40:80])

    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="No space left"):
            second.save(tmp_path / "folder")
    kept = EncoderRepurposer.load(tmp_path / "folder")
    np.testing.assert_allclose(kept.predict_proba(texts), first.predict_proba(texts), atol=1e-6)
    assert [file.name for file in tmp_path.iterdir()] == ["folder"]
    second.save(tmp_path / "folder")
    again = EncoderRepurposer.load(tmp_path / "folder")
    np.testing.assert_allclose(again.predict_proba(texts), second.predict_proba(texts), atol=1e-6)


@pytest.mark.filterwarnings("ignore:the head has not converged")
def test_steps_over_parts_are_those_over_the_whole(encoder, documents, monkeypatch):
    texts, labels = documents
    monkeypatch.setattr("hiercls.customers.retraining.fast_precision", lambda device: torch.float32)
    whole = EncoderRepurposer(encoder, epochs=3).fit(texts[:40], labels[:40]).predict_proba(texts)
    monkeypatch.setattr("hiercls.model.encoder.CPU_BATCH_TOKENS", 20)
    parts = EncoderRepurposer(encoder, epochs=3).fit(texts[:40], labels[:40]).predict_proba(texts)
    np.testing.assert_allclose(parts, whole, atol=1e-4)


def test_only_what_is_not_frozen_moves_and_layers_are_dropped(encoder, documents):
    bottom, top = layer_names(encoder.transformer)
    surgery = Surgery(frozen=["embeddings", bottom])
    whole = EncoderRepurposer(encoder, surgery=surgery, epochs=1, learning_rate=0.1)
    with pytest.warns(ConvergenceWarning, match="not converged"):
        whole.set_params(epochs=1, learning_rate=1e-6).fit(*documents)
    moved = {
        name
        for name, value in whole.encoder_.transformer.state_dict().items()
        if not torch.equal(value, encoder.transformer.state_dict()[name])
    }
    assert moved
    assert all(name.startswith(f"{top}.") for name in moved)
    cut = Surgery(top=bottom).performed(encoder.transformer, seed=0)
    assert layer_names(cut) == (bottom,)


def test_step_sizes_are_those_of_the_longest_name(encoder):
    surgery = Surgery(learning_rates={"": 1.0, "encoder": 2.0, "encoder.layer.1": 3.0})
    sizes = {id(one): group["lr"] for group in surgery.groups(encoder.transformer) for one in group["params"]}
    for name, parameter in encoder.transformer.named_parameters():
        expected = 3.0 if name.startswith("encoder.layer.1.") else 2.0 if name.startswith("encoder.") else 1.0
        assert sizes[id(parameter)] == expected, name


def test_what_cannot_be_is_said(encoder, documents, tmp_path):
    with pytest.raises(ConfigError, match=r"encoder\.layer\.7"):
        EncoderRepurposer(encoder, surgery=Surgery(top="encoder.layer.7")).fit(*documents)
    with pytest.raises(ConfigError, match="two classes"):
        EncoderRepurposer(encoder).fit(["a0"], ["low"])
    with pytest.raises(ModelFolderError, match=r"head\.safetensors"):
        EncoderRepurposer.load(tmp_path)
