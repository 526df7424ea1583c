"""What customers can teach: the ranks of the design, and everything against slow exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiercls.errors import InputTypeError
from hiercls.taxonomy import Taxonomy, View, identifiability, shipped
from hiercls.taxonomy.identifiability import MAX_CELLS_WHOLE, identify


def views_of(topics, *customers):
    return [
        View.from_members(
            f"c{number}",
            topics=topics,
            members={f"k{k}": [topics.index(topic) for topic in held] for k, held in enumerate(held_by)},
        )
        for number, held_by in enumerate(customers)
    ]


def exact_rows(topics, views):
    """M in fractions, row by row: weights, a partial view's less r_k on its scope, and one column of ones."""
    p = [Fraction(7 + 3 * position * position % 11, 8) for position in range(len(topics))]
    columns = [[Fraction(1)] * len(topics)]
    for view in views:
        member = view.membership.toarray().astype(int)
        weights = [[Fraction(int(cell), max(1, int(row.sum()))) for cell in row] for row in member]
        scope = [int(row.any()) for row in member]
        for k in range(len(view.classes)):
            column = [row[k] for row in weights]
            if not all(scope):
                mass = sum(inside * share for inside, share in zip(scope, p, strict=True))
                ratio = sum(value * share for value, share in zip(column, p, strict=True)) / mass if mass else 0
                column = [value - ratio * inside for value, inside in zip(column, scope, strict=True)]
            columns.append(column)
    return columns


