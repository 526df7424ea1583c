"""How Sphinx builds the documentation site: ``make docs``, then open ``docs/_build/html/index.html``.

Its source is the repository itself: links between pages work here as they do in a checkout, and each page stands in one
place alone. The reference of the command line is written from the commands, that of Python from docstrings. No page
asks the network for anything.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer
from sphinx.application import Sphinx
from typer.cli import get_docs_for_click

import hiercls
from hiercls.cli import build

ROOT = Path(__file__).parents[1]

project = "hiercls"
author = "the authors of hiercls"
copyright = author
release = hiercls.__version__

root_doc = "docs/index"
include_patterns = [
    "docs/**.md",
    "docs/**.ipynb",
    "taxonomies/README.md",
    "benchmarks/*.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
]
exclude_patterns = ["docs/_build", ".*", "hiercls", "hostile", "tests", "mutants", "demo-output", "build", "dist"]
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_raise_on_error = True
nb_execution_timeout = 300

autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
maximum_signature_line_length = 88
napoleon_numpy_docstring = False
napoleon_use_admonition_for_examples = False
napoleon_custom_sections = ["Source"]

html_theme = "furo"
html_title = f"hiercls {release}"
html_copy_source = False
html_show_copyright = False


def name_whole_sentences(command: Any) -> None:
    """Let lists of commands say what each does in a whole sentence, which is otherwise cut short."""
    for below in getattr(command, "commands", {}).values():
        below.short_help = below.get_short_help_str(limit=200)
        name_whole_sentences(below)


def write_commands(file: Path) -> None:
    """Write the reference of the command line, as typer tells it; untouched where nothing has changed."""
    command = typer.main.get_command(build())
    name_whole_sentences(command)
    context = typer.Context(command, obj={"TYPER_RICH_MARKUP_MODE": "rich"})
    text = get_docs_for_click(obj=command, ctx=context, name="hiercls", title="Commands")
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")


def write_front_page(app: Sphinx, error: Exception | None) -> None:
    """Lead from the folder's ``index.html`` to the first page."""
    if error is None and app.builder.format == "html":
        target = app.builder.get_target_uri(root_doc)
        text = f'<!doctype html><meta http-equiv="refresh" content="0; url={target}"><a href="{target}">hiercls</a>\n'
        Path(app.outdir, "index.html").write_text(text, encoding="utf-8")


def is_foreign(app: Sphinx, what: str, name: str, member: Any, skip: bool, options: Any) -> bool | None:
    """Whether a member comes from scikit-learn, whose own documentation describes it."""
    return True if str(getattr(member, "__module__", "")).startswith("sklearn.") else None


def setup(app: Sphinx) -> None:
    """Connect the above."""
    app.connect("autodoc-skip-member", is_foreign)
    write_commands(ROOT / "docs" / "reference" / "commands.md")
    app.connect("build-finished", write_front_page)
