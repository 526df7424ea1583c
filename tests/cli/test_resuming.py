"""Answers outlive an interruption: what was answered is not answered again, and the file is the same."""

from __future__ import annotations

import errno
import json

import pytest

from hiercls import scoring
from hiercls.cli import prediction

N_TEXTS = 11


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(scoring, "WINDOW", 4)
    path = tmp_path / "texts.jsonl"
    texts = [f"{letter}1 the {letter}2 {number}" for number, letter in enumerate("abcdefabcde")]
    path.write_text("\n".join(json.dumps({"text": text}) for text in texts), encoding="utf-8")
    return path


def stopping(monkeypatch, error, *, after):
    """Have a command stop after some answers; the list that is given counts those that are made."""
    answer, made = prediction._answer, []

    def counted(*args):
        if len(made) == after:
            raise error
        made.append(args)
        return answer(*args)

    monkeypatch.setattr(prediction, "_answer", counted)
    return made


def parts(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


@pytest.mark.parametrize("after", [0, 3, 4, 6, 10])
def test_an_interrupted_command_goes_on_where_it_was(run, training, file, tmp_path, monkeypatch, after):
    command = ("predict", training[0], file, "--at", "one", "-o", tmp_path / "answers.jsonl", "--resume")
    assert run(*command).exit_code == 0
    whole = (tmp_path / "answers.jsonl").read_bytes()
    assert len(whole.splitlines()) == N_TEXTS
    assert parts(tmp_path) == []
    (tmp_path / "answers.jsonl").write_text("old")
    with monkeypatch.context() as patch:
        stopping(patch, KeyboardInterrupt(), after=after)
        assert run(*command).exit_code != 0
    assert (tmp_path / "answers.jsonl").read_text() == "old"  # what stood there stays until all are answered
    made = stopping(monkeypatch, AssertionError("too many"), after=N_TEXTS)
    assert run(*command).exit_code == 0
    assert len(made) == N_TEXTS - after // 4 * 4
    assert (tmp_path / "answers.jsonl").read_bytes() == whole
    assert parts(tmp_path) == []


def test_half_a_line_is_not_kept(run, training, file, tmp_path, monkeypatch):
    command = ("predict", training[0], file, "-o", tmp_path / "answers.jsonl", "--resume")
    with monkeypatch.context() as patch:
        stopping(patch, KeyboardInterrupt(), after=9)
        run(*command)
    (part,) = [path for path in tmp_path.iterdir() if path.suffix == ".part"]
    part.write_bytes(part.read_bytes()[:-1])
    assert "going on after 8 answers" in run(*command).stderr
    plain = run("predict", training[0], file)
    assert (tmp_path / "answers.jsonl").read_text(encoding="utf-8") == plain.stdout


@pytest.mark.parametrize("change", ["documents", "options"])
def test_another_command_begins_anew(run, training, file, tmp_path, monkeypatch, change):
    command = ["predict", training[0], file, "-o", tmp_path / "answers.jsonl", "--resume"]
    with monkeypatch.context() as patch:
        stopping(patch, KeyboardInterrupt(), after=9)
        run(*command)
    if change == "documents":
        file.write_text(file.read_text() + '\n{"text": "new"}')
    else:
        command += ["--at", "two"]
    result = run(*command)
    assert result.exit_code == 0
    assert "going on" not in result.stderr
    plain = run("predict", training[0], file, *command[6:])
    assert (tmp_path / "answers.jsonl").read_text(encoding="utf-8") == plain.stdout


def test_a_full_disk_leaves_what_was_there(run, training, file, tmp_path, monkeypatch):
    target = tmp_path / "answers.jsonl"
    target.write_text("old")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    for options in ((), ("--resume",)):
        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", full)
            result = run("predict", training[0], file, "-o", target, *options)
        assert result.exit_code == 1
        assert f"No space left on device: '{target}'" in result.stderr
        assert target.read_text() == "old"


def test_what_cannot_go_on_is_said(run, training, file):
    assert "give one by --output" in run("predict", training[0], file, "--resume").stderr
    assert "not stdin" in run("predict", training[0], "--resume", stdin=b"a").stderr
