"""A model folder is whole or not there at all; what is damaged is refused with a reason."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from hiercls.errors import ModelFolderError
from hiercls.training.saving import ENCODER, SavedModel, read_model, write_model


def model(value: float = 1.0) -> SavedModel:
    weights = {"heads.0.weight": torch.full((2, 3), value), "transposed": torch.arange(6.0).reshape(2, 3).T}
    return SavedModel(settings={"width": 3, "name": "é"}, weights=weights, taxonomy="hiercls: 1\nname: é\n")


def write_encoder(folder: Path) -> None:
    (folder / "deep").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "deep" / "weights.bin").write_bytes(b"weights")


def value_in(folder: Path) -> float:
    return float(read_model(folder).weights["heads.0.weight"][0, 0])


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_model(tmp_path / "deep" / "m", model(), write_encoder=write_encoder)
    found = read_model(tmp_path / "deep" / "m")
    assert found.taxonomy == model().taxonomy
    assert {name: found.settings[name] for name in ("width", "name")} == {"width": 3, "name": "é"}
    assert found.weights.keys() == model().weights.keys()
    for name, value in model().weights.items():
        assert found.weights[name].equal(value)
    assert (tmp_path / "deep" / "m" / ENCODER / "deep" / "weights.bin").read_bytes() == b"weights"
    assert os.listdir(tmp_path / "deep") == ["m"]


def test_a_model_replaces_a_model_whole(tmp_path: Path) -> None:
    write_model(tmp_path / "m", model(1), write_encoder=write_encoder)
    write_model(tmp_path / "m", model(2))
    assert value_in(tmp_path / "m") == 2
    assert not (tmp_path / "m" / ENCODER).exists()
    assert os.listdir(tmp_path) == ["m"]


def test_an_empty_folder_and_a_link_are_written_into(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "m")
    write_model(tmp_path / "link", model(1))
    write_model(tmp_path / "link", model(2))
    assert value_in(tmp_path / "m") == 2
    assert (tmp_path / "link").is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["link", "m"]


@pytest.mark.parametrize("content", ["file", "other", "encoder"])
def test_what_is_no_model_is_never_replaced(content: str, tmp_path: Path) -> None:
    path = tmp_path / "m"
    if content == "file":
        path.write_text("precious")
    else:
        path.mkdir()
        for name in ["precious.txt"] if content == "other" else ["config.json", "model.safetensors", "tokenizer.json"]:
            (path / name).write_text("precious")
    with pytest.raises(ModelFolderError, match="exists and is no model"):
        write_model(path, model())
    files = [path] if content == "file" else list(path.iterdir())
    assert all(file.read_text() == "precious" for file in files)
    assert os.listdir(tmp_path) == ["m"]


def failing_encoder(error: BaseException) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        write_encoder(folder)
        raise error

    return write


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("odd"), KeyboardInterrupt()])
def test_a_failure_while_writing_leaves_the_old_model(error: BaseException, tmp_path: Path) -> None:
    write_model(tmp_path / "m", model(1))
    expected = ModelFolderError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected):
        write_model(tmp_path / "m", model(2), write_encoder=failing_encoder(error))
    assert value_in(tmp_path / "m") == 1
    assert os.listdir(tmp_path) == ["m"]


@pytest.mark.parametrize("step", ["fsync", "swap"])
def test_a_failure_at_any_step_leaves_the_old_model(step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_model(tmp_path / "m", model(1))
    rename, calls = Path.rename, []

    def fail(*args: Any) -> None:
        raise OSError(5, "Input/output error")

    def second_fails(self: Path, target: Path) -> Any:
        calls.append(target)
        return fail() if len(calls) == 2 else rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail) if step == "fsync" else patch.setattr(Path, "rename", second_fails)
        with pytest.raises(ModelFolderError, match="what stood there is untouched"):
            write_model(tmp_path / "m", model(2))
    assert value_in(tmp_path / "m") == 1
    assert os.listdir(tmp_path) == ["m"]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelFolderError, match="cannot write the model"):
        write_model(tmp_path / "file" / "m", model())


NAMES = ["config.json", "model.safetensors", "taxonomy.yaml", "encoder/config.json", "encoder/deep/weights.bin"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "changed"])
def test_a_file_that_is_missing_or_damaged_is_refused_by_name(name: str, damage: str, tmp_path: Path) -> None:
    write_model(tmp_path / "m", model(), write_encoder=write_encoder)
    file = tmp_path / "m" / name
    content = file.read_bytes()
    changed = content.replace(b'"format": 1', b'"format": 2') if name == "config.json" else content[:-1] + b"~"
    file.unlink()
    if damage != "missing":
        file.write_bytes({"empty": b"", "truncated": content[: len(content) // 2], "changed": changed}[damage])
    with pytest.raises(ModelFolderError) as caught:
        read_model(tmp_path / "m")
    assert Path(name).name in str(caught.value) or (name == "config.json" and str(tmp_path / "m") in str(caught.value))


@pytest.mark.parametrize(
    "settings",
    [
        "[]",
        "null",
        "{}",
        '{"format": 1}',
        '{"format": 1, "sha256": []}',
        '{"format": 1, "sha256": {}}',
        "[" * 10**5,
        "é",
    ],
)
def test_settings_of_any_other_shape_are_refused(settings: str, tmp_path: Path) -> None:
    write_model(tmp_path / "m", model())
    (tmp_path / "m" / "config.json").write_text(settings, encoding="latin-1")
    with pytest.raises(ModelFolderError):
        read_model(tmp_path / "m")


def test_a_later_layout_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    write_model(tmp_path / "m", model())
    file = tmp_path / "m" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"format": 7}))
    with pytest.raises(ModelFolderError, match="format 7, this hiercls reads 1; upgrade"):
        read_model(tmp_path / "m")


@pytest.mark.parametrize("place", ["nowhere", "file"])
def test_what_is_no_folder_is_refused(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelFolderError, match="expected a model folder"):
        read_model(tmp_path / place)


def test_nothing_is_pickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **settings: object) -> None:
        raise AssertionError("pickle was used")

    for name in ("load", "loads", "dump", "dumps", "Pickler", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    for name in ("load", "save"):
        monkeypatch.setattr(torch, name, refuse)
    write_model(tmp_path / "m", model())
    assert value_in(tmp_path / "m") == 1
