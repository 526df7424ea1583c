"""Drafts: a legal taxonomy from any table or graph, with every guess noted."""

from __future__ import annotations

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiercls.errors import ConfigError, TaxonomyError
from hiercls.names import cleaned
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.draft import draft_from_edges, draft_from_graph, draft_from_table


def table(*rows, columns=("area", "topic", "one")):
    return [dict(zip(columns, row, strict=False)) for row in rows]


def test_the_tiny_world_from_a_table(tiny):
    rows = []
    for topic in tiny.topics:
        area = tiny.view("area").classes["DEF".find(topic) >= 0]
        row = {"text": "…", "area": area, "topic": topic}
        rows.append(row | {name: next(c for c in tiny.view(name).classes if topic in c) for name in tiny.customers})
    draft = draft_from_table(rows, levels=["area", "topic"], customers=tiny.customers, name="tiny")
    assert draft.taxonomy == tiny
    assert draft.notes == ()
    assert Taxonomy.from_yaml(draft.yaml) == tiny


def test_the_tiny_world_from_its_graph(tiny):
    draft = draft_from_graph(tiny.graph, levels=["area", "topic"])
    assert draft.taxonomy == tiny.without_customer("one").without_customer("two").without_customer("three")


def test_customers_in_rows():
    rows = table(
        ("A", "acme", "k"), ("B", "acme", "k"), ("B", "acme", "l"), ("A", "", "m"), columns=("t", "who", "what")
    )
    taxonomy = draft_from_table(rows, levels=["t"], customer_column="who", label_column="what").taxonomy
    assert taxonomy.customers == ("acme",)
    assert taxonomy.view("acme").kind == "overlapping"
    assert taxonomy.view("acme").topics_of("k") == ("A", "B")
    rows = table(("A", "acme", "k"), ("B", "acme", "l"), columns=("t", "who", "label"))
    assert draft_from_table(rows, levels=["t"], customer_column="who").taxonomy.view("acme").classes == ("k", "l")


def test_topics_without_a_class_make_a_customer_partial():
    draft = draft_from_table(table(("X", "A", 1), ("X", "B", None)), levels=["area", "topic"], customers=["one"])
    assert draft.taxonomy.view("one").kind == "partial"
    assert draft.taxonomy.view("one").classes == ("1",)


def test_paths_that_end_early_or_say_a_name_again_are_shallow_topics():
    rows = table(("X", "A"), ("W", None), ("V", "V"), ("", "B"), ("X", ""), ("U", float("nan")))
    draft = draft_from_table(rows, levels=["area", "topic"])
    assert draft.taxonomy.topics == ("A", "W", "V", "U")
    assert draft.taxonomy.view("area").classes == ("X", "W", "V", "U")


def test_a_name_at_two_depths_becomes_two_nodes():
    draft = draft_from_table(table(("X", "X"), ("X", "A"), ("Y", "rest")), levels=["area", "topic"])
    assert draft.taxonomy.topics == ("X (topic)", "A", "rest (topic)")
    assert "# 'X' of 'topic' is called 'X (topic)', since a name stands for one node" in draft.yaml.splitlines()


def test_a_new_name_is_not_one_that_is_taken():
    rows = table(("X", "X"), ("X", "A"), ("X (topic)", "B"))
    assert draft_from_table(rows, levels=["area", "topic"]).taxonomy.topics == ("X (topic)'", "A", "B")


def test_a_topic_under_two_areas_is_kept_and_noted():
    draft = draft_from_table(table(("X", "misc"), ("Y", "misc")), levels=["area", "topic"])
    assert draft.taxonomy.hierarchy.multi_parent == ("misc",)
    assert draft.notes[0].startswith("under several parents: 'misc'")


def test_levels_that_no_row_reaches_are_left_out():
    assert draft_from_table(table(("X", "")), levels=["area", "topic"]).taxonomy.levels == ("area",)


def test_names_of_views_are_made_legal_and_different():
    draft = draft_from_table(table(("A", "k"), columns=("a:b", "t")), levels=["a:b"], customers=["t"])
    assert draft.taxonomy.views == ("a b", "t")
    assert draft_from_table(table(("A", "A"), columns=("t", "u")), levels=["t"], customers=["t"]).taxonomy.views == (
        "t",
        "t'",
    )


