"""``hiercls export``: a folder that is read without torch, and how well it agrees."""

from __future__ import annotations

import json

import pytest

import hiercls.export
from hiercls.errors import MissingExtraError
from hiercls.estimator import HierarchicalTextClassifier

pytest.importorskip("onnxscript", reason="needs the exporter: pip install 'hiercls[onnx]'")


@pytest.mark.slow
def test_a_model_folder_becomes_an_exported_one(run, model, tmp_path):
    result = run("export", model, "-o", tmp_path / "exported", "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert (said["n_views"], said["difference"] < 1e-4) == (5, True)
    texts = ["a1 a2 the", "d3"]
    expected = HierarchicalTextClassifier.from_pretrained(model).predict(texts, at="one")
    assert hiercls.export.load(tmp_path / "exported").predict(texts, at="one").tolist() == expected.tolist()
    again = run("export", model, "-o", tmp_path / "exported")
    assert (again.exit_code, "is there already" in again.stderr) == (1, True)


def test_without_the_exporter_it_says_what_to_install(run, model, tmp_path, monkeypatch):
    def missing(module, *, extra):
        raise MissingExtraError(f"pip install 'hiercls[{extra}]'")

    monkeypatch.setattr("hiercls.export.writing.require", missing)
    result = run("export", model, "-o", tmp_path / "exported", "--format", "openvino")
    assert (result.exit_code, "hiercls[openvino]" in result.stderr) == (1, True)


def test_an_extended_model_is_refused_and_it_says_what_to_do(run, model, tmp_path):
    merged = tmp_path / "merged.yaml"
    merged.write_text(
        "{hiercls: 1, levels: [area, topic], topics: {X: [A, B, C], Y: [D, EF]}, customers: {one: {ABC: X, DEF: Y}}}"
    )
    extended = run("extend", model, merged, "--from", "EF=E", "--from", "EF=F")
    assert extended.exit_code == 0, extended.output
    result = run("export", model, "-o", tmp_path / "exported")
    assert result.exit_code == 1
    assert "merged after training cannot be exported; train a model on the new taxonomy" in result.stderr
    assert not (tmp_path / "exported").exists()
