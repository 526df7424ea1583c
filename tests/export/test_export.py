"""An exported model says what the estimator says, of all views, and needs no torch for it."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hiercls.export
from hiercls.data.newsgroups import load_newsgroups
from hiercls.errors import ConfigError, ModelFolderError
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.export.writing import TOLERANCE, Parity, compare, in_float32
from hiercls.model.encoder import EncoderConfig
from hiercls.model.heads import HeadConfig
from hiercls.model.hiagm import HiagmConfig
from hiercls.taxonomy import Taxonomy, shipped
from hiercls.training.config import TrainingConfig

pytest.importorskip("onnxscript", reason="needs the exporter: pip install 'hiercls[onnx]'")
pytest.importorskip("onnxruntime", reason="needs the runtime: pip install 'hiercls[onnx]'")

QUICK = TrainingConfig(epochs=6, batch_size=16, learning_rate=0.03, weight_decay=0.01)
PART = {"customer": "part", "partial": True, "classes": {"AB": ["A", "B"], "D": "D"}}
OVER = {"customer": "over", "overlapping": True, "classes": {"ABC": ["A", "B", "C"], "B": "B", "CDEF": list("CDEF")}}


def fitted(tiny: Taxonomy, tiny_bert: Path, documents: Any, **settings: Any) -> HierarchicalTextClassifier:
    """A model with a partial customer, an overlapping one, one with a mix of its own, and calibrations."""
    texts, topics = documents
    given: dict[str, Any] = {
        "encoder": EncoderConfig(name=str(tiny_bert), max_length=8, windows=2, truncation="head-tail"),
        "training": QUICK,
        "head": HeadConfig(hidden=8),
        "lexical": True,
        "precision": "float32",
        "cache": False,
    }
    model = HierarchicalTextClassifier(tiny, **(given | settings)).fit(texts, topics)
    model.add_customer(PART).add_customer(OVER)
    if settings.get("task") is None:
        model.replace_customer("{customer: one, classes: {ABC: [A, B, C], D: D, EF: [E, F]}}", prior={"A": 3, "F": 1})
    views = ["one" if number % 2 else "two" for number in range(len(texts))]
    labels = [
        next(c for c in tiny.view(v).classes if t in tiny.view(v).topics_of(c))
        for t, v in zip(topics, views, strict=True)
    ]
    return model.calibrate(texts, labels, views=views, customers=views, per_customer=True)


KINDS: dict[str, dict[str, Any]] = {
    "cascade and words": {},
    "path": {"head": HeadConfig(hidden=8, composition="path"), "lexical": False},
    "hiagm": {"head": HiagmConfig(node_width=4), "lexical": False},
    "words alone": {"encoder": None},
    "several topics": {"task": "multilabel"},
}


@pytest.fixture(scope="module")
def model(tiny: Taxonomy, tiny_bert: Path, tiny_documents: Any) -> HierarchicalTextClassifier:
    return fitted(tiny, tiny_bert, tiny_documents)


@pytest.fixture(scope="module")
def exported(model: HierarchicalTextClassifier, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Parity]:
    folder = tmp_path_factory.mktemp("exported") / "model"
    return folder, model.export(folder)


def same_answers(model: HierarchicalTextClassifier, folder: Path, texts: list[str]) -> None:
    loaded = hiercls.export.load(folder, threads=1)
    for name in (None, *model.taxonomy_.views):
        exact = model.predict_proba(texts, at=name)
        assert np.abs(loaded.predict_proba(texts, at=name) - exact).max() < 1e-5
        assert (loaded.predict(texts, at=name) == model.predict(texts, at=name)).all()
    assert loaded.predict_proba([], at="over").shape == (0, 3)


def test_it_answers_all_views_alike_with_priors_calibrations_and_windows(
    model: HierarchicalTextClassifier, exported: tuple[Path, Parity], tiny_documents: Any
) -> None:
    folder, parity = exported
    assert (parity.n_views, parity.n_texts) == (7, 9)
    assert parity.difference < 1e-5
    assert str(parity).startswith("agrees with torch on 9 texts at 7 views: labels 100 %, probabilities to ")
    same_answers(model, folder, [*tiny_documents[0][:20], "", "a1 the " * 40, "Ünïcode b2"])


def test_the_loader_imports_no_torch(exported: tuple[Path, Parity], model: HierarchicalTextClassifier) -> None:
    code = (
        "import sys, json, hiercls.export; model = hiercls.export.load(sys.argv[1]);"
        "print(json.dumps(model.predict_proba(['a1 a2', 'd3'], at='over').tolist()));"
        "assert not {'torch', 'transformers'} & set(sys.modules), 'torch was imported'"
    )
    done = subprocess.run([sys.executable, "-c", code, str(exported[0])], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(json.loads(done.stdout), model.predict_proba(["a1 a2", "d3"], at="over"), atol=1e-5)


def test_another_model_s_answers_are_found_out(
    exported: tuple[Path, Parity], model: HierarchicalTextClassifier, tiny_documents: Any
) -> None:
    other = dataclasses.replace(in_float32(model.scorer_), calibration=None)
    with pytest.raises(ModelFolderError, match=r"disagrees with torch at 'area'.*nothing is written"):
        compare(other, model.taxonomy_, exported[0], texts=tiny_documents[0])


def test_what_cannot_be_exported_is_said_before_any_work(
    model: HierarchicalTextClassifier, exported: tuple[Path, Parity], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="onnx, openvino, got 'tflite'"):
        model.export(tmp_path / "new", format="tflite")  # type: ignore[arg-type]
    with pytest.raises(ModelFolderError, match="is there already"):
        model.export(exported[0])
    assert not (tmp_path / "new").exists()


def test_a_folder_that_is_not_whole_is_an_error_that_says_so(exported: tuple[Path, Parity], tmp_path: Path) -> None:
    for name, said in (
        ("export.json", "expected a folder that 'hiercls export' wrote"),
        ("tokenizer.json", "not whole"),
        ("taxonomy.yaml", "not whole"),
        ("words.npz", "not whole"),
        ("classifier.onnx", "there is no .*classifier.onnx"),
    ):
        copy = Path(shutil.copytree(exported[0], tmp_path / name))
        (copy / name).unlink()
        with pytest.raises(ModelFolderError, match=said):
            hiercls.export.load(copy)
    (copy := Path(shutil.copytree(exported[0], tmp_path / "copy"))).joinpath("export.json").write_text("[]")
    with pytest.raises(ModelFolderError, match="damaged"):
        hiercls.export.load(copy)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("format", ["onnx", "openvino"])
def test_every_kind_of_model_can_be_exported(
    kind: str, format: Any, tiny: Taxonomy, tiny_bert: Path, tiny_documents: Any, tmp_path: Path
) -> None:
    if format == "openvino":
        pytest.importorskip("openvino", reason="needs the runtime: pip install 'hiercls[openvino]'")
    model = fitted(tiny, tiny_bert, tiny_documents, **KINDS[kind])
    model.export(tmp_path / "model", format=format)
    same_answers(model, tmp_path / "model", [*tiny_documents[0][:20], "", "a1 the " * 40, "Ünïcode b2"])


@pytest.mark.slow
@pytest.mark.parametrize("format", ["onnx", "openvino"])
def test_a_thousand_documents_are_answered_alike(format: Any, tmp_path: Path) -> None:
    pytest.importorskip(format, reason="needs the runtime: pip install 'hiercls[onnx,openvino]'")
    data = load_newsgroups("train", headers="removed")
    taxonomy = Taxonomy.from_yaml(shipped("newsgroups"))
    training = TrainingConfig(epochs=3, weight_decay=0.01)
    model = HierarchicalTextClassifier(taxonomy, lexical=True, training=training)
    model.fit(data.texts[:1500], data.topics[:1500])
    parity = model.export(tmp_path / "model", format=format, texts=data.texts[1500:2500])

    assert parity.n_texts == 1000
    assert parity.difference < TOLERANCE
