"""What all commands share: help, version, exit codes, and errors that are read and not traced."""

from __future__ import annotations

import errno
import re
import signal
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

import hiercls
from hiercls.cli import build
from hiercls.cli.app import CommandLine, aligned, write
from hiercls.errors import ConfigError

ANSI = re.compile(r"\x1b\[")


def all_commands(group, path=()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from all_commands(command, (*path, name))
        else:
            yield (*path, name)


COMMANDS = list(all_commands(typer.main.get_command(build())))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_of_every_command_has_an_example_of_it(command):
    result = CliRunner().invoke(build(), [*command, "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert f"Example: hiercls {' '.join(command)}" in " ".join(result.output.split())


def test_without_arguments_it_helps():
    result = CliRunner().invoke(build(), [])
    assert result.exit_code == 2
    assert all(command[0] in result.output for command in COMMANDS)
    assert "Exit codes: 0 fine; 1 a problem" in result.output


@pytest.mark.parametrize("arguments", [["chek"], ["check"], ["check", "a.yaml", "--jsn"]])
def test_wrong_usage_is_exit_code_2(arguments):
    assert CliRunner().invoke(build(), arguments).exit_code == 2


LONG = """
import signal, sys, time
import hiercls.cli.taxonomy
from hiercls.cli import main

def wait(*_):
    print("running", flush=True)
    time.sleep(60)

signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever the tests were started by
hiercls.cli.taxonomy.read_taxonomy = wait
sys.argv = ["hiercls", "check", "a.yaml"]
main()
"""


def test_ctrl_c_is_exit_code_130():
    with subprocess.Popen([sys.executable, "-c", LONG], text=True, stdout=-1, stderr=-1) as process:
        assert process.stdout.readline() == "running\n"
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in stderr


def test_both_ways_in_are_one_command():
    run = subprocess.run([sys.executable, "-m", "hiercls", "--version"], capture_output=True, text=True, check=True)
    assert run.stdout == f"hiercls {hiercls.__version__}\n"


def failing(error):
    app = typer.Typer(cls=CommandLine)

    @app.callback()
    def everything():
        """Nothing."""

    @app.command()
    def fail():
        raise error

    return CliRunner().invoke(app, ["fail"])


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConfigError("expected this, got that"), "error: expected this, got that\n"),
        (PermissionError(errno.EACCES, "Permission denied", "a.yaml"), "error: Permission denied: 'a.yaml'\n"),
    ],
)
def test_a_users_error_is_said_on_stderr_with_exit_code_1(error, said):
    result = failing(error)
    assert (result.exit_code, result.stderr, result.stdout) == (1, said, "")


def test_our_own_error_keeps_its_traceback():
    assert isinstance(failing(ZeroDivisionError()).exception, ZeroDivisionError)


def test_colours_appear_on_terminals_alone(monkeypatch):
    assert not ANSI.search(failing(ConfigError("no")).stderr)
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = CliRunner().invoke(build(), ["check", "none.yaml"], color=True)
    assert ANSI.search(coloured.stderr)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not ANSI.search(CliRunner().invoke(build(), ["check", "none.yaml"], color=True).stderr)


def test_rows_of_different_lengths_are_aligned():
    assert aligned([("a", "bb", "c"), ("aaa",), ("", "b")]) == ["a    bb  c", "aaa", "     b"]
    assert aligned([]) == []


def test_a_file_is_overwritten_only_by_force(tmp_path):
    path = tmp_path / "new" / "file.txt"
    write(path, "one", force=False)
    with pytest.raises(ConfigError, match="is there already"):
        write(path, "two", force=False)
    write(path, "three", force=True)
    assert path.read_text() == "three"
