"""``--json``: commands that change a model, or find something out about one, say it as data."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hiercls.cli.app import plain
from hiercls.errors import Problem
from hiercls.taxonomy import Taxonomy, shipped

TINY = shipped("tiny")


def found(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_changes_of_a_model_are_said_as_data(run, model, world):
    added = found(run("customer", "add", model, _written(model, "four"), "--prior", "A=1", "--json"))
    assert added == {"customer": "four", "classes": ["AB", "rest"], "prior": {"A": 1.0}}
    assert found(run("customer", "replace", model, _written(model, "four"), "--prior", "A=1", "--json")) is None
    assert found(run("customer", "remove", model, "four", "--json")) == {"left": ["one", "two", "three"]}
    assert any("Alpha" in change for change in found(run("rename", model, "A=Alpha", "--json")))
    calibration = found(run("calibrate", model, world.one, "--json"))
    assert calibration["pooled"]["n_documents"] > 0


def test_a_training_is_said_as_data(run, world, tmp_path):
    trained = found(run("train", TINY, world.one, world.others, "-o", tmp_path / "new", "--words", "only", "--json"))
    counts = [(row["customer"], row["labelled_at"], row["n_documents"]) for row in trained["documents"]]
    assert counts == [("one", "one", 36), ("three", "three", 30), ("two", "two", 30)]
    assert trained["views"] == ["one", "two", "three", "topic", "area"]
    assert trained["model"] == str(tmp_path / "new")
    assert (trained["n_bytes"] > 1000, trained["n_terms"] > 0, trained["threshold"]) == (True, True, None)


def test_promises_and_inferred_classes_are_said_as_data(run, model, world, tmp_path):
    promised = found(run("conformalize", model, world.one, "--json"))
    assert promised["n_documents"] == 36
    assert [row["promised"] for row in promised["promises"]] == [0.8, 0.9, 0.95]
    assert all(0 < row["n_classes"] <= 6 for row in promised["promises"])
    result = run("customer", "infer", model, world.one, "--name", "acme", "-o", tmp_path / "acme.yaml", "--json")
    inferred = found(result)
    assert (tmp_path / "acme.yaml").exists()
    assert set(inferred["classes"]) == {"ABC", "D", "EF"}
    assert sorted(topic for topics in inferred["classes"].values() for topic in topics) == list("ABCDEF")
    assert inferred["n_documents"] == 36


def test_taxonomies_are_said_as_data(run, tmp_path):
    data = tmp_path / "labels.csv"
    data.write_text("area,topic\nX,A\nX,B\nY,C\n")
    drafted = found(run("init", data, "-o", tmp_path / "first.yaml", "--json"))
    assert Taxonomy.from_dict(drafted["taxonomy"]) == Taxonomy.from_yaml(tmp_path / "first.yaml")
    drawn = found(run("show", TINY, "-o", tmp_path / "tiny.png", "--json"))
    assert Taxonomy.from_dict(drawn["taxonomy"]) == Taxonomy.from_yaml(TINY)
    assert drawn["figure"] == str(tmp_path / "tiny.png")
    schema = found(run("schema", "-o", tmp_path / "schema.json", "--json"))
    assert schema == json.loads((tmp_path / "schema.json").read_text())


def _written(model, name):
    path = model.parent / f"{name}.yaml"
    path.write_text(f"{{customer: {name}, classes: {{AB: [A, B], rest: [C, D, E, F]}}}}", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.array([1.5, np.inf]), [1.5, None]),
        (
            Problem(message="no"),
            {"message": "no", "file": None, "line": None, "column": None, "path": None, "hint": None},
        ),
        ({"a": (np.int64(1), np.bool_(True))}, {"a": [1, True]}),
    ],
)
def test_results_become_plain_data(value, expected):
    assert plain(value) == expected
