"""The README and the pages of docs/ tell the truth: their Python runs and prints what stands there, commands work.

All ``python`` blocks run in order, as one program, in an empty folder; a ``text`` block after one is what it prints.
In ``console`` blocks the ``$ hiercls`` lines run; what stands under such a line is what it prints, ``...`` standing for
anything. Lines that need the network or minutes (``make``, ``pip``, ``git``, ``cd``) only have to be of a known kind.

The pages of docs/cookbook/ run so, too, each in a copy of the folder that the first of them makes, and in one process;
that they work when they are typed into a shell, the server among them, is a slow test. Numbers may differ a little.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import itertools
import math
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from hiercls.cli import build
from hiercls.encoding import precision
from hiercls.errors import TaxonomyError
from hiercls.taxonomy import Taxonomy, shipped

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<body>.*?)^ *```$", re.MULTILINE | re.DOTALL)
NOT_RUN = {"cd", "git", "make", "pip", "python3"}
SLOW = {"benchmark", "demo"}
"""Commands of hiercls that take minutes, and have tests of their own."""
COOKBOOK = ROOT / "docs" / "cookbook"
PAGES = sorted(file.name for file in COOKBOOK.glob("*.md"))
IN_A_SHELL = {"api.md"}
"""Pages that are typed into a shell alone, by the slow test."""
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True)
class Block:
    """One fenced block of a page, and the line it starts at."""

    language: str
    body: str
    line: int


@dataclass(frozen=True)
class Command:
    """One line after ``$`` and the output that the page shows under it."""

    words: tuple[str, ...]
    output: str
    line: str = field(default="", compare=False)


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page in order."""
    return [
        Block(match["language"], textwrap.dedent(match["body"]), page[: match.start()].count("\n") + 2)
        for match in FENCE.finditer(page)
    ]


def commands(page: str) -> list[Command]:
    """The commands in the ``console`` blocks of a page."""
    found = []
    for block in blocks(page):
        if block.language == "console":
            for part in re.split(r"^\$ ", block.body, flags=re.MULTILINE)[1:]:
                line, _, output = part.replace("\\\n", " ").partition("\n")
                found.append(Command(tuple(shlex.split(line, comments=True)), output, line))
    return found


def same(got: str, shown: str) -> bool:
    """Whether an output is as shown, ``...`` standing for anything."""
    tidy = ["\n".join(line.rstrip() for line in text.strip().splitlines()) + "\n" for text in (shown, got)]
    return doctest.OutputChecker().check_output(tidy[0], tidy[1], doctest.ELLIPSIS)


def alike(got: str, shown: str) -> bool:
    """Whether an output is as shown, but for spaces, and for numbers that another machine makes a little different."""
    parts = re.split(rf"(\.\.\.|{NUMBER.pattern})", " ".join(shown.split()))
    kinds = {part: ".*?" if part == "..." else r"(\d[\d,]*(?:\.\d+)?)" for part in parts[1::2]}
    match = re.fullmatch("".join(kinds.get(part) or re.escape(part) for part in parts), " ".join(got.split()))
    numbers = [part for part in parts[1::2] if part != "..."]
    return match is not None and all(
        math.isclose(*(float(number.replace(",", "")) for number in pair), rel_tol=0.25, abs_tol=0.02)
        for pair in zip(match.groups(), numbers, strict=True)
    )


def run_python(page: str) -> list[str]:
    """Run the Python blocks of a page in one namespace; the outputs that differ from those shown."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    differences = []
    found = blocks(page)
    for block, after in itertools.pairwise([*found, None]):
        if block.language != "python":
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("\n" * (block.line - 1) + block.body, "README.md", "exec"), namespace)
        if after is not None and after.language == "text" and not same(printed.getvalue(), after.body):
            differences.append(f"line {block.line} printed\n{printed.getvalue()}\nbut the page shows\n{after.body}")
    return differences


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """An empty folder, but for the taxonomies that the page names."""
    shutil.copytree(ROOT / "taxonomies", tmp_path / "taxonomies")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pages() -> list[str]:
    """The README, and the pages of docs/ but for what the site's own build makes and runs."""
    files = (file.relative_to(ROOT) for file in sorted((ROOT / "docs").rglob("*.md")))
    return ["README.md", *(file.as_posix() for file in files if not {"_build", "notebooks"} & set(file.parts))]


@pytest.mark.parametrize("page", pages())
def test_python_blocks_print_what_the_page_shows(elsewhere, page):
    assert run_python((ROOT / page).read_text(encoding="utf-8")) == []


Trained = dict[str, tuple[str, Path]]
"""What a command that trains has printed, and its model: two pages may train the same."""


def type_in(command: Command, trained: Trained) -> str:
    """Run a command; all that it prints, as a terminal shows it."""
    if command.words[0] in {"cat", "cp"}:
        return subprocess.run(command.line, shell=True, capture_output=True, text=True, check=True).stdout
    assert command.words[0] == "hiercls", f"no test knows how to run '{command.line}'"
    if command.line in trained:
        printed, model = trained[command.line]
        shutil.copytree(model, command.words[-1])
        return printed
    result = CliRunner().invoke(build(), command.words[1:])
    assert result.exit_code == 0, f"{command.line} printed\n{result.output}"
    if command.words[1] == "train":
        trained[command.line] = str(result.output), Path(command.words[-1]).resolve()
    return str(result.output)


