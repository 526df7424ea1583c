"""A model that was trained on the tiny world by the command line, and how its commands are run."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from hiercls.cli import build
from hiercls.taxonomy import Taxonomy, shipped

TINY = shipped("tiny")


def command(*arguments: object, stdin: str | bytes | None = None) -> Result:
    """Run a command as the shell would."""
    return CliRunner().invoke(build(), [str(argument) for argument in arguments], input=stdin)


@pytest.fixture(scope="session")
def run() -> Callable[..., Result]:
    """How a command is run."""
    return command


@dataclass(frozen=True)
class World:
    """The tiny world as files: who labels what, and the options that make training quick."""

    one: Path
    others: Path
    quick: tuple[object, ...]


@pytest.fixture(scope="session")
def world(tiny: Taxonomy, tiny_bert: Path, tiny_documents, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A CSV of customer one's rows, and a JSONL of the two others'."""
    folder = tmp_path_factory.mktemp("world")
    one, others = folder / "one.csv", folder / "others.jsonl"
    rows = []
    for number, (text, topic) in enumerate(zip(*tiny_documents, strict=True)):
        view = tiny.view(tiny.customers[number // 6 % 3])
        label = next(name for name in view.classes if topic in view.topics_of(name))
        rows.append({"text": text, "label": label, "view": view.name, "customer": view.name})
    with one.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["text", "label", "view", "customer"])
        writer.writeheader()
        writer.writerows(row for row in rows if row["view"] == "one")
    with others.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows if row["view"] != "one")
    return World(one=one, others=others, quick=("--encoder", tiny_bert, "--max-length", 16, "--epochs", 40))


@pytest.fixture(scope="session")
def training(world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The folder of a model that ``hiercls train`` made, and what the command said."""
    folder = tmp_path_factory.mktemp("trained") / "model"
    result = command("train", TINY, world.one, world.others, "-o", folder, *world.quick)
    assert result.exit_code == 0, result.output
    return folder, result


@pytest.fixture
def model(training: tuple[Path, Result], tmp_path: Path) -> Path:
    """A copy of the model, which a test may change."""
    return Path(shutil.copytree(training[0], tmp_path / "model"))
