"""Names: what is legal, and how a name is quoted so that every YAML reader takes it for the same string."""

from __future__ import annotations

import unicodedata

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hiercls.names import cleaned, composed, name_fault, quoted, view_name_fault
from hiercls.taxonomy.reading import read_document

WORDS = ["yes", "No", "on", "OFF", "true", "null", "~", "y", "N", "1", "1e3", "0x1f", "0o7", "1_0", ".5", "1:30"]
WORDS += [
    "2024-01-01",
    "=",
    "<<",
    "-",
    "- a",
    "? a",
    "a: b",
    "a #b",
    "#a",
    "[a]",
    "{a}",
    "a, b",
    "*a",
    "&a",
    "!a",
    "%a",
]
WORDS += ["@a", "`a", "'a'", '"a"', "a\nb", "a\\b", "", " a", "é", "🙂", "\u2028", "\ufeff", "\x85", "---", "..."]
TEXTS = st.one_of(st.sampled_from(WORDS), st.text(st.characters(exclude_categories=["Cs"])))


@given(TEXTS)
def test_a_quoted_text_reads_back_as_the_same_string(text):
    for written in (f"a: {quoted(text)}\n", f"a: [{quoted(text)}]\n", f"a:\n  - {quoted(text)}\n"):
        value = read_document(written).data["a"]
        assert (value if isinstance(value, str) else value[0]) == composed(text)
    assert yaml.safe_load(f"{quoted(text)}: 1\n") == {text: 1}


@pytest.mark.parametrize("name", ["A", "PC World", "talk.politics.misc", "a/b (c)", "Y"])
def test_plain_names_are_not_quoted(name):
    assert quoted(name) == name


@given(st.one_of(st.none(), st.integers(), st.floats(), st.text(st.characters())))
def test_a_cleaned_value_is_a_legal_name_or_nothing(value):
    name = cleaned(value)
    assert name == "" or name_fault(name) is None


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("", "empty"),
        ("a ", "begins or ends"),
        ("a\tb", "control character"),
        ("a\u202eb", "U\\+202E"),
        ("a\u200bb", "invisible"),
        ("x" * 301, "301 characters"),
        ("\ud800", "surrogate"),
    ],
)
def test_names_that_are_not_legal(name, fault):
    with pytest.raises(AssertionError, match=fault):
        raise AssertionError(name_fault(name))


@pytest.mark.parametrize("name", ["a:b", "Ω", "नमस्ते", "a\u200db", "🙂"])
def test_names_that_are_legal(name):
    assert name_fault(name) is None
    assert (view_name_fault(name) is None) == (":" not in name)


@given(TEXTS)
def test_spellings_that_unicode_holds_equal_are_one(text):
    for form in ("NFC", "NFD"):
        assert composed(unicodedata.normalize(form, text)) == composed(text)
    assert unicodedata.is_normalized("NFC", composed(text))
    assert composed(composed(text)) == composed(text)
