"""The command that calibrates: it says on how much, changes the model in place or writes another, and is refused."""

from __future__ import annotations

import json

import pytest

from hiercls.estimator import HierarchicalTextClassifier


def test_a_model_is_calibrated_in_place_and_says_on_how_many_documents(run, model, world):
    before = json.loads((model / "config.json").read_text())
    assert before["calibration"] is None
    result = run("calibrate", model, world.one, world.others)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "calibrated on 96 documents; losses in nats a document"
    assert lines[1].split() == ["documents", "temperature", "loss", "before", "loss", "after"]
    assert lines[2].split()[:2] == ["all", "96"]
    assert float(lines[2].split()[4]) <= float(lines[2].split()[3])
    assert len(lines) == 3
    after = json.loads((model / "config.json").read_text())
    assert after["calibration"]["pooled"]["n_documents"] == 96
    assert after["params"] == before["params"]


def test_every_customer_may_have_its_own(run, model, world, tmp_path):
    result = run("calibrate", model, world.one, "--per-customer", "--method", "bias-corrected", "-o", tmp_path / "new")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[3].split()[:3] == ["customer", "one", "36"]
    found = HierarchicalTextClassifier.from_pretrained(tmp_path / "new").calibration_
    assert set(found.customers) == {"one"}
    assert found.pooled.method == "bias_corrected"
    assert json.loads((model / "config.json").read_text())["calibration"] is None


@pytest.mark.parametrize("method", ["temperature", "vector", "bias-corrected"])
def test_every_method_has_a_name(run, model, world, method):
    assert run("calibrate", model, world.one, "--method", method).exit_code == 0


def test_what_is_refused(run, model, world, tmp_path):
    (tmp_path / "there").mkdir()
    result = run("calibrate", model, world.one, "-o", tmp_path / "there")
    assert (result.exit_code, "is there already" in result.stderr) == (1, True)
    bad = tmp_path / "bad.csv"
    bad.write_text("text,label\na1,Q\n")
    result = run("calibrate", model, bad)
    assert (result.exit_code, "'Q'" in result.stderr) == (1, True)
    assert run("calibrate", model, world.one, "--method", "platt").exit_code == 2


def test_a_model_is_shown_held_out_documents_in_place_and_says_what_it_can_promise(run, model, world):
    result = run("conformalize", model, world.one, world.others)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "held out 96 documents; 70 have coarse labels: more is kept than promised"
    assert lines[1].split() == ["promised", "classes", "in", "a", "set", "of", "topics", "threshold", "of", "nodes"]
    assert [line.split()[0] for line in lines[2:]] == ["80%", "90%", "95%"]
    sizes = [float(line.split()[1]) for line in lines[2:]]
    assert 1 <= sizes[0] <= sizes[1] <= sizes[2] <= 6
    found = HierarchicalTextClassifier.from_pretrained(model)
    assert len(found.heldout_) == 96
    assert found.predict_set(["a1 a2"]).shape == (1, 6)


def test_conformalize_writes_elsewhere_or_is_refused(run, model, world, tmp_path):
    assert run("conformalize", model, world.one, "-o", tmp_path / "new").exit_code == 0
    assert len(HierarchicalTextClassifier.from_pretrained(tmp_path / "new").heldout_) == 36
    assert HierarchicalTextClassifier.from_pretrained(model).heldout_ is None
    result = run("conformalize", model, world.one, "-o", tmp_path / "new")
    assert (result.exit_code, "is there already" in result.stderr) == (1, True)