@pytest.mark.parametrize("rows", [[], table(("", "A"))])
def test_without_topics_there_is_no_draft(rows):
    with pytest.raises(ConfigError, match="at least one topic"):
        draft_from_table(rows, levels=["area", "topic"])


def test_without_levels_there_is_no_draft():
    with pytest.raises(ConfigError, match="columns of the levels"):
        draft_from_table(table(("X", "A")), levels=[])


def test_edges():
    draft = draft_from_edges([("root", "X"), ("root", "Y"), ("X", 1), ("Y", "B"), ("Y", "rest")], name="e")
    assert draft.taxonomy.topics == ("1", "B", "rest (node)")
    assert draft.notes == ("'rest' is called 'rest (node)'", "'root' stood above all others and is left out")
    assert draft_from_edges([], nodes=["A", "B"]).taxonomy.levels == ("topic",)
    assert draft_from_edges([("X", "A")]).taxonomy.levels == ("level 1", "topic")
    assert draft_from_edges([("X", "A")]).taxonomy.name == "taxonomy"
    below = draft_from_edges([("rest", "A"), ("Y", "B")])
    assert below.taxonomy.view("level 1").classes == ("rest (node)", "Y")
    assert draft_from_edges([], nodes=["rest", "A"]).notes == below.notes == ("'rest' is called 'rest (node)'",)


def test_edges_that_are_no_hierarchy():
    with pytest.raises(TaxonomyError, match="circle: X → A → X"):
        draft_from_edges([("r", "X"), ("r", "Y"), ("X", "A"), ("A", "X")])
    with pytest.raises(TaxonomyError, match="all paths to 'C' must be equally long"):
        draft_from_edges([("A", "B"), ("B", "C"), ("A", "C"), ("D", "E")])
    with pytest.raises(ConfigError, match="at least one topic"):
        draft_from_edges([])
    with pytest.raises(ConfigError, match=r"^expected a directed graph .*; use a DiGraph$"):
        draft_from_graph(networkx.Graph([("X", "A")]))


def test_a_graph_without_a_name_is_called_taxonomy():
    graph = networkx.DiGraph([("X", "A"), ("X", "B"), ("Y", "C")])
    assert draft_from_graph(graph).taxonomy.name == "taxonomy"
    assert draft_from_graph(graph, name="own").taxonomy.name == "own"


CELLS = st.one_of(
    st.none(), st.sampled_from(["A", "B", "rest", "yes", " a ", "x:y", "1"]), st.text(max_size=3), st.integers()
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS, CELLS), max_size=12))
def test_any_table_gives_a_legal_taxonomy_or_says_why_not(rows):
    given_rows = table(*rows, columns=("l1", "l2", "l3", "c1", "who"))
    columns = {"levels": ["l1", "l2", "l3"], "customers": ["c1"], "customer_column": "who", "label_column": "c1"}
    if not any(cleaned(row["l1"]) for row in given_rows):
        with pytest.raises(ConfigError, match="at least one topic"):
            draft_from_table(given_rows, **columns)
        return
    draft = draft_from_table(given_rows, **columns)
    assert Taxonomy.from_yaml(draft.yaml) == draft.taxonomy


def test_an_empty_parent_puts_a_node_at_the_top_and_an_empty_child_is_none():
    draft = draft_from_edges([("", "X"), ("X", "A"), ("X", None), (None, None), (float("nan"), "Y"), ("Y", "B")])
    assert draft.taxonomy.to_dict()["topics"] == {"X": ["A"], "Y": ["B"]}


def test_what_stands_below_an_empty_cell_is_left_out_with_a_note():
    rows = [{"area": "", "topic": "A"}, {"area": "", "topic": "B"}, {"area": "X", "topic": "B"}]
    draft = draft_from_table(rows, levels=["area", "topic"])
    assert draft.taxonomy.topics == ("B",)
    assert draft.notes == ("left out, since a cell above is empty: 'A'",)
