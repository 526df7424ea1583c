"""Labels meet the map: look-up, products, scopes, projections and problems."""

from __future__ import annotations

import time
from itertools import product

import numpy as np
import pytest

from hiercls.data.rows import Row
from hiercls.taxonomy import Taxonomy, resolve


def row(*labels, **fields):
    return Row(text="…", labels=tuple(labels), **fields)


def one_problem(taxonomy, *labels, **fields):
    resolution = resolve(taxonomy, [row(*labels, **fields)])
    assert len(resolution.labels) == 0
    (problem,) = resolution.problems
    return str(problem)


@pytest.fixture(scope="module")
def wide(tiny):
    """The tiny world with a partial and an overlapping customer."""
    partial = {"customer": "part", "classes": {"AB": ["A", "B"], "D": "D"}, "partial": True}
    overlapping = {"customer": "over", "classes": {"AB": ["A", "B"], "BC": ["B", "C"], "Y": "Y"}, "overlapping": True}
    return tiny.with_customer(partial).with_customer(overlapping)


def sets(resolution, taxonomy):
    return ["".join(np.array(taxonomy.topics)[found > 0]) for found in resolution.labels.weights.toarray()]


def test_every_class_of_every_view_is_its_column(wide):
    pairs = [(name, label) for name in wide.views for label in wide.view(name).classes]
    rows = [row(pair) for pair in pairs] + [row((None, f"{name}:{label}")) for name, label in pairs]
    resolution = resolve(wide, rows)
    assert not resolution.problems
    expected = [wide.view(name).weights.toarray()[:, wide.view(name).index(label)] for name, label in pairs]
    np.testing.assert_allclose(resolution.labels.weights.toarray(), expected * 2)
    assert resolution.labels.views == tuple(frozenset([name]) for name, _ in pairs) * 2


def test_without_a_view_a_label_is_a_topic(tiny):
    assert sets(resolve(tiny, [row((None, "D")), row((None, "one:D")), row((None, "area:Y"))]), tiny) == [
        "D",
        "D",
        "DEF",
    ]


def test_a_label_is_looked_up_in_its_view_before_its_prefix_is_read():
    text = "hiercls: 1\nlevels: [t]\ntopics: [A, B, 'c:A']\ncustomers:\n  c: {A: [A, B], B: 'c:A'}\n"
    taxonomy = Taxonomy.from_yaml(text)
    resolution = resolve(taxonomy, [row((None, "c:A")), row(("c", "A")), row(("c", "c:B")), row(("c", "t:c:A"))])
    assert [found.nonzero()[0].tolist() for found in resolution.labels.weights.toarray()] == [[2], [0, 1], [2], [2]]


def test_several_labels_multiply(wide):
    pairs = [(name, label) for name in ("area", "one", "part", "over") for label in wide.view(name).classes]
    columns = {pair: wide.view(pair[0]).weights.toarray()[:, wide.view(pair[0]).index(pair[1])] for pair in pairs}
    for first, second in product(pairs, repeat=2):
        resolution = resolve(wide, [row(first, second)])
        expected = columns[first] * (1 if first == second else columns[second])
        if expected.any():
            np.testing.assert_allclose(resolution.labels.weights.toarray()[0], expected)
            scope = resolution.labels.scopes[resolution.labels.scope_index[0]]
            both = wide.view(first[0]).scope & wide.view(second[0]).scope
            assert (list(range(6)) if scope is None else scope.tolist()) == np.flatnonzero(both).tolist()
        else:
            assert "contradict each other" in str(resolution.problems[0])


def test_scopes_are_shared(wide):
    labels = resolve(wide, [row(("one", "D")), row(("part", "D")), row(("part", "AB"), ("one", "ABC"))]).labels
    assert labels.scopes[0] is None
    assert [scope.tolist() for scope in labels.scopes[1:]] == [[0, 1, 3]]
    assert labels.scope_index.tolist() == [0, 1, 1]
    assert labels.views[2] == {"part", "one"}


def test_projection_against_sets(wide):
    names = [(name, label) for name in wide.views for label in wide.view(name).classes]
    labels = resolve(wide, [row(name) for name in names]).labels
    for view in map(wide.view, wide.views):
        holding = []
        for name, label in names:
            held = set(wide.view(name).topics_of(label))
            holds = [index for index, other in enumerate(view.classes) if held <= set(view.topics_of(other))]
            holding.append(holds[0] if len(holds) == 1 else -1)
        assert labels.project(view).tolist() == holding


