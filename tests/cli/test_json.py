"""``--json``: commands that change a model, or find something out about one, say it as data."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hiercls.cli.app import plain
from hiercls.errors import Problem


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
