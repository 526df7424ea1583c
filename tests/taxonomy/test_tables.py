"""Taxonomies in Parquet: the same as in YAML, whether all is well or not."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hiercls.errors import MissingExtraError, TaxonomyError
from hiercls.taxonomy import Taxonomy, shipped, tables
from hiercls.taxonomy.validation import load_taxonomy

HEAD = {"hiercls": 1, "levels": ["area", "topic"]}
TREE = [(None, None, "X"), (None, None, "Y"), *((None, "X", topic) for topic in "ABC"), (None, "Y", "D")]


def write(path: Path, rows, head=HEAD, **options) -> Path:
    columns = [pa.array([row[place] for row in rows], pa.string()) for place in range(3)]
    metadata = {} if head is None else {"hiercls": json.dumps(head)}
    schema = pa.schema([(name, pa.string()) for name in tables.COLUMNS], metadata=metadata)
    pq.write_table(pa.table(columns, schema=schema), path, **options)
    return path


def plain(rows, customers):
    """The same as nested data."""
    topics = {"X": ["A", "B", "C"], "Y": ["D"]}
    grouped = {}
    for customer, name, node in rows:
        grouped.setdefault(customer, {"classes": {}})["classes"].setdefault(name, []).append(node)
    for customer, stated in customers.items():
        grouped[customer] = {**grouped.get(customer, {"classes": {}}), **stated}
    return {**HEAD, "topics": topics, "customers": grouped}


def outcome(make):
    try:
        return make()
    except TaxonomyError as error:
        return [problem.message for problem in error.problems]


@pytest.mark.parametrize("name", ["tiny", "newsgroups", "pydocs"])
def test_what_is_written_reads_back_the_same(name, tmp_path):
    taxonomy = Taxonomy.from_yaml(shipped(name))
    taxonomy.to_parquet(tmp_path / "a.parquet")
    found = Taxonomy.from_parquet(tmp_path / "a.parquet")
    assert found == taxonomy
    assert found.to_yaml() == taxonomy.to_yaml()


def test_everything_of_the_schema_reads_back_the_same(tmp_path):
    data = {
        "hiercls": 1,
        "name": "é all",
        "levels": ["area", "part", "topic"],
        "topics": {"X": {"P": ["A", "B"], "Q": ["B", "C"]}, "Y": {"R": ["D"]}, "W": None},
        "multi_parent": ["B"],
        "about": {"A": "what A is"},
        "customers": {
            "one": {"AB": ["A", "B"], "Other": "rest"},
            "two": {"classes": {"P": "P", "Y": ["Y", "A"]}, "partial": True, "overlapping": True},
            "three": {"classes": {"X": "X", "Y": ["W", "rest"]}, "costs": {"X": {"Y": 5}, "Y": 2.5}},
        },
    }
    taxonomy = Taxonomy.from_dict(data)
    taxonomy.to_parquet(tmp_path / "a.parquet")
    found = Taxonomy.from_parquet(tmp_path / "a.parquet")
    assert found == taxonomy
    assert found.to_dict() == taxonomy.to_dict()


customers = st.fixed_dictionaries(
    {},
    optional={
        "c": st.fixed_dictionaries({}, optional={"partial": st.booleans(), "overlapping": st.booleans()}),
        "d": st.sampled_from(
            [{"partial": True}, {"costs": {"k": 2}}, {"costs": {"zz": 2}}, {"partal": True}, {"partial": 3}]
        ),
    },
)
rows = st.lists(
    st.tuples(
        st.sampled_from(["c", "c", "d", "topic"]),
        st.sampled_from(["k", "l", "m", " "]),
        st.sampled_from([*"ABCD", "A", "B", "X", "Y", "rest", "Z"]),
    ),
    max_size=8,
)
whole = st.permutations([("c", "k", "A"), ("c", "k", "B"), ("c", "l", "C"), ("c", "m", "D")])


@settings(
    derandomize=True, max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    memberships=st.one_of(rows, st.tuples(whole, rows).map(lambda parts: [*parts[0], *parts[1][:2]])), stated=customers
)
def test_the_quick_check_finds_what_the_slow_one_finds(memberships, stated, tmp_path):
    path = write(tmp_path / "a.parquet", [*TREE, *memberships], {**HEAD, "customers": stated})
    expected = outcome(lambda: load_taxonomy(plain(memberships, stated)))
    assert outcome(lambda: tables.load_table(path)) == expected


def test_what_is_well_is_never_read_the_slow_way(tmp_path, monkeypatch):
    memberships = [
        ("c", "k", "X"),
        ("c", "l", "D"),
        ("d", "k", "A"),
        ("d", "rest", "rest"),
        ("e", "k", "X"),
        ("e", "l", "A"),
    ]
    stated = {"e": {"partial": True, "overlapping": True}}
    path = write(tmp_path / "a.parquet", [*TREE, *memberships], {**HEAD, "customers": stated})
    expected = Taxonomy.from_dict(plain(memberships, stated))
    monkeypatch.setattr(tables, "_plain_customers", None)
    assert Taxonomy.from_parquet(path) == expected


def test_row_groups_and_dictionaries_do_not_show(tmp_path):
    rng = np.random.default_rng(0)
    topics = [f"t{number}" for number in range(50)]
    tree = [(None, None, topic) for topic in topics]
    memberships = [(f"c{c}", f"k{rng.integers(7)}", topic) for c in range(9) for topic in topics]
    memberships = [memberships[place] for place in rng.permutation(len(memberships))]
    head = {"hiercls": 1, "levels": ["topic"]}
    one = Taxonomy.from_parquet(write(tmp_path / "a.parquet", [*tree, *memberships], head))
    other = write(tmp_path / "b.parquet", [*tree, *memberships], head, row_group_size=20, use_dictionary=False)
    assert one == Taxonomy.from_parquet(other)
    for customer, name, topic in memberships[:50]:
        assert topic in one.view(customer).topics_of(name)


@pytest.mark.parametrize(
    ("rows", "head", "said"),
    [
        (
            TREE,
            None,
            "expected the rest of the taxonomy as a JSON object in the file's metadata, under 'hiercls'"
            "; Taxonomy.to_parquet writes such files",
        ),
        (TREE, [], "expected the rest of the taxonomy as a JSON object"),
        (TREE, {**HEAD, "topics": ["A"]}, "expected topics and classes as rows"),
        (TREE, {**HEAD, "customers": {"c": {"classes": {"A": "A"}}}}, "expected topics and classes as rows"),
        (TREE, {**HEAD, "customers": ["c"]}, "at customers: expected a mapping, got a list"),
        (
            TREE,
            {**HEAD, "customers": {"c": 3}},
            "at customers.c: expected a mapping of classes to topics, got a number",
        ),
        (TREE, {"hiercls": 1}, "at levels: expected the key 'levels'"),
        ([], HEAD, "expected topics, got none"),
        ([*TREE, ("c", None, "A")], HEAD, "at row 7: expected a class, got nothing"),
        ([*TREE, ("c", None, "X")], HEAD, "at row 7: expected a class, got nothing"),
        ([*TREE, ("c", "k", None)], HEAD, "at row 7: expected a node, got nothing"),
        ([*TREE, (None, "X", "A")], HEAD, "'A' stands twice under 'X'"),
        ([*TREE, (None, None, "X")], HEAD, "'X' stands twice at the top"),
        ([*TREE, (None, "P", "Q"), (None, "Q", "P")], HEAD, "'P' stands neither at the top nor below a node that does"),
        ([*TREE, (None, "A", "X")], HEAD, "the hierarchy runs in a circle: X → A → X"),
        ([*TREE, (None, "Y", "A")], HEAD, "at topics.Y[1]: 'A' stands twice, under 'X' and under 'Y'"),
        ([*TREE, *((None, "D" + "d" * n, "D" + "d" * (n + 1)) for n in range(40))], HEAD, "nested deeper than 32"),
    ],
)
def test_what_is_wrong_is_said_with_the_file(rows, head, said, tmp_path):
    path = write(tmp_path / "a.parquet", rows, head)
    with pytest.raises(TaxonomyError) as caught:
        Taxonomy.from_parquet(path)
    assert f": {said}" in str(caught.value)
    assert str(caught.value).splitlines()[0].endswith(f" in {path}:")
    assert {problem.file for problem in caught.value.problems} == {str(path)}


def test_metadata_that_is_nested_without_end(tmp_path):
    columns = {name: pa.array(["a"]) for name in tables.COLUMNS}
    table = pa.table(columns).replace_schema_metadata({"hiercls": "[" * 100_000})
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(TaxonomyError, match="expected the rest of the taxonomy as a JSON object"):
        Taxonomy.from_parquet(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    "rows",
    [
        [("c", "k", None)] * 25,
        [(None, "X", f"n{place // 2}") for place in range(50)],
        [(None, None, f"n{place // 2}") for place in range(50)],
        [(None, f"n{place}", f"m{place}") for place in range(25)],
    ],
)
def test_no_more_than_twenty_faults_of_a_kind_are_told(rows, tmp_path):
    with pytest.raises(TaxonomyError) as caught:
        Taxonomy.from_parquet(write(tmp_path / "a.parquet", [*TREE, *rows]))
    assert len(caught.value.problems) == 20


def test_rows_are_bounded(tmp_path, monkeypatch):
    path = write(tmp_path / "a.parquet", TREE)
    monkeypatch.setattr(tables, "MAX_ROWS", len(TREE))
    assert len(Taxonomy.from_parquet(path).topics) == 4
    monkeypatch.setattr(tables, "MAX_ROWS", len(TREE) - 1)
    with pytest.raises(TaxonomyError, match="more than 5 rows"):
        Taxonomy.from_parquet(path)


@pytest.mark.parametrize("module", ["pyarrow", "pyarrow.parquet"])
def test_without_pyarrow_the_extra_is_named(module, tmp_path, monkeypatch):
    tiny = Taxonomy.from_yaml(shipped("tiny"))
    tiny.to_parquet(tmp_path / "a.parquet")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"hiercls\[tables\]"):
        Taxonomy.from_parquet(tmp_path / "a.parquet")
    with pytest.raises(MissingExtraError, match=r"hiercls\[tables\]"):
        tiny.to_parquet(tmp_path / "b.parquet")


def test_columns_that_lack_or_are_no_strings(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"customer": ["a"], "node": [1]}), path)
    with pytest.raises(TaxonomyError) as caught:
        Taxonomy.from_parquet(path)
    assert all(f"expected a column '{name}' of strings" in str(caught.value) for name in ("class", "node"))
    pq.write_table(pa.table({name: [["a"]] for name in tables.COLUMNS}), path)
    with pytest.raises(TaxonomyError, match="expected a column 'customer' of strings"):
        Taxonomy.from_parquet(path)
    path.write_text("no table")
    for file, said in ((path, "expected a Parquet file, which this is not"), (tmp_path / "b", "there is no such file")):
        with pytest.raises(TaxonomyError, match=said) as caught:
            Taxonomy.from_parquet(file)
        assert caught.value.problems[0].file == str(file)
        assert str(caught.value).splitlines()[0].endswith(f" in {file}:")


def test_a_path_says_by_its_ending_what_it_is(tmp_path):
    tiny = Taxonomy.from_yaml(shipped("tiny"))
    tiny.to_parquet(tmp_path / "tiny.PARQUET")
    assert Taxonomy.read(tmp_path / "tiny.PARQUET") == tiny == Taxonomy.read(str(shipped("tiny")))
    assert Taxonomy.read(tiny.to_yaml()) == tiny
    assert (
        Taxonomy.read("hiercls: 1\nlevels: [topic]\ntopics: [A, B.parquet]\nname: a.parquet").topics[1] == "B.parquet"
    )
