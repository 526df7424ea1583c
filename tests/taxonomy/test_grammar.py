"""The page on the grammar: its examples are read, and its bounds are those of the code."""

from __future__ import annotations

import re

import pytest

from hiercls.taxonomy import Taxonomy, reading, shipped

PAGE = shipped("tiny").with_name("README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_examples_are_read(tiny):
    first, long_form, costs, customer = BLOCKS
    assert Taxonomy.from_yaml(first).view("two") == tiny.view("two")
    several = Taxonomy.from_yaml(first.split("customers:")[0] + long_form)
    assert several.view("four").kind == "partial"
    priced = Taxonomy.from_yaml(first.split("customers:")[0] + costs)
    assert priced.costs("one").tolist() == [[0, 5, 2], [1, 0, 2], [1, 1, 0]]
    assert tiny.with_customer(customer).view("acme").topics_of("Other") == tuple("CDEF")


@pytest.mark.parametrize(
    ("topics", "leaves"),
    [("{X: [A, B]}", "AB"), ("{P: {X: [A, B], Z: [C]}}", "ABC"), ("[A, B, C]", "ABC"), ("[X: [A, B], W]", "ABW")],
)
def test_the_rows_of_the_table_are_read(topics, leaves):
    depth = 1 + topics.count("X") + topics.count("P")
    assert topics in PAGE or topics[1:-1] in PAGE
    taxonomy = Taxonomy.from_yaml(f"{{hiercls: 1, levels: {list('abc')[:depth]}, topics: {topics}}}")
    assert taxonomy.topics == tuple(leaves)


def test_the_bounds():
    assert f"at most {reading.MAX_BYTES // 2**20} MiB" in PAGE
    assert f"at most {reading.MAX_DEPTH} deep" in PAGE
    assert f"at most {reading.MAX_NODES:,} keys and values and {reading.MAX_ALIASES} aliases" in PAGE
    assert f"which add at most {reading.MAX_ALIASED:,}" in PAGE