def run_commands(page: str, trained: Trained) -> list[str]:
    """Run the commands of a page in this process; the outputs that differ from those shown."""
    differences = []
    for command in commands(page):
        if command.words[0] in NOT_RUN or command.words[1:2] in [(name,) for name in SLOW]:
            continue
        got = type_in(command, trained)
        if command.output.strip() and not alike(got, command.output):
            differences.append(f"{command.line} printed\n{got}\nbut the page shows\n{command.output}")
    return differences


def lay_out(folder: Path) -> Path:
    """What a copy of the repository has, as far as the cookbook needs it."""
    shutil.copytree(ROOT / "taxonomies", folder / "taxonomies")
    shutil.copytree(COOKBOOK / "files", folder / "docs" / "cookbook" / "files")
    return folder


def test_commands_print_what_the_pages_show(elsewhere, monkeypatch):
    monkeypatch.setattr(precision, "fast_precision", lambda device: torch.float32)  # in which the pages were printed
    monkeypatch.setattr(sys, "argv", ["hiercls"])  # which is how commands name themselves where they say what is next
    trained: Trained = {}
    differences = run_commands(README, trained)
    kitchen = lay_out(elsewhere / "kitchen")
    for name in ["index.md", *(name for name in PAGES if name not in {"index.md", *IN_A_SHELL})]:
        monkeypatch.chdir(kitchen if name == "index.md" else shutil.copytree(kitchen, elsewhere / name))
        page = (COOKBOOK / name).read_text(encoding="utf-8")
        differences += [f"{name}: {found}" for found in run_commands(page, trained)]
    assert "\n".join(differences) == ""


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in PAGES if name != "index.md"])
def test_the_cookbook_works_when_typed_into_a_shell(name, tmp_path):
    script = tmp_path / "bin" / "hiercls"
    script.parent.mkdir()
    script.write_text(f"#!{sys.executable}\nfrom hiercls.cli import main\nmain()\n")
    script.chmod(0o755)
    typed = [command for page in ("index.md", name) for command in commands((COOKBOOK / page).read_text("utf-8"))]
    lines = ["set -e", "trap 'kill $(jobs -p) || true' EXIT", *(f"{one.line}\necho '<end>'" for one in typed)]
    path = f"{script.parent}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        cwd=lay_out(tmp_path / "kitchen"),
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    printed = result.stdout.split("<end>\n")[: len(typed)]
    assert [one.line for one, got in zip(typed, printed, strict=True) if not alike(got, one.output)] == []


def customers_of(example: str) -> tuple[str, ...]:
    """The customers of a YAML example: a whole taxonomy, a customer's file, or a part of the tiny taxonomy."""
    tiny = shipped("tiny").read_text(encoding="utf-8")
    if example.startswith("customer:"):
        return Taxonomy.from_yaml(tiny).with_customer(example).customers
    if "hiercls: 1" not in example:
        example = {"customers": tiny.partition("customers:")[0], "topics": "hiercls: 1\nlevels: [area, topic]\n"}[
            example.partition(":")[0]
        ] + example
    return Taxonomy.from_yaml(example).customers


@pytest.mark.parametrize("page", ["taxonomies/README.md", "docs/quickstart.md", "docs/asks/stop-early.md"])
def test_yaml_examples_are_legal(page):
    examples = [block.body for block in blocks((ROOT / page).read_text(encoding="utf-8")) if block.language == "yaml"]
    assert examples
    for example in examples:
        customers_of(example)


def test_parts_of_a_taxonomy_are_completed_before_they_are_read():
    assert customers_of("customers:\n  four: {classes: {A: A}, partial: true}\n") == ("four",)
    with pytest.raises(TaxonomyError, match="leaves out"):
        customers_of("customer: four\nclasses: {A: A}\n")


def test_the_page_names_the_two_commands_that_do_the_set_up():
    assert {("make", "demo"), ("make", "test")} <= {command.words[:2] for command in commands(README)}


PAGE = """
```python
x = 1
```
```python
print(x + 1)
```
```text
{shown}
```
```console
$ make demo
$ hiercls check \\
    a.yaml  # why
fine
```
"""


@pytest.mark.parametrize(
    ("got", "is_alike"),
    [
        ("a 80.1%  of 1,201 c\n", True),
        ("a 80.1% of 1,201 of all c", True),
        ("a 50.1% of 1,201 c", False),
        ("b 80.1% of 1,201 c", False),
        ("a 80.1% of 1,201 c d", False),
    ],
)
def test_numbers_may_differ_a_little(got, is_alike):
    assert alike(got, "a 80.0% of 1,200... c\n") == is_alike


@pytest.mark.parametrize(("shown", "n_differences"), [("2", 0), ("3", 1), ("...", 0)])
def test_a_wrong_output_is_found(shown, n_differences):
    assert len(run_python(PAGE.format(shown=shown))) == n_differences


def test_commands_are_read_with_their_output():
    assert commands(PAGE) == [
        Command(("make", "demo"), ""),
        Command(("hiercls", "check", "a.yaml"), "fine\n"),
    ]


def test_the_table_of_speed_is_what_the_benchmark_printed():
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("### How fast\n")[1].split("\n## ")[0]
    shown = [line for line in section.splitlines() if line.startswith("|")]
    printed = (ROOT / "benchmarks" / "speed.md").read_text(encoding="utf-8")
    assert len(shown) > 10
    assert "\n".join(shown) in printed
