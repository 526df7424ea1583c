"""Any taxonomy, tree or graph, ragged or not, with any customers: what must always hold."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hiercls.errors import TaxonomyError
from hiercls.names import REST, name_fault, view_name_fault
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.diff import differences

ODD = [
    "yes",
    "1",
    "1e3",
    "null",
    "a: b",
    "- a",
    "#",
    "Y",
    "{}",
    "'",
    '"',
    "\\",
    "a,b",
    "0x1",
    "2024-01-01",
    "~",
    "classes",
]
TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=5)
NAMES = st.one_of(st.sampled_from(ODD), TEXT).filter(lambda name: name_fault(name) is None and name != REST)
VIEW_NAMES = NAMES.filter(lambda name: view_name_fault(name) is None)
SETTINGS = settings(max_examples=80, deadline=None)


@st.composite
def hierarchies(draw, *, several):
    """Nodes at each depth with one parent each, or several; and the nested data that says so."""
    n_levels = draw(st.integers(1, 3))
    names = iter(draw(st.lists(NAMES, min_size=12, max_size=12, unique=True)))
    depths = [[next(names) for _ in range(draw(st.integers(1, 4)))] for _ in range(n_levels)]
    children = {}
    for above, here in pairwise(depths):
        for node in here:
            parents = draw(st.lists(st.sampled_from(above), min_size=1, max_size=2 if several else 1, unique=True))
            for parent in parents:
                children.setdefault(parent, []).append(node)
    return depths, children


def nested(nodes, children, written):
    below = {}
    for node in nodes:
        below[node] = nested(children[node], children, written) if node in children and node not in written else None
        written.add(node)
    return below


@st.composite
def taxonomies(draw, *, several=True):
    depths, children = draw(hierarchies(several=several))
    nodes = [node for here in depths for node in here]
    topics = [node for node in nodes if node not in children]
    parents = [child for below in children.values() for child in below]
    views = draw(st.lists(VIEW_NAMES, min_size=len(depths), max_size=len(depths) + 3, unique=True))
    customers = {}
    for name in views[len(depths) :]:
        classes = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
        held = {topic: draw(st.lists(st.sampled_from(classes), max_size=2, unique=True)) for topic in topics}
        body = {key: [topic for topic in topics if key in held[topic]] for key in classes}
        body = {key: found for key, found in body.items() if found}
        if body:
            partial, overlapping = any(not k for k in held.values()), any(len(k) > 1 for k in held.values())
            customers[name] = {"classes": body, "partial": partial, "overlapping": overlapping}
    return Taxonomy.from_dict(
        {
            "hiercls": 1,
            "name": draw(NAMES),
            "levels": views[: len(depths)],
            "topics": nested(depths[0], children, set()),
            "multi_parent": sorted({node for node in parents if parents.count(node) > 1}),
            "about": draw(
                st.dictionaries(st.sampled_from(nodes), st.text(st.characters(exclude_categories=["Cs"])), max_size=2)
            ),
            "customers": customers,
        }
    )


@SETTINGS
@given(taxonomies())
def test_the_round_trip_through_yaml(taxonomy):
    text = taxonomy.to_yaml()
    again = Taxonomy.from_yaml(text)
    assert again == taxonomy
    assert hash(again) == hash(taxonomy)
    assert [again.view(name) for name in again.views] == [taxonomy.view(name) for name in taxonomy.views]
    assert again.to_yaml() == text
    assert yaml.safe_load(text) == taxonomy.to_dict()


@SETTINGS
@given(taxonomies())
def test_every_view(taxonomy):
    for view in map(taxonomy.view, taxonomy.views):
        membership, sums = view.membership.toarray(), view.weights.toarray().sum(axis=1)
        assert set(np.unique(membership)) <= {0.0, 1.0}
        np.testing.assert_allclose(sums, view.scope)
        assert view.is_partial == (membership.sum(axis=1) == 0).any()
        assert view.is_overlapping == (membership.sum(axis=1) > 1).any()
        for index, name in enumerate(view.classes):
            assert view.index(name) == index
            assert [taxonomy.topics.index(topic) for topic in view.topics_of(name)] == membership[:, index].nonzero()[
                0
            ].tolist()
        if not view.is_overlapping:
            assert view.meet(view).refines(view)
            np.testing.assert_array_equal(view.meet(view).membership.toarray(), membership[:, membership.any(axis=0)])


@SETTINGS
@given(taxonomies())
def test_levels_follow_the_graph(taxonomy):
    graph, topics = taxonomy.graph, taxonomy.topics
    for name in taxonomy.levels:
        view = taxonomy.view(name)
        for node in view.classes:
            below = {node} | {found for found in topics if has_path(graph, node, found)}
            assert set(view.topics_of(node)) == below & set(topics)
    assert taxonomy.view(taxonomy.levels[-1]).classes == topics
    for above, here in pairwise(taxonomy.levels):
        links = taxonomy.level_links(here)
        reached = (taxonomy.view(here).membership @ links.T).toarray() > 0
        np.testing.assert_array_equal(reached, taxonomy.view(above).membership.toarray() > 0)


def read(make, source):
    """What is made of a source, or ``None`` where there were problems, of which there must then be some."""
    try:
        return make(source)
    except TaxonomyError as error:
        if not error.problems:
            raise
        return None


def has_path(graph, start, end):
    return any(child == end or has_path(graph, child, end) for child in graph.successors(start))


@SETTINGS
@given(taxonomies(several=False))
def test_on_trees_levels_are_partitions_that_nest(taxonomy):
    views = [taxonomy.view(level) for level in taxonomy.levels]
    assert {view.kind for view in views} == {"partition"}
    for coarse, fine in pairwise(views):
        assert fine.refines(coarse)
        met = coarse.meet(fine)
        np.testing.assert_array_equal(met.membership.sum(axis=0).sum(), len(taxonomy.topics))
        assert len(met.classes) == len(fine.classes)


@SETTINGS
@given(taxonomies(), st.data())
def test_a_meet_refines_both(taxonomy, data):
    first, second = (taxonomy.view(data.draw(st.sampled_from(taxonomy.views))) for _ in range(2))
    met = first.meet(second)
    assert met.refines(first)
    assert met.refines(second)
    np.testing.assert_array_equal(met.scope, first.scope & second.scope)
    counts = first.membership.sum(axis=1) * second.membership.sum(axis=1)
    np.testing.assert_array_equal(met.membership.sum(axis=1), counts)


@SETTINGS
@given(taxonomies(), taxonomies())
def test_there_are_differences_exactly_where_taxonomies_differ(first, second):
    assert bool(differences(first, second)) == (first != second)
    assert differences(first, Taxonomy.from_yaml(first.to_yaml())) == ()


@SETTINGS
@given(taxonomies())
def test_customers_come_and_go(taxonomy):
    for name in taxonomy.customers:
        body = taxonomy.to_dict()["customers"][name]
        body = body if isinstance(body.get("classes"), dict) else {"classes": body}
        without = taxonomy.without_customer(name)
        assert name not in without.customers
        assert without.with_customer({"customer": name, **body}).view(name) == taxonomy.view(name)
        assert taxonomy.replace_customer({"customer": name, **body}) == taxonomy


ANY = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(["A", "B", "X", "rest", "topic"]), TEXT
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["A", "X", "classes", "c"]), inner)
    ),
    max_leaves=8,
)
KEYS = [
    "hiercls",
    "name",
    "levels",
    "topics",
    "multi_parent",
    "about",
    "customers",
    "customer",
    "classes",
    "partial",
    "x",
]


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), ANY, max_size=5), st.booleans())
def test_whatever_comes_there_is_a_taxonomy_or_problems(data, is_whole):
    whole = {"hiercls": 1, "levels": ["area", "topic"], "topics": {"X": ["A", "B"]}}
    for make, source in (
        (Taxonomy.from_dict, {**whole, **data} if is_whole else data),
        (Taxonomy.from_yaml, yaml.safe_dump(data) + "\n"),
    ):
        taxonomy = read(make, source)
        assert taxonomy is None or Taxonomy.from_yaml(taxonomy.to_yaml()) == taxonomy


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), ANY, max_size=4))
def test_whatever_comes_there_is_a_customer_or_problems(tiny, data):
    new = read(tiny.with_customer, {"customer": "acme", "classes": {"X": "X"}, **data})
    assert new is None or new.customers[:-1] == tiny.customers


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_any_text_is_no_taxonomy_but_problems(text):
    with pytest.raises(TaxonomyError):
        Taxonomy.from_yaml(text + "\n")
