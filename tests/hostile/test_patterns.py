"""No pattern of the library takes longer than in proportion to the text, or nearly, whatever the text."""

from __future__ import annotations

import ast
import re
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FUNCTIONS = {"compile", "sub", "match", "fullmatch", "search", "split", "findall", "finditer"}
PIECES = (
    "a",
    " ",
    "0",
    "1:",
    "._",
    "-",
    "A b",
    "é",
    "\n",
    ".0",
    "a a",
    "import a",
    "F.",
    "[?]",
    "[?].",
    "[?]-L",
    "x as ",
)
LENGTH = 2000
GROWTH = 8
"""A text four times as long may take so many times as long: 4 is linear, 16 quadratic."""


def patterns():
    """Every pattern that stands in the library as text, and those that are put together of constants."""
    found = set()
    for path in (ROOT / "hiercls").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and (node.func.value.id, node.func.attr) in {("re", name) for name in FUNCTIONS}
                and isinstance(node.args[0], ast.Constant)
            ):
                found.add(node.args[0].value)
    from hiercls.data import pydocs
    from hiercls.serving import tokens

    for module in (pydocs, tokens):
        found |= {value.pattern for value in vars(module).values() if isinstance(value, re.Pattern)}
    return sorted(found)


def seconds(pattern, text):
    begun = time.thread_time()
    pattern.match(text)
    if not pattern.pattern.endswith(r"\Z"):  # those are matched from the beginning alone
        _ = [match.end() for match in pattern.finditer(text)]
    return time.thread_time() - begun


def growth(pattern):
    """By how much the worst text's time grows when it is four times as long; 0 where all are quick."""
    worst = 0.0
    for piece in PIECES:
        for end in ("", "!"):
            short, long = (piece * (length // len(piece)) + end for length in (LENGTH, 4 * LENGTH))
            needed = seconds(pattern, long)
            if needed > 0.01:  # below that a clock says little, and nobody waits
                worst = max(worst, needed / min(seconds(pattern, short) for _ in range(3)))
    return worst


def test_there_are_patterns():
    assert len(patterns()) > 12


@pytest.mark.parametrize("pattern", patterns())
def test_time_grows_with_the_text(pattern):
    assert growth(re.compile(pattern)) < GROWTH


def test_a_pattern_that_goes_back_over_the_text_is_found():
    assert growth(re.compile("a+b")) >= GROWTH
