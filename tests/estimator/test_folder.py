"""A trained estimator as a folder, and back: the same probabilities, or an error that says why not."""

from __future__ import annotations

import json
import math
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from hiercls.errors import ConfigError, EncoderNotFoundError, ModelFolderError
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.model.heads import HeadConfig
from hiercls.model.hiagm import HiagmConfig
from hiercls.taxonomy import Taxonomy
from hiercls.training.config import TrainingConfig

Documents = tuple[list[str], list[str]]
Make = Callable[..., HierarchicalTextClassifier]
QUICK = TrainingConfig(epochs=3, batch_size=16, learning_rate=0.03, weight_decay=0.01, sampling_temperature=math.inf)
SETTINGS: dict[str, Any] = {
    "max_length": 16,
    "precision": "float32",
    "lexical": False,
    "training": QUICK,
    "head": HeadConfig(hidden=8, dropout=0.1, composition="path", feed="logits"),
    "level_weights": np.array([0.5, 1.0]),
    "customer_weights": {"one": np.float32(2.0)},
    "priors": {"two": {"A": np.float64(0.5), "F": 1}},
    "random_state": np.int64(3),
}


@pytest.fixture(scope="module")
def trained(tiny: Taxonomy, tiny_bert: Path, tiny_documents: Documents) -> dict[str, HierarchicalTextClassifier]:
    """One estimator with a frozen encoder and one with a trained one, both with settings of every kind."""
    return {
        tune: HierarchicalTextClassifier(tiny, encoder=tiny_bert, tune=tune, **SETTINGS).fit(*tiny_documents)
        for tune in ("none", "all")
    }


