"""``import hiercls``: one screen, quick, and every public name where it says."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import hiercls

SOURCE = Path(hiercls.__file__)


def test_every_public_name_loads():
    for name in hiercls.__all__:
        assert getattr(hiercls, name) is not None
        assert name in dir(hiercls)


def test_type_checkers_see_the_names_that_load():
    (block,) = [node for node in ast.parse(SOURCE.read_text()).body if isinstance(node, ast.If)]
    seen = {alias.asname: node.module for node in block.body for alias in node.names}
    assert seen == hiercls._HOMES


def test_an_unknown_name_is_an_attribute_error_that_lists_the_names():
    with pytest.raises(AttributeError, match="'Taxonony'; it has HierarchicalClassifier, HierarchicalText"):
        hiercls.Taxonony  # noqa: B018


def test_importing_is_quick_and_silent():
    code = (
        "import time; start = time.process_time(); import sys, hiercls;"
        "print(time.process_time() - start, 'numpy' in sys.modules)"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(3)]
    assert min(float(run.stdout.split()[0]) for run in runs) < 0.3
    assert {(run.stdout.split()[1], run.stderr) for run in runs} == {("False", "")}


def test_it_is_one_screen():
    assert len(SOURCE.read_text().splitlines()) <= 66
