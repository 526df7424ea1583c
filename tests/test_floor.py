"""The house: which room stands above which, and how large a room may be.

A file imports only what stands above it in ``ROOMS`` (or beside it, in its own room), so the list is also the order in
which to read the code. Ceilings hold for the worst, not the mean. Read with ``ast``: nothing is imported here.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import networkx as nx
import pytest

ROOMS = (
    "errors",
    "files",  # what stands at a path; writing whole or not at all
    "names",  # what a legal name is, and how it is written
    "data",  # rows: text, labels, customer; reading, splitting, corpora. No taxonomy, no torch
    "taxonomy",  # the map: spec, validation, graph, views, labels, identifiability. No torch
    "aggregation",  # topic log-probabilities × view → class log-probabilities
    "model",  # batch, encoder, heads, network
    "encoding",  # texts in order → batches → encodings
    "losses",
    "metrics",  # one family a file
    "calibration",
    "training",  # checkpoint, loop, and the only file that names torch.distributed
    "extension",  # other topics laid over the trained ones
    "scoring",  # a stream of texts → log-probabilities at any view
    "decoding",
    "customers",  # priors, audit, infer, adapt
    "export",  # graphs that need no torch to be read
    "estimator",  # the scikit-learn face
    "explain",
    "plots",
    "report",
    "scale",  # more documents than one process can answer: shards, engines
    "study",  # benchmark protocols
    "serving",
    "cli",  # one file per command group
)
FRONT_DOOR = {"hiercls", "hiercls.__main__"}  # loads all rooms, lazily; no room may ask it for more than the version
WITHOUT_TORCH = {"errors", "files", "names", "data", "taxonomy"}
HEAVY = {"torch", "transformers", "torchmetrics", "accelerate", "sentence_transformers"}
MANY_CLASSES = {"hiercls.errors", "hiercls.metrics.wrappers", "hiercls.serving.messages"}  # thin wrappers; shapes

N_FUNCTION_LINES = 40
N_MODULE_LINES = 300
N_PUBLIC_CLASSES = 2

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Module:
    """One file of the library: its dotted name, its text and its syntax tree."""

    name: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def room(self) -> str:
        return [*self.name.split("."), ""][1]

    @property
    def code_lines(self) -> set[int]:
        """The lines that hold code: no docstrings, comments or blanks."""
        layout = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        lines = {
            line for token in tokens if token.type not in layout for line in range(token.start[0], token.end[0] + 1)
        }
        for node in ast.walk(self.tree):
            if (
                isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        return lines

    @property
    def imports(self) -> Iterator[str]:
        """Every name that is imported anywhere in the file, functions and ``TYPE_CHECKING`` included."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                home = "." * node.level + (node.module or "")
                yield from (f"{home}.{alias.name}" for alias in node.names)
            elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in {"require", "import_module"}:
                yield from (value.value for value in node.args[:1] if isinstance(value, ast.Constant))


