"""The hierarchy: levels, links and memberships of ragged trees and graphs."""

from __future__ import annotations

from hiercls.taxonomy import Taxonomy

RAGGED = """
hiercls: 1
levels: [domain, area, topic]
topics:
  P:
    X: [A, B]
    V:
  Q:
    - Y: [C]
    - U
  W:
"""
GRAPH = """
hiercls: 1
levels: [domain, area, topic]
topics:
  P:
    X: [A, B]
    Y: [B, C]
  Q: [Y]
  R: {Z: [D]}
multi_parent: [B, Y]
"""


def edges(taxonomy, level):
    above = taxonomy.view(taxonomy.levels[taxonomy.levels.index(level) - 1]).classes
    here = taxonomy.view(level).classes
    return {(above[row], here[column]) for row, column in zip(*taxonomy.level_links(level).nonzero(), strict=True)}


def test_a_topic_that_ends_early_stands_for_itself_on_deeper_levels():
    taxonomy = Taxonomy.from_yaml(RAGGED)
    assert taxonomy.topics == ("A", "B", "V", "C", "U", "W")
    assert taxonomy.view("domain").classes == ("P", "Q", "W")
    assert taxonomy.view("area").classes == ("X", "V", "Y", "U", "W")
    assert taxonomy.view("topic").classes == taxonomy.topics
    assert {view.kind for view in map(taxonomy.view, taxonomy.levels)} == {"partition"}
    assert edges(taxonomy, "area") == {("P", "X"), ("P", "V"), ("Q", "Y"), ("Q", "U"), ("W", "W")}
    assert edges(taxonomy, "topic") == {("X", "A"), ("X", "B"), ("V", "V"), ("Y", "C"), ("U", "U"), ("W", "W")}
    assert taxonomy.view("domain").topics_of("P") == ("A", "B", "V")


def test_a_node_under_several_parents_makes_levels_overlap():
    taxonomy = Taxonomy.from_yaml(GRAPH)
    assert taxonomy.topics == ("A", "B", "C", "D")
    assert taxonomy.view("area").kind == "overlapping"
    assert taxonomy.view("domain").topics_of("P") == ("A", "B", "C")
    assert taxonomy.view("domain").topics_of("Q") == ("B", "C")
    assert taxonomy.view("area").weights.toarray().tolist() == [[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0, 0, 1]]
    assert edges(taxonomy, "area") == {("P", "X"), ("P", "Y"), ("Q", "Y"), ("R", "Z")}
    assert taxonomy.hierarchy.multi_parent == ("B", "Y")


def test_a_bare_list_is_one_level():
    taxonomy = Taxonomy.from_yaml("{hiercls: 1, levels: [topic], topics: [A, B]}")
    assert taxonomy.views == ("topic",)
    assert not taxonomy.graph.edges
    assert taxonomy.view("topic").membership.toarray().tolist() == [[1, 0], [0, 1]]


def test_a_mention_before_the_definition_is_the_same_node():
    text = "hiercls: 1\nlevels: [d, a, t]\ntopics: {P: [X], Q: {X: [A, B]}}\nmulti_parent: [X]\n"
    taxonomy = Taxonomy.from_yaml(text)
    assert taxonomy.topics == ("A", "B")
    assert taxonomy.view("d").topics_of("P") == taxonomy.view("d").topics_of("Q") == ("A", "B")
