"""Killed at any moment, a training goes on and ends with the weights that it would have had."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("kills.py")


def kill(folder: Path, n_kills: int, *estimator: object) -> dict[str, Any]:
    """Kill trainings so many times, in processes of their own."""
    arguments = [folder, n_kills, 0, *estimator]
    result = subprocess.run([sys.executable, PROGRAM, *map(str, arguments)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_what_is_killed_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    found = kill(tmp_path, 12)
    assert sum(found["kills"].values()) == 12
    assert found["same"] == found["trainings"] > 0


@pytest.mark.slow
@pytest.mark.parametrize(("tune", "n_kills"), [("heads", 200), ("none", 60), ("last-1", 60), ("all", 40)])
def test_what_is_killed_hundreds_of_times_ends_the_same(
    tune: str, n_kills: int, tmp_path: Path, tiny_bert: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = kill(tmp_path, n_kills, *(() if tune == "heads" else (tiny_bert, tune)))
    with capsys.disabled():
        print(f"\n{tune}: {found}")
    assert sum(found["kills"].values()) == n_kills
    assert found["same"] == found["trainings"] > 0
