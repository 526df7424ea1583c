"""The commands on taxonomy files."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from hiercls.cli import build
from hiercls.taxonomy import shipped

TINY = str(shipped("tiny"))
BAD = """\
hiercls: 1
levels: [topic]
topics: [A, B, A]
foo: 1
customers:
  c: {AB: [A, Q]}
"""


def run(*arguments):
    return CliRunner().invoke(build(), [str(argument) for argument in arguments])


@pytest.fixture
def bad(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(BAD)
    return path


def test_check_says_what_is_in_a_fine_taxonomy():
    result = run("check", TINY)
    assert result.exit_code == 0
    assert result.stderr == ""
    assert "'tiny' is fine: 6 topics" in result.stdout
    assert "two       4        6       partition" in result.stdout.splitlines()
    assert "rank 6 of 6: they determine every topic" in result.stdout


def test_check_says_all_problems_one_a_line_with_their_places(bad):
    result = run("check", bad)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert [line.removeprefix(f"{bad}:").split(":")[0] for line in lines] == ["3", "4", "6", "6"]
    assert "unknown key 'foo'" in lines[1]
    assert result.stderr == f"error: 4 problems in '{bad}'\n"


def test_check_of_a_file_that_is_not_there(tmp_path):
    result = run("check", tmp_path / "none.yaml")
    assert result.exit_code == 1
    assert "there is no such file" in result.stdout


@pytest.mark.parametrize(
    "arguments", [["check"], ["check", TINY, "--customer"], ["diff", TINY], ["init"], ["show", "-o", "f.svg"]]
)
def test_a_pipe_in_a_files_place_is_said_and_not_waited_for(tmp_path, arguments):
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    command = [sys.executable, "-m", "hiercls", *arguments, str(path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert result.returncode == 1
    assert (
        f"{path}: expected a file, got a named pipe; write what it carries to a file" in result.stdout + result.stderr
    )


def test_check_reads_standard_input_where_it_is_named():
    command = [sys.executable, "-m", "hiercls", "check", "/dev/stdin"]
    result = subprocess.run(command, input=shipped("tiny").read_bytes(), capture_output=True, timeout=60)
    assert (result.returncode, result.stderr) == (0, b"")


def test_check_as_json_has_the_same_keys_fine_or_not(bad):
    fine, not_fine = run("check", TINY, "--json"), run("check", bad, "--json")
    assert (fine.exit_code, not_fine.exit_code) == (0, 1)
    good, found = json.loads(fine.stdout), json.loads(not_fine.stdout)
    assert good.keys() == found.keys()
    assert (good["is_fine"], good["identifiability"]["rank"], good["problems"]) == (True, 6, [])
    assert good["customers"][1] == {"name": "two", "n_classes": 4, "n_topics": 6, "kind": "partition"}
    assert found["is_fine"] is False
    assert found["problems"][1]["line"] == 4
    assert len(found["problems"]) == 4


def taxonomy_of(tmp_path, customers):
    path = tmp_path / "t.yaml"
    path.write_text(f"hiercls: 1\nlevels: [topic]\ntopics: [A, B, C, D]\ncustomers: {customers}\n")
    return path


@pytest.mark.parametrize(
    ("customers", "rank", "warnings"),
    [
        ("{c: {AB: [A, B], C: C, D: D}}", 3, ["every view groups 'A', 'B' alike"]),
        ("{c: {AB: [A, B], CD: [C, D]}, d: {AC: [A, C], BD: [B, D]}}", 3, ["leave open how 'A', 'B', 'C', 'D' share"]),
        (
            "{c: {classes: {A: A, B: B}, partial: true}}",
            2,
            ["leave open how 'A', 'B', 'C', 'D' share", "no view names 'C', 'D'"],
        ),
    ],
)
def test_check_warns_of_what_the_labels_leave_open(tmp_path, customers, rank, warnings):
    path = taxonomy_of(tmp_path, customers)
    result, found = run("check", path), json.loads(run("check", path, "--json").stdout)
    assert result.exit_code == 0
    assert f"rank {rank} of 4" in result.stdout
    assert found["identifiability"]["rank"] == rank
    assert found["identifiability"]["condition_number"] is None
    assert found["identifiability"]["is_determined"] is False
    for warning in warnings:
        assert warning in result.stderr
        assert any(warning in line for line in found["warnings"])


def test_check_without_customers_asks_nothing_of_them(tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text("hiercls: 1\nlevels: [topic]\ntopics: [A, B]\n")
    assert "rank" not in run("check", path).stdout
    assert json.loads(run("check", path, "--json").stdout)["identifiability"] is None


def test_check_names_few_of_many(tmp_path):
    topics = [f"t{index}" for index in range(200)]
    groups = {f"g{index}": topics[2 * index : 2 * index + 2] for index in range(90)} | {"all": topics[180:]}
    path = tmp_path / "t.yaml"
    path.write_text(json.dumps({"hiercls": 1, "levels": ["topic"], "topics": topics, "customers": {"c": groups}}))
    warnings = run("check", path).stderr.splitlines()
    assert len(warnings) == 6
    assert "86 more groups" in warnings[-1]


def test_check_adds_customers_from_their_own_files(tmp_path):
    acme, wrong = tmp_path / "acme.yaml", tmp_path / "wrong.yaml"
    acme.write_text("customer: acme\nclasses: {Vowels: [A, E], Other: rest}\n")
    wrong.write_text("customer: wrong\nclasses: {Vowels: [A, I], Other: rest}\n")
    assert "acme      2        6       partition" in run("check", TINY, "--customer", acme).stdout
    both = run("check", TINY, "--customer", wrong, "--customer", wrong)
    assert both.exit_code == 1
    assert both.stdout.count("unknown topic 'I'") == 2


def test_check_takes_no_torch():
    code = "import sys\nfrom hiercls.cli import main\ntry:\n    main()\nfinally:\n    assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, "check", TINY], check=True, capture_output=True, env=os.environ)


def test_schema_is_printed_or_written(tmp_path):
    printed = json.loads(run("schema").stdout)
    assert printed["$schema"].startswith("https://json-schema.org/")
    path = tmp_path / "hiercls.schema.json"
    result = run("schema", "-o", path)
    assert json.loads(path.read_text()) == printed
    assert "# yaml-language-server: $schema=" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(("kind", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_show_draws(tmp_path, kind, start):
    path = tmp_path / f"tiny.{kind}"
    result = run("show", TINY, "-o", path)
    assert (result.exit_code, result.stdout) == (0, "")
    assert path.read_bytes().startswith(start)


def test_show_says_which_figures_it_can_write(tmp_path):
    result = run("show", TINY, "-o", tmp_path / "tiny.gif")
    assert result.exit_code == 1
    assert "expected a figure that ends in .svg or .png or .pdf" in result.stderr


def test_show_of_a_wrong_taxonomy_says_what_is_wrong(bad, tmp_path):
    result = run("show", bad, "-o", tmp_path / "bad.svg")
    assert result.exit_code == 1
    assert "4 problems in" in result.stderr
    assert not (tmp_path / "bad.svg").exists()


@pytest.mark.parametrize(
    "arguments", [["schema"], ["show", TINY], ["init", str(shipped("tiny").with_name("tiny.jsonl")), "--force"]]
)
def test_a_disk_that_is_full_leaves_the_old_file_whole(tmp_path, monkeypatch, arguments):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "old.svg"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    result = run(*arguments, "-o", path)
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (1, f"error: No space left on device: '{path}'")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["old.svg"]


def test_diff_says_what_changed_in_words(tmp_path):
    new = tmp_path / "new.yaml"
    new.write_text(
        shipped("tiny").read_text().replace("{ABC: [A, B, C], D: D, EF: [E, F]}", "{ABCD: [X, D], EF: [E, F]}")
    )
    result = run("diff", TINY, new)
    assert result.exit_code == 0
    assert "'ABCD'" in result.stdout
    assert run("diff", TINY, TINY).stdout == ""


def test_schema_is_the_one_beside_the_taxonomies():
    beside = shipped("tiny").with_name("hiercls.schema.json")
    assert json.loads(run("schema").stdout) == json.loads(beside.read_text())


def test_check_names_the_customer_file_whose_problems_it_counts(tmp_path):
    result = run("check", TINY, "--customer", tmp_path / "none.yaml")
    assert result.stderr == f"error: 1 problem in '{tmp_path / 'none.yaml'}'\n"


def test_show_makes_the_folder_and_says_which_letters_no_font_has(tmp_path):
    path, output = tmp_path / "t.yaml", tmp_path / "new" / "t.png"
    path.write_text('{hiercls: 1, levels: [topic], topics: [A, "\\U0001FAE9\\U0001FAE9", "\\U0001FADF"]}')
    result = run("show", path, "-o", output)
    assert result.exit_code == 0, result.output
    assert output.read_bytes().startswith(b"\x89PNG")
    assert "warning: no installed font draws 2 of the characters" in result.stderr