@pytest.fixture(params=["none", "all"])
def tune(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(trained: dict[str, HierarchicalTextClassifier], tune: str, tmp_path: Path) -> Path:
    trained[tune].save_pretrained(tmp_path / "m")
    return tmp_path / "m"


def test_a_loaded_model_answers_the_same(
    trained: dict[str, HierarchicalTextClassifier], tune: str, folder: Path, tiny_documents: Documents, tiny: Taxonomy
) -> None:
    loaded = HierarchicalTextClassifier.from_pretrained(str(folder))
    for view in tiny.views:
        expected = trained[tune].predict_proba(tiny_documents[0], at=view)
        np.testing.assert_allclose(loaded.predict_proba(tiny_documents[0], at=view), expected, atol=1e-6)
    assert loaded.taxonomy_ == tiny
    assert loaded.tune == tune
    assert loaded.classes_.tolist() == list("ABCDEF")


@pytest.mark.parametrize(
    "head",
    [
        HiagmConfig(node_width=6),
        HiagmConfig(form="label_attention", structure="tree_lstm", node_width=6),
        HeadConfig(hidden=8, composition="flat", logit_adjustment=0.5),
        HeadConfig(hidden=8, composition="path", feed="none", logit_adjustment=1.0),
    ],
)
def test_any_head_comes_back_with_its_settings(
    head: Any, tiny: Taxonomy, tiny_bert: Path, tiny_documents: Documents, tmp_path: Path
) -> None:
    settings = {**SETTINGS, "head": head, "priors": None}
    trained = HierarchicalTextClassifier(tiny, encoder=tiny_bert, **settings).fit(*tiny_documents)
    trained.save_pretrained(tmp_path / "m")
    loaded = HierarchicalTextClassifier.from_pretrained(tmp_path / "m")
    assert loaded.head == head
    assert loaded.scorer_.mix.adjustment == trained.scorer_.mix.adjustment == head.mix_adjustment
    expected = trained.predict_proba(tiny_documents[0])
    np.testing.assert_allclose(loaded.predict_proba(tiny_documents[0]), expected, atol=1e-6)


def test_folders_that_name_no_kind_of_head_hold_a_cascade(folder: Path) -> None:
    settings = json.loads((folder / "config.json").read_text())
    assert settings["head"].pop("kind") == "cascade"
    del settings["head"]["logit_adjustment"], settings["mix_adjustment"]
    (folder / "config.json").write_text(json.dumps(settings))
    loaded = HierarchicalTextClassifier.from_pretrained(folder)
    assert loaded.head == SETTINGS["head"]
    assert loaded.scorer_.mix.adjustment == 0.0


def test_settings_come_back_as_plain_values(
    trained: dict[str, HierarchicalTextClassifier], tune: str, folder: Path
) -> None:
    loaded = HierarchicalTextClassifier.from_pretrained(folder, device="cpu")
    before, after = trained[tune].get_params(), loaded.get_params()
    assert before.keys() == after.keys()
    for name in ("tune", "max_length", "training", "head", "validation_fraction", "precision", "random_state"):
        assert after[name] == before[name]
    assert after["level_weights"] == [0.5, 1.0]
    assert after["customer_weights"] == {"one": 2.0}
    assert after["priors"] == {"two": {"A": 0.5, "F": 1}}
    assert Path(after["encoder"]) == Path(before["encoder"])
    assert after["device"] == "cpu"


def test_the_folder_holds_safetensors_json_and_yaml_alone(
    tune: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert {"config.json", "model.safetensors", "taxonomy.yaml"} <= names
    vocabulary = {"encoder/vocab.txt"} if transformers.__version__ < "5" else set()  # newer ones write it as JSON
    assert {Path(name).suffix for name in names - vocabulary} <= {".json", ".safetensors", ".yaml"}
    assert ("encoder/model.safetensors" in names) == (tune == "all")

    def refuse(*args: object, **settings: object) -> None:
        raise AssertionError("pickle was used")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    monkeypatch.setattr(torch, "load", refuse)
    HierarchicalTextClassifier.from_pretrained(folder).predict(["a0"])


def test_a_customer_added_after_training_is_saved_with_its_mix(
    trained: dict[str, HierarchicalTextClassifier], tune: str, folder: Path, tiny_documents: Documents
) -> None:
    model = HierarchicalTextClassifier.from_pretrained(folder)
    model.add_customer({"customer": "new", "partial": True, "classes": {"AB": ["A", "B"], "F": "F"}}, prior={"F": 1.0})
    model.save_pretrained(folder)
    again = HierarchicalTextClassifier.from_pretrained(folder)
    for view in ("new", "two"):
        expected = model.predict_proba(tiny_documents[0], at=view)
        np.testing.assert_allclose(again.predict_proba(tiny_documents[0], at=view), expected, atol=1e-6)
    assert again.priors == {"two": {"A": 0.5, "F": 1}, "new": {"F": 1.0}}


def test_a_loaded_model_can_be_trained_on(tune: str, folder: Path, tiny_documents: Documents) -> None:
    texts, topics = tiny_documents
    loaded = HierarchicalTextClassifier.from_pretrained(folder)
    before = loaded.predict_proba(texts)
    still = TrainingConfig(epochs=1, learning_rate=1e-12, encoder_learning_rate=1e-12, weight_decay=0.0)
    loaded.set_params(warm_start=True, training=still).fit(texts[:20], topics[:20])
    np.testing.assert_allclose(loaded.predict_proba(texts), before, atol=1e-4)
    loaded.set_params(training=TrainingConfig(epochs=10, batch_size=16, learning_rate=0.03, weight_decay=0.0))
    loaded.fit(texts, topics)
    assert loaded.score(texts, topics) > 0.9
    loaded.save_pretrained(folder)
    again = HierarchicalTextClassifier.from_pretrained(folder)
    np.testing.assert_allclose(again.predict_proba(texts), loaded.predict_proba(texts), atol=1e-6)
    cold = HierarchicalTextClassifier.from_pretrained(folder).set_params(training=still, warm_start=False)
    assert cold.fit(texts, topics).score(texts, topics) < 0.5


def test_going_on_with_another_hierarchy_or_head_is_refused(folder: Path, tiny_documents: Documents) -> None:
    loaded = HierarchicalTextClassifier.from_pretrained(folder).set_params(warm_start=True)
    before = loaded.predict_proba(["a0"])
    other = loaded.taxonomy_.renamed({"A": "G"})
    with pytest.raises(ConfigError, match="set warm_start=False"):
        loaded.set_params(taxonomy=other).fit(["a0"], ["G"])
    loaded.set_params(taxonomy=loaded.taxonomy_, head=HeadConfig(hidden=9))
    with pytest.raises(ConfigError, match="set warm_start=False"):
        loaded.fit(*tiny_documents)
    np.testing.assert_array_equal(loaded.predict_proba(["a0"]), before)


def test_customers_may_have_changed_before_going_on(folder: Path, tiny_documents: Documents) -> None:
    loaded = HierarchicalTextClassifier.from_pretrained(folder).set_params(warm_start=True)
    loaded.add_customer({"customer": "new", "classes": {"AB": ["A", "B"], "Other": "rest"}}).remove_customer("three")
    assert loaded.fit(*tiny_documents).predict(["a0"], at="new").shape == (1,)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_a_trained_encoder_that_is_damaged_is_refused_by_name(
    name: str, damage: str, trained: dict[str, HierarchicalTextClassifier], tmp_path: Path
) -> None:
    trained["all"].save_pretrained(tmp_path / "m")
    file = tmp_path / "m" / "encoder" / name
    content = file.read_bytes()
    file.unlink() if damage == "missing" else file.write_bytes(content[:-5])
    with pytest.raises(ModelFolderError, match=f"encoder/{name}"):
        HierarchicalTextClassifier.from_pretrained(tmp_path / "m")


def test_a_frozen_encoder_is_named_and_must_be_the_same(
    tiny: Taxonomy, tiny_bert: Path, tiny_documents: Documents, tmp_path: Path
) -> None:
    encoder = Path(shutil.copytree(tiny_bert, tmp_path / "bert"))
    model = HierarchicalTextClassifier(tiny, encoder=str(encoder), **SETTINGS).fit(*tiny_documents)
    model.save_pretrained(tmp_path / "m")
    content = bytearray((encoder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (encoder / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelFolderError, match=r"was trained on the encoder '.*bert' with SHA-256"):
        HierarchicalTextClassifier.from_pretrained(tmp_path / "m")
    shutil.rmtree(encoder)
    with pytest.raises(EncoderNotFoundError, match="bert"):
        HierarchicalTextClassifier.from_pretrained(tmp_path / "m")


@pytest.mark.parametrize("save_elsewhere", [False, True])
def test_an_encoder_in_a_relative_folder_is_found_from_anywhere(
    save_elsewhere: bool,
    tiny: Taxonomy,
    tiny_bert: Path,
    tiny_documents: Documents,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From another working directory, after the model was moved alone, and after both were moved together."""
    shutil.copytree(tiny_bert, tmp_path / "project" / "bert")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    model = HierarchicalTextClassifier(tiny, encoder="bert", **SETTINGS).fit(*tiny_documents)
    assert model.get_params()["encoder"] == "bert"
    if save_elsewhere:
        monkeypatch.chdir(tmp_path / "elsewhere")
    model.save_pretrained(tmp_path / "project" / "models" / "m")
    monkeypatch.chdir(tmp_path / "elsewhere")
    expected = model.predict_proba(tiny_documents[0])

    def answers(folder: Path) -> np.ndarray:
        return HierarchicalTextClassifier.from_pretrained(folder).predict_proba(tiny_documents[0])

    np.testing.assert_array_equal(answers(tmp_path / "project" / "models" / "m"), expected)
    shutil.copytree(tmp_path / "project" / "models" / "m", tmp_path / "alone")
    np.testing.assert_array_equal(answers(Path("..", "alone")), expected)
    (tmp_path / "project").rename(tmp_path / "renamed")
    np.testing.assert_array_equal(answers(tmp_path / "renamed" / "models" / "m"), expected)
    with pytest.raises(EncoderNotFoundError, match="bert"):
        answers(tmp_path / "alone")


def edit(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        settings = json.loads((folder / "config.json").read_text())
        change(settings)
        (folder / "config.json").write_text(json.dumps(settings))

    return act


@pytest.mark.parametrize(
    "act",
    [
        edit(lambda settings: settings.pop("head")),
        edit(lambda settings: settings.update(head={"hidden": 8, "colour": "red"})),
        edit(lambda settings: settings.update(head={"hidden": 9})),
        edit(lambda settings: settings.update(head={"hidden": -1})),
        edit(lambda settings: settings.update(params=[])),
        edit(lambda settings: settings["params"].update(colour="red")),
        edit(lambda settings: settings.update(width=17)),
        edit(lambda settings: settings.update(width="wide")),
        edit(lambda settings: settings.pop("encoder_sha256")),
        edit(lambda settings: settings.update(pooled_mix=[1.0])),
        edit(lambda settings: settings.update(pooled_mix="x")),
        edit(lambda settings: settings.update(customer_mixes={"one": [0.5]})),
        edit(lambda settings: settings.update(customer_mixes=[])),
        edit(lambda settings: settings.update(training={"epochs": 0})),
    ],
)
def test_settings_that_make_no_model_are_refused(
    act: Callable[[Path], None], trained: dict[str, HierarchicalTextClassifier], tmp_path: Path
) -> None:
    trained["none"].save_pretrained(tmp_path / "m")
    act(tmp_path / "m")
    with pytest.raises(ModelFolderError, match="is no whole model"):
        HierarchicalTextClassifier.from_pretrained(tmp_path / "m")


def test_a_failure_while_saving_leaves_the_model_that_was_there(
    trained: dict[str, HierarchicalTextClassifier], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained["none"].save_pretrained(tmp_path / "m")

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("hiercls.model.encoder.TextEncoder.save", full)
        with pytest.raises(ModelFolderError, match="No space left"):
            trained["all"].save_pretrained(tmp_path / "m")
    assert HierarchicalTextClassifier.from_pretrained(tmp_path / "m").tune == "none"
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path, tiny_bert: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere", tiny_bert):
        with pytest.raises(ModelFolderError):
            HierarchicalTextClassifier.from_pretrained(path)