def exact_rank(rows):
    rows, rank = [list(row) for row in rows], 0
    for column in range(len(rows[0])):
        pivot = next((row for row in range(rank, len(rows)) if rows[row][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        for row in range(rank + 1, len(rows)):
            factor = rows[row][column] / rows[rank][column]
            rows[row] = [value - factor * other for value, other in zip(rows[row], rows[rank], strict=True)]
        rank += 1
    return rank


def is_known(columns, topics, indices):
    """Whether the sum of some topics' probabilities is determined: their indicator lies in the span of the columns."""
    unit = [Fraction(int(position in indices)) for position in range(len(topics))]
    return exact_rank([*columns, unit]) == exact_rank(columns)


@pytest.mark.parametrize(
    ("views", "rank", "confounded"),
    [
        (["one"], 3, (("A", "B", "C"), ("E", "F"))),
        (["two"], 4, (("B", "C"), ("D", "E"))),
        (["three"], 4, (("A", "B"), ("C", "D"))),
        (["one", "two"], 5, (("B", "C"),)),
        (["one", "three"], 5, (("A", "B"),)),
        (["two", "three"], 6, ()),
        (None, 6, ()),
        (["area"], 2, (("A", "B", "C"), ("D", "E", "F"))),
        (["topic"], 6, ()),
        ([], 1, (("A", "B", "C", "D", "E", "F"),)),
    ],
)
def test_the_tiny_world(tiny, views, rank, confounded):
    result = tiny.identifiability(views)
    assert (result.rank, result.confounded, result.n_topics) == (rank, confounded, 6)
    assert result.is_determined == (rank == 6)
    assert np.isfinite(result.condition_number) if rank == 6 else np.isposinf(result.condition_number)
    assert result.views == (tiny.customers if views is None else tuple(views))


def test_two_crossed_groupings_separate_four_topics_with_rank_3():
    result = identify("ABCD", views_of("ABCD", ["AB", "CD"], ["AC", "BD"]))
    assert (result.rank, result.is_separated, result.is_determined) == (3, True, False)
    assert result.confounded == (("A", "B", "C", "D"),)
    assert result.cells == (("A",), ("B",), ("C",), ("D",))


def test_three_partial_customers_have_rank_3():
    result = identify("ABCD", views_of("ABCD", ["A", "B"], ["B", "C"], ["A", "C"]))
    assert result.rank == 3
    assert result.unnamed == ("D",)
    assert "no view names 'D'" in result.summary()


def test_the_newsgroups():
    taxonomy = Taxonomy.from_yaml(shipped("newsgroups"))
    ranks = {
        left_out: taxonomy.identifiability([c for c in taxonomy.customers if c != left_out]).rank
        for left_out in taxonomy.customers
    }
    assert taxonomy.identifiability(taxonomy.customers[:4]).is_determined
    assert ranks == {"isp": 20, "newcomer": 20, "publisher": 19, "agency": 19, "marketplace": 17}


def test_the_condition_number_is_that_of_the_matrix(tiny):
    columns = [np.ones((6, 1)), *(tiny.view(name).weights.toarray() for name in tiny.customers)]
    np.testing.assert_allclose(tiny.identifiability().condition_number, np.linalg.cond(np.hstack(columns)))


def test_the_summary_says_what_is_open(tiny):
    assert tiny.identifiability(["one", "two"]).summary().splitlines() == [
        "labels at 'one', 'two' have rank 5 of 6: some topics are not told apart",
        "every view groups 'B', 'C' alike, so nothing tells them apart",
    ]
    whole = tiny.identifiability()
    assert whole.summary() == whole.verdict
    assert whole.verdict.endswith("have rank 6 of 6: they determine every topic (condition number 4.86)")
    crossed = identify("ABCD", views_of("ABCD", ["AB", "CD"], ["AC", "BD"]))
    assert "rank 3 of 4: they tell all topics apart, but" in crossed.verdict
    assert crossed.gaps == ("the labels leave open how 'A', 'B', 'C', 'D' share their probability",)


def test_a_condition_number_that_is_not_computed_is_not_told():
    topics = [f"t{index}" for index in range(MAX_CELLS_WHOLE + 1)]
    one = View.from_members("one", topics=topics, members={topic: [index] for index, topic in enumerate(topics)})
    assert identify(topics, [one]).verdict == "labels at 'one' have rank 501 of 501: they determine every topic"


@pytest.mark.parametrize(("n_pairs", "said"), [(6, "1 more group of topics is"), (7, "2 more groups of topics are")])
def test_few_of_many_gaps_are_told(n_pairs, said):
    topics = [f"t{index}" for index in range(2 * n_pairs)]
    pairs = {f"g{index}": [2 * index, 2 * index + 1] for index in range(n_pairs)}
    gaps = identify(topics, [View.from_members("one", topics=topics, members=pairs)]).gaps
    assert len(gaps) == 6
    assert gaps[-1] == f"{said} left open"


@st.composite
def customers(draw):
    """Up to three views of up to six topics, each topic in any classes, none included."""
    topics = "ABCDEF"[: draw(st.integers(1, 6))]
    held = st.lists(st.sets(st.sampled_from(topics)).map(sorted), min_size=1, max_size=4)
    return topics, views_of(topics, *draw(st.lists(held, min_size=1, max_size=3)))


@settings(max_examples=150, deadline=None)
@given(customers())
def test_rank_cells_and_confounded_against_exact_arithmetic(case):
    topics, views = case
    result, columns = identify(topics, views), exact_rows(topics, views)
    assert result.rank == exact_rank(columns)
    alike = {topic: [view.membership.toarray()[topics.index(topic)].tolist() for view in views] for topic in topics}
    assert set(result.cells) == {tuple(other for other in topics if alike[other] == alike[topic]) for topic in topics}
    group = {topic: held for held in result.confounded for topic in held}
    assert {topic for topic in topics if topic not in group} == {
        topic for topic in topics if is_known(columns, topics, {topics.index(topic)})
    }
    for held in result.confounded:
        kernel = exact_rank([[row[topics.index(t)] for t in held] for row in columns])
        for size in range(1, len(held)):
            for part in combinations(held, size):
                rest = [topic for topic in held if topic not in part]
                split = sum(
                    exact_rank([[row[topics.index(t)] for t in side] for row in columns]) for side in (part, rest)
                )
                assert split > kernel, "the group falls into two that could be told apart"
    parts = [tuple(held) for held in result.confounded] + [(topic,) for topic in topics if topic not in group]
    assert sum(exact_rank([[row[topics.index(t)] for t in held] for row in columns]) for held in parts) == result.rank


def test_setting_cells_aside_changes_nothing(tiny, monkeypatch):
    taxonomy = Taxonomy.from_yaml(shipped("newsgroups"))
    subsets = [views for size in (1, 2, 4) for views in combinations(taxonomy.customers, size)]
    whole = [taxonomy.identifiability(views) for views in subsets]
    monkeypatch.setattr(identifiability, "MAX_CELLS_WHOLE", 0)
    for views, expected in zip(subsets, whole, strict=True):
        found = taxonomy.identifiability(views)
        assert (found.rank, found.cells, found.confounded) == (expected.rank, expected.cells, expected.confounded)
    assert np.isnan(tiny.identifiability(["topic"]).condition_number)


@settings(max_examples=100, deadline=None)
@given(customers())
def test_solving_connected_cells_together_changes_nothing(case):
    topics, views = case
    expected = identify(topics, views)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(identifiability, "MAX_CELLS_WHOLE", 0)
        found = identify(topics, views)
    assert (found.rank, found.cells, found.unnamed) == (expected.rank, expected.cells, expected.unnamed)
    assert set(found.confounded) == set(expected.confounded)


def crossed(n_squares):
    """Squares of four topics, each grouped by rows and by columns: a block of rank 3 each."""
    topics = [f"t{index}" for index in range(4 * n_squares)]
    rows = {f"r{index}": [2 * index, 2 * index + 1] for index in range(2 * n_squares)}
    corners = [4 * (index // 2) + index % 2 for index in range(2 * n_squares)]
    columns = {f"c{corner}": [corner, corner + 2] for corner in corners}
    members = {"rows": rows, "columns": columns}
    return topics, [View.from_members(name, topics=topics, members=held) for name, held in members.items()]


def test_many_cells_in_small_blocks_are_solved():
    found = identify(*crossed(5_000))
    assert (found.rank, found.n_topics, found.is_separated) == (15_000, 20_000, True)
    assert found.confounded[:2] == (("t0", "t1", "t2", "t3"), ("t4", "t5", "t6", "t7"))
    assert len(found.confounded) == 5_000


def test_only_what_hangs_together_must_be_small(monkeypatch):
    monkeypatch.setattr(identifiability, "MAX_CELLS_WHOLE", 0)
    monkeypatch.setattr(identifiability, "MAX_CELLS", 4)
    topics, views = crossed(5)
    assert identify(topics, views).rank == 15
    part = View.from_members("part", topics=topics, members={"a": [0], "b": [4]})
    assert identify(topics, [*views, part]).rank is None, "two squares hang together in the part's scope"
    within = View.from_members("part", topics=topics, members={"a": [0], "b": [1]})
    assert identify(topics, [*views, within]).rank == 16
    assert identify(topics, [part]).rank == 2, "the sum of all, and the share of one of two"


def test_cells_that_stand_alone_one_after_the_other_are_set_aside(monkeypatch):
    """A is a class; without A, B is; without B, C is; and so on: nothing is left to solve."""
    monkeypatch.setattr(identifiability, "MAX_CELLS_WHOLE", 0)
    monkeypatch.setattr(identifiability, "MAX_CELLS", 0)
    found = identify("ABCDE", views_of("ABCDE", ["A", "BC", "DE"], ["AB", "CD", "E"]))
    assert (found.rank, found.confounded, found.is_determined) == (5, (), True)
    assert identify("ABCD", views_of("ABCD", ["AB", "CD"], ["AC", "BD"])).rank is None


def test_few_cells_have_a_condition_number(tiny, monkeypatch):
    for limit, is_told in ((6, True), (5, False)):
        monkeypatch.setattr(identifiability, "MAX_CELLS_WHOLE", limit)
        assert np.isfinite(tiny.identifiability().condition_number) == is_told


def test_a_rank_that_takes_too_long_is_not_computed_and_the_rest_is_told(monkeypatch):
    monkeypatch.setattr(identifiability, "MAX_CELLS_WHOLE", 0)
    monkeypatch.setattr(identifiability, "MAX_CELLS", 3)
    found = identify(*crossed(2))
    assert (found.rank, found.is_determined, found.confounded) == (None, False, ())
    assert np.isnan(found.condition_number)
    assert found.verdict == (
        "labels at 'rows', 'columns' tell 8 groups of 8 topics apart; their rank is not computed: "
        "too many hang together"
    )
    topics, views = crossed(1)
    triples = View.from_members("all", topics=[*topics, "x", "y"], members={"t": [0, 1, 2, 3], "xy": [4, 5]})
    wide = [View.from_members(v.name, topics=triples.topics, members={**held(v), "xy": [4, 5]}) for v in views]
    found = identify(triples.topics, [*wide, triples])
    assert (found.rank, found.confounded) == (None, (("x", "y"),))


def held(view):
    return {name: view.members(name) for name in view.classes}


def test_one_string_is_no_list_of_views(tiny):
    with pytest.raises(InputTypeError, match=r"write \['one'\]"):
        tiny.identifiability("one")
