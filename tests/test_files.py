"""Files: told from what is none without being opened, and written whole or not at all."""

from __future__ import annotations

import errno
import os
import socket
import stat
from pathlib import Path

import pytest

from hiercls.files import not_a_file, replacing, replacing_folder


def test_a_file_and_an_open_stream_may_be_read(tmp_path):
    file = tmp_path / "a.yaml"
    file.touch()
    reading, writing = os.pipe()
    try:
        for path in (file, str(file), "/dev/stdin", f"/dev/fd/{reading}", f"/proc/self/fd/{reading}"):
            assert not_a_file(path, extensions=[]) is None
    finally:
        os.close(reading)
        os.close(writing)


def test_what_is_no_file_is_told_by_its_kind_without_opening_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        kinds = {tmp_path: "folder", tmp_path / "pipe": "named pipe", tmp_path / "socket": "socket"}
        for path, kind in {**kinds, Path("/dev/null"): "device"}.items():
            problem = not_a_file(path, extensions=[])
            assert problem is not None
            assert (problem.file, problem.message) == (str(path), f"expected a file, got a {kind}")
            assert problem.hint


def test_a_file_that_is_not_there_is_met_with_the_nearest_of_its_kind(tmp_path):
    (tmp_path / "tiny.yaml").touch()
    (tmp_path / "tinny.txt").touch()
    problem = not_a_file(tmp_path / "tinny.yaml", extensions=[".yaml"])
    assert problem is not None
    assert (problem.message, problem.hint) == ("there is no such file", "did you mean 'tiny.yaml'?")
    for absent in (tmp_path / "nowhere" / "a.yaml", tmp_path / "tiny.yaml" / "a.yaml"):
        problem = not_a_file(absent, extensions=[".yaml"])
        assert problem is not None
        assert (problem.message, problem.hint) == ("there is no such file", None)


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with replacing(path) as aside:
        aside.write_text("half of")
        assert path.read_text() == "old"
        assert aside.parent == path.parent
        aside.write_text("new")
    assert path.read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, OSError])
def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def interrupted() -> None:
        with replacing(path) as aside:
            aside.write_text("half of")
            raise error

    with pytest.raises(error):
        interrupted()
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("error", [OSError("no"), KeyboardInterrupt()])
@pytest.mark.parametrize("which", [1, 2])
def test_a_folder_that_cannot_take_the_old_one_s_place_leaves_it(tmp_path, monkeypatch, error, which):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights").write_text("old")
    rename, calls = Path.rename, iter(range(1, 9))

    def failing(path, target):
        if next(calls) == which:
            raise error
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", failing)
        with pytest.raises(type(error)), replacing_folder(folder) as aside:
            (aside / "weights").write_text("new")
    assert (folder / "weights").read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["model"]
    with replacing_folder(folder) as aside:
        (aside / "weights").write_text("new")
    assert (folder / "weights").read_text() == "new"
    assert [file.name for file in tmp_path.iterdir()] == ["model"]


def test_a_link_still_points_to_the_file_and_its_rights_stay(tmp_path):
    file, link = tmp_path / "file.txt", tmp_path / "link.txt"
    file.write_text("old")
    file.chmod(0o640)
    link.symlink_to(file)
    with replacing(link) as aside:
        aside.write_text("new")
    assert link.is_symlink()
    assert file.read_text() == "new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reading = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        with replacing(tmp_path / "pipe") as path:
            path.write_text("carried")
        assert os.read(reading, 100) == b"carried"
    finally:
        os.close(reading)
    assert stat.S_ISFIFO(os.stat(tmp_path / "pipe").st_mode)


@pytest.mark.parametrize("named", [True, False])
def test_an_error_names_the_file_that_was_asked_for(tmp_path, monkeypatch, named):
    def full(self, *args, **settings):
        raise OSError(errno.ENOSPC, "No space left on device", *([str(self)] if named else []))

    def write() -> None:
        with replacing(tmp_path / "a.txt") as aside:
            aside.write_text("x")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write()
    assert caught.value.filename == str(tmp_path / "a.txt")