def test_take(wide):
    labels = resolve(wide, [row(("one", "D")), row(("part", "AB")), row(("two", "BC"))]).labels
    taken = labels.take([2, 1, 1])
    assert len(taken) == 3
    np.testing.assert_array_equal(taken.weights.toarray(), labels.weights.toarray()[[2, 1, 1]])
    assert taken.scope_index.tolist() == [0, 1, 1]
    assert taken.views == ({"two"}, {"part"}, {"part"})
    assert taken.project(wide.view("one")).tolist() == [0, 0, 0]
    assert len(labels.take([])) == 0


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([("one", "AB")], "'AB' is no class of 'one'; write 'three:AB', or did you mean 'ABC'?"),
        ([("one", "A")], "'A' is no class of 'one'; write 'topic:A' or 'two:A', or one of 'ABC', 'D', 'EF'"),
        ([(None, "ABC")], "'ABC' is no class of 'topic'; write 'one:ABC', or one of 'A', 'B', 'C', 'D', 'E', 'F'"),
        ([("one", "two:AB")], "'AB' is no class of 'two'; did you mean 'A'?"),
        ([("onne", "D")], "unknown view 'onne'; did you mean 'one'?"),
        ([("one", "")], "'' is no class of 'one'; one of 'ABC', 'D', 'EF'"),
        ([], "the row has no label; leave unlabelled rows out here"),
        (
            [("one", "ABC"), ("area", "Y")],
            "the labels 'one:ABC' and 'area:Y' contradict each other; "
            "no topic is in all of these classes: take out the wrong one",
        ),
    ],
)
def test_problems_say_what_to_write(tiny, labels, message):
    assert one_problem(tiny, *labels) == f"at row 1: {message}"
    assert one_problem(tiny, *labels, file="d.csv", line=7) == f"d.csv:7: {message}"


def test_the_customer_is_named_and_must_be_known(tiny):
    assert one_problem(tiny, ("one", "Q"), customer="two").startswith(
        "at row 1: 'Q' is no class of 'one' (customer 'two')"
    )
    assert one_problem(tiny, ("one", "D"), customer="fore") == (
        "at row 1: unknown customer 'fore'; one of 'one', 'two', 'three'"
    )


def test_a_taxonomy_without_customers_says_so():
    alone = Taxonomy.from_dict({"hiercls": 1, "levels": ["topic"], "topics": ["A", "B"]})
    assert one_problem(alone, (None, "A"), customer="acme") == (
        "at row 1: unknown customer 'acme'; the taxonomy has no such customer"
    )


def test_three_other_views_of_a_class_are_named():
    groups = {name: {"K": ["A"], "L": ["B"]} for name in ("one", "two", "three", "four")}
    many = Taxonomy.from_dict({"hiercls": 1, "levels": ["topic"], "topics": ["A", "B"], "customers": groups})
    assert one_problem(many, (None, "K")) == (
        "at row 1: 'K' is no class of 'topic'; write 'one:K' or 'two:K' or 'three:K', or one of 'A', 'B'"
    )


def test_good_rows_are_kept_and_all_problems_told(tiny):
    rows = [row(("one", "D")), row(("one", "Q"), ("two", "R")), row(("two", "F")), row(("one", "D"), customer="x")]
    resolution = resolve(tiny, rows)
    assert resolution.kept.tolist() == [0, 2]
    assert sets(resolution, tiny) == ["D", "F"]
    assert [problem.path for problem in resolution.problems] == ["row 2", "row 2", "row 4"]


def test_no_rows(tiny):
    resolution = resolve(tiny, [])
    assert (len(resolution.labels), resolution.labels.weights.shape, resolution.problems) == (0, (0, 6), ())
    assert resolution.labels.project(tiny.view("one")).tolist() == []


def test_a_hundred_thousand_rows(tiny):
    names = [(customer, label) for customer in tiny.customers for label in tiny.view(customer).classes]
    rows = [row(names[number % len(names)], customer="one") for number in range(100_000)]
    start = time.perf_counter()
    assert len(resolve(tiny, rows).labels) == 100_000
    assert time.perf_counter() - start < 5


def test_a_document_in_the_place_of_a_label_is_not_shown_whole(tiny):
    assert len(one_problem(tiny, (None, "a long document " * 1000))) < 200


def test_a_label_that_is_given_twice_counts_once(wide):
    once, *twice = resolve(
        wide, [row(("over", "AB")), row(("over", "AB"), ("over", "AB")), row(("over", "AB"), (None, "over:AB"))]
    ).labels.weights.toarray()
    assert 0 < once[once > 0].min() < 1
    assert [weights.tolist() for weights in twice] == [once.tolist()] * 2
