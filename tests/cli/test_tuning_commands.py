"""``hiercls tune`` and ``hiercls train --settings``: settings go from one to the other through a file."""

from __future__ import annotations

import json

import pytest

from hiercls.estimator import HierarchicalTextClassifier
from hiercls.estimator.settings import read_settings
from hiercls.taxonomy import shipped

TINY = shipped("tiny")


def test_a_file_s_settings_are_those_of_the_model_unless_an_option_says_otherwise(run, world, tmp_path):
    (tmp_path / "settings.yaml").write_text("encoder: null\nrandom_state: 5\ntraining: {about_weight: 0}\n")
    files = (TINY, world.one, world.others, "--settings", tmp_path / "settings.yaml")
    assert run("train", *files, "-o", tmp_path / "model", "--seed", 7).exit_code == 0
    model = HierarchicalTextClassifier.from_pretrained(tmp_path / "model")
    assert (model.encoder, model.random_state, model.training.about_weight) == (None, 7, 0)


def test_settings_and_trackers_that_are_wrong_are_said(run, world, tmp_path):
    (tmp_path / "bad.yaml").write_text("encoder: null\ncolour: red\n")
    result = run("train", TINY, world.one, "-o", tmp_path / "model", "--settings", tmp_path / "bad.yaml")
    assert (result.exit_code, "bad.yaml:2:1: at colour: unknown key" in result.stderr) == (1, True)
    result = run("train", TINY, world.one, "-o", tmp_path / "model", "--words", "only", "--track", "paper")
    assert (result.exit_code, "tensorboard, mlflow, wandb" in result.stderr) == (1, True)
    assert not (tmp_path / "model").exists()


def test_a_search_writes_a_file_that_can_be_trained_with(run, world, tmp_path, monkeypatch):
    pytest.importorskip("optuna", reason="needs the extra: pip install 'hiercls[tune]'")
    monkeypatch.setattr("hiercls.study.tuning._accuracy", lambda *_, seed, **__: 0.5 + seed / 100)
    result = run("tune", TINY, world.one, world.others, "-o", tmp_path / "best.yaml", "--trials", 2, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["n_finished"], round(found["accuracy"], 6)) == (2, 0.51)
    assert set(read_settings(tmp_path / "best.yaml")) == {"head", "training"}
    again = run("tune", TINY, world.one, "-o", tmp_path / "best.yaml", "--trials", 1)
    assert (again.exit_code, "--force overwrites it" in again.stderr) == (1, True)
