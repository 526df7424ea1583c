"""A customer's mix of topics: read from anywhere, and every fault told at once with its place."""

from __future__ import annotations

import json

import pytest

from hiercls.errors import TaxonomyError
from hiercls.taxonomy.shares import read_shares


def told(source, tiny):
    with pytest.raises(TaxonomyError) as caught:
        read_shares(source, hierarchy=tiny.hierarchy)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("name", ["mix.yaml", "mix.json"])
def test_files_texts_and_mappings_say_the_same(tiny, tmp_path, name):
    shares = {"A": 0.5, "D": 2, "F": 0}
    text = json.dumps(shares, indent=2) if name.endswith("json") else "A: .5\nD: 2\nF: 0\n"
    (tmp_path / name).write_text(text)
    for source in (tmp_path / name, text, shares):
        assert read_shares(source, hierarchy=tiny.hierarchy) == shares


def test_all_faults_are_told_with_their_places(tiny, tmp_path):
    path = tmp_path / "mix.yaml"
    path.write_text("A: '1'\nX: 1\nB: -2\nC: yes\nQ: .inf\nD:\nE: 0x1f\n1: 1\n")
    assert [line.removeprefix(f"{path}:") for line in told(path, tiny)] == [
        "1:4: at A: expected a number, got '1'",
        "2:1: at X: 'X' is no topic; give shares to the topics below it: 'A', 'B', 'C'",
        "3:4: at B: expected a number of 0 or more, got a number (-2)",
        "4:4: at C: expected a number, got a yes/no value (yes)",
        "5:1: at Q: unknown topic 'Q'; one of 'A', 'B', 'C', 'D', 'E', 'F'",
        "5:4: at Q: expected a number of 0 or more, got a number (.inf)",
        "6:3: at D: expected a number, got nothing",
        "7:4: at E: expected a number of 0 or more, got a number (0x1f)",
        "8:1: at 1: '1' is read as a number; quote it: \"1\"",
        "8:1: at 1: unknown topic '1'; one of 'A', 'B', 'C', 'D', 'E', 'F'",
    ]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{A: 0, B: 0}", "expected a share above 0 for some topic, got none"),
        ({}, "expected a share above 0"),
        ("- A: 1\n", "expected a mapping of topics to shares, got a list; such as 'A: 3'"),
        ("{A: 1, A: 2}", "key 'A' stands twice"),
        ("\n", "the file is empty"),
    ],
)
def test_what_is_no_mix(tiny, source, message):
    (line,) = told(source, tiny)
    assert message in line


def test_a_file_that_is_not_there(tiny, tmp_path):
    assert told(tmp_path / "none.yaml", tiny) == [f"{tmp_path / 'none.yaml'}: there is no such file"]
