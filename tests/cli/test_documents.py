"""What the commands on documents share."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import pytest

from hiercls.cli.documents import device_of, opened, program, shows_progress, warnings_said
from hiercls.errors import ConfigError


def test_warnings_are_said_on_stderr_like_the_command_lines_own(capsys):
    with warnings_said():
        warnings.warn("mind the gap", stacklevel=1)
    assert capsys.readouterr() == ("", "warning: mind the gap\n")
    with pytest.warns(UserWarning, match="mind"):
        warnings.warn("mind the gap", stacklevel=1)


def test_a_file_that_breaks_off_is_not_there(tmp_path):
    path = tmp_path / "new" / "file.txt"

    def break_off() -> None:
        with opened(path) as file:
            file.write("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert list(path.parent.iterdir()) == []


def test_no_file_is_stdout(capsys):
    with opened(None) as file:
        file.write("whole")
    assert capsys.readouterr().out == "whole"


def test_a_device_that_is_not_there():
    assert device_of(None) is None
    with pytest.raises(ConfigError, match="no device 'abacus'"):
        device_of("abacus")


def test_progress_is_for_terminals(monkeypatch):
    assert not shows_progress()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert shows_progress()


def test_the_program_is_called_as_it_was(monkeypatch, tmp_path):
    script = tmp_path / "hiercls"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(script)])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program() == "hiercls"
    monkeypatch.setenv("PATH", "/nowhere")
    assert program() == str(script)
    monkeypatch.setattr(sys, "argv", [str(Path("anywhere") / "__main__.py")])
    assert program() == f"{sys.executable} -m hiercls"