def library() -> list[Module]:
    """All modules of hiercls."""
    modules = []
    for path in sorted((ROOT / "hiercls").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        modules.append(Module(name, path.read_text(encoding="utf-8")))
    return modules


def import_faults(module: Module) -> list[str]:
    """The imports of a module that do not come from a room above it, or from its own."""
    if module.name in FRONT_DOOR:
        return []
    if module.room not in ROOMS:
        return [f"{module.name} is in no room of the list"]
    faults = []
    for target in module.imports:
        parts = target.split(".")
        if target.startswith("."):
            faults.append(f"{module.name} imports '{target}': write the full name")
        elif parts[0] == "hiercls" and target != "hiercls.__version__":
            if len(parts) == 1 or parts[1] not in ROOMS:
                faults.append(f"{module.name} imports '{target}' from the front door: import it from its room")
            elif ROOMS.index(parts[1]) > ROOMS.index(module.room):
                faults.append(f"{module.name} imports '{target}', which stands below it")
        elif parts[0] in HEAVY and module.room in WITHOUT_TORCH:
            faults.append(f"{module.name} imports '{target}', but '{module.room}' never imports torch")
    return faults


def size_faults(module: Module) -> list[str]:
    """The functions, classes and modules that are above their ceilings."""
    faults = []
    code = module.code_lines
    if len(code) > N_MODULE_LINES:
        faults.append(f"{module.name} has {len(code)} lines, more than {N_MODULE_LINES}")
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            n_lines = len(code & set(range(node.lineno, (node.end_lineno or node.lineno) + 1)))
            if n_lines > N_FUNCTION_LINES:
                faults.append(f"{module.name}.{node.name} has {n_lines} lines, more than {N_FUNCTION_LINES}")
    classes = [node.name for node in module.tree.body if isinstance(node, ast.ClassDef) and node.name[0] != "_"]
    if len(classes) > N_PUBLIC_CLASSES and module.name not in MANY_CLASSES:
        faults.append(f"{module.name} has {len(classes)} public classes, more than {N_PUBLIC_CLASSES}")
    return faults


def word_faults(module: Module) -> list[str]:
    """A missing docstring, an example that is skipped, torch.distributed or accelerate outside their one file."""
    faults = []
    if not ast.get_docstring(module.tree):
        faults.append(f"{module.name} has no docstring")
    if re.search(r"doctest:\s*\+SKIP", module.text):
        faults.append(f"{module.name} has an example that never runs")
    names = {ast.unparse(node) for node in ast.walk(module.tree) if isinstance(node, ast.Attribute)} | {*module.imports}
    joins = sorted(name for name in names if name.startswith(("torch.distributed", "accelerate")))
    if joins and module.name != "hiercls.training.distributed":
        faults.append(f"{module.name} names {joins[0]}, which only hiercls.training.distributed may")
    return faults


def import_graph(modules: list[Module]) -> nx.DiGraph[str]:
    """Who imports whom, file by file; the front door left out."""
    known = {module.name for module in modules} - FRONT_DOOR
    graph: nx.DiGraph[str] = nx.DiGraph()
    for module in modules:
        for target in module.imports:
            home = target if target in known else target.rpartition(".")[0]
            if home in known and module.name in known and home != module.name:
                graph.add_edge(module.name, home)
    return graph


LIBRARY = library()


@pytest.mark.parametrize("faults", [import_faults, size_faults, word_faults])
def test_the_house_stands(faults):
    assert [fault for module in LIBRARY for fault in faults(module)] == []


def test_no_file_imports_in_a_circle():
    assert [" → ".join(cycle) for cycle in nx.simple_cycles(import_graph(LIBRARY))] == []


def test_every_folder_is_a_package():
    folders = {path.parent for path in (ROOT / "hiercls").rglob("*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_what_needs_no_torch_loads_none():
    names = [module.name for module in LIBRARY if module.room in WITHOUT_TORCH | {"cli"} or module.name == "hiercls"]
    code = f"import sys, {', '.join(names)}; print(sorted({HEAVY!r} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.strip() == "[]"
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("name", "text", "faults", "said"),
    [
        ("hiercls.data.rows", "from hiercls.taxonomy import View", import_faults, "stands below"),
        ("hiercls.data.rows", "def f():\n    import hiercls.cli.app", import_faults, "stands below"),
        ("hiercls.taxonomy.view", "from torch import nn", import_faults, "never imports torch"),
        ("hiercls.taxonomy.view", "require('torch', extra='x')", import_faults, "never imports torch"),
        ("hiercls.losses", "from hiercls import View", import_faults, "front door"),
        ("hiercls.losses", "from . import errors", import_faults, "full name"),
        ("hiercls.cellar", "", import_faults, "in no room"),
        ("hiercls.losses", "def f():\n" + "    x = 1\n" * 40, size_faults, "41 lines"),
        ("hiercls.losses", "x = 1\n" * 301, size_faults, "301 lines"),
        ("hiercls.losses", "class A: ...\nclass B: ...\nclass C: ...", size_faults, "3 public classes"),
        ("hiercls.losses", "x = 1", word_faults, "no docstring"),
        ("hiercls.losses", "'''d'''\nimport torch\ntorch.distributed.barrier()", word_faults, "torch.distributed"),
        ("hiercls.losses", "'''d'''\nfrom torch import distributed", word_faults, "torch.distributed"),
        ("hiercls.losses", "'''d'''\nfrom accelerate import Accelerator", word_faults, "accelerate.Accelerator"),
        ("hiercls.losses", "'''d\n>>> f()  # doctest: +SKIP\n'''", word_faults, "never runs"),
    ],
)
def test_a_fault_is_found(name, text, faults, said):
    (found,) = faults(Module(name, text))
    assert said in found


@pytest.mark.parametrize(
    ("name", "text", "faults"),
    [
        ("hiercls.taxonomy.view", "from hiercls import __version__\nfrom hiercls.data.rows import Row", import_faults),
        ("hiercls.losses", 'def f():\n    """d\n\n    d\n    """\n' + "    # why\n\n    x = 1\n" * 39, size_faults),
        ("hiercls.training.distributed", "'''d'''\nimport torch.distributed", word_faults),
    ],
)
def test_what_is_right_is_no_fault(name, text, faults):
    assert faults(Module(name, text)) == []
