"""Answers against enumeration on whatever hypothesis thinks up, and coherent wherever that is promised."""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiercls.decoding import (
    ROOT,
    class_argmax,
    f1_gains,
    least_cost,
    most_gain,
    node_probabilities,
    operating_curve,
    specificities,
    stop,
    top_down,
    topic_argmax,
)
from hiercls.errors import ConfigError
from hiercls.metrics import ancestor_matrix, hierarchical_scores, mean_cost, path_consistency
from hiercls.taxonomy import Taxonomy

QUICK = settings(derandomize=True, max_examples=30, deadline=None)
N = 5


@st.composite
def drawn(draw: st.DrawFn, worlds, *, tree: bool) -> tuple[Taxonomy, np.ndarray]:
    """A taxonomy, and probabilities of its topics in twentieths, so that ties come up."""
    taxonomy = draw(worlds(tree=tree))
    random = np.random.default_rng(draw(st.integers(0, 1000)))
    counts = random.multinomial(20, random.dirichlet(np.ones(len(taxonomy.topics))), size=N)
    return taxonomy, np.log(np.maximum(counts / 20, 1e-12))


def names_of(taxonomy: Taxonomy, answers: np.ndarray) -> list[str | None]:
    return [None if answer == ROOT else taxonomy.hierarchy.nodes[answer] for answer in answers]


def below(taxonomy: Taxonomy, node: str | None) -> set[str]:
    """The topics below a node, the root's being all."""
    if node is None:
        return set(taxonomy.topics)
    return set(taxonomy.topics) & (nx.descendants(taxonomy.graph, node) | {node})


def mass(taxonomy: Taxonomy, log_topics: np.ndarray, node: str | None) -> float:
    return sum(math.exp(log_topics[taxonomy.topics.index(topic)]) for topic in sorted(below(taxonomy, node)))


@pytest.mark.parametrize("tree", [True, False])
@QUICK
@given(data=st.data())
def test_probabilities_of_nodes_are_sums_over_the_topics_below(worlds, tree, data) -> None:
    taxonomy, logs = data.draw(drawn(worlds, tree=tree))
    found = node_probabilities(logs, taxonomy=taxonomy)
    expected = [[mass(taxonomy, row, node) for node in taxonomy.hierarchy.nodes] for row in logs]
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("tree", [True, False])
@QUICK
@given(data=st.data())
def test_the_likeliest_topic_and_the_likeliest_class(worlds, tree, data) -> None:
    taxonomy, logs = data.draw(drawn(worlds, tree=tree))
    for name, row in zip(names_of(taxonomy, topic_argmax(logs, taxonomy=taxonomy)), logs, strict=True):
        assert row[taxonomy.topics.index(name)] == row.max()
    for name in taxonomy.views:
        view = taxonomy.view(name)
        weights = view.weights.toarray()
        classes = [
            [sum(math.exp(row[t]) * weights[t, k] for t in view.members(name)) for k, name in enumerate(view.classes)]
            for row in logs
        ]
        chosen = class_argmax(logs, view=view)
        for row, k in zip(classes, chosen, strict=True):
            assert row[k] == pytest.approx(max(row))


@pytest.mark.parametrize("tree", [True, False])
@QUICK
@given(data=st.data())
def test_from_the_top_every_step_is_to_the_likeliest_child(worlds, tree, data) -> None:
    taxonomy, logs = data.draw(drawn(worlds, tree=tree))
    for found, row in zip(names_of(taxonomy, top_down(logs, taxonomy=taxonomy)), logs, strict=True):
        below_here, reached = list(taxonomy.hierarchy.roots), set()
        frontier = [None]
        while frontier:  # all that a greedy walk may reach, whichever of equals it takes
            following = []
            for node in frontier:
                below_here = (
                    list(taxonomy.hierarchy.roots) if node is None else taxonomy.hierarchy.children.get(node, ())
                )
                if not below_here:
                    reached.add(node)
                    continue
                masses = {child: mass(taxonomy, row, child) for child in below_here}
                following += [child for child in below_here if masses[child] >= max(masses.values()) - 1e-12]
            frontier = following
        assert found in reached


def test_levels_decoded_apart_contradict_each_other_and_topics_summed_up_never_do(tiny: Taxonomy) -> None:
    logs = np.log([[0.2, 0.2, 0.19, 0.39, 0.01, 0.01]])
    apart = np.stack([class_argmax(logs, view=tiny.view(level)) for level in tiny.levels], axis=1)
    assert path_consistency(apart, taxonomy=tiny) == 0.0
    assert names_of(tiny, topic_argmax(logs, taxonomy=tiny)) == ["D"]
    assert names_of(tiny, top_down(logs, taxonomy=tiny)) == ["A"]


@pytest.mark.parametrize("decode", [topic_argmax, top_down])
@pytest.mark.parametrize("tree", [True, False])
@QUICK
@given(data=st.data())
def test_answers_that_promise_it_are_coherent_at_all_levels(worlds, tree, decode, data) -> None:
    """Every answer is one topic; whatever stands above it holds it, at every level."""
    taxonomy, logs = data.draw(drawn(worlds, tree=tree))
    closure = ancestor_matrix(taxonomy, nodes=taxonomy.hierarchy.nodes).toarray() > 0
    for answer, name in zip(
        decode(logs, taxonomy=taxonomy), names_of(taxonomy, decode(logs, taxonomy=taxonomy)), strict=True
    ):
        assert name in taxonomy.topics
        said = {node for node, is_said in zip(taxonomy.hierarchy.nodes, closure[answer], strict=True) if is_said}
        assert said == {name} | nx.ancestors(taxonomy.graph, name)
        for level in taxonomy.levels:
            view = taxonomy.view(level)
            at_level = [c for c in view.classes if c in said]
            assert at_level
            assert all(name in view.topics_of(c) for c in at_level)
            assert len(at_level) == 1 or not tree


# ------------------------------------------------------------------------------------------------ the best on average


@pytest.mark.parametrize("tree", [True, False])
@QUICK
@given(data=st.data())
def test_no_node_has_a_better_expected_hierarchical_f1(worlds, tree, data) -> None:
    """Each answer scored by the metric itself, under each topic in turn, weighed by its probability."""
    taxonomy, logs = data.draw(drawn(worlds, tree=tree))
    nodes = taxonomy.hierarchy.nodes
    closure = ancestor_matrix(taxonomy, nodes=nodes)
    expected = np.zeros((N, len(nodes)))
    for answer in range(len(nodes)):
        for place, topic in enumerate(taxonomy.topics):
            f1 = hierarchical_scores([answer], [nodes.index(topic)], ancestors=closure).f1
            expected[:, answer] += np.exp(logs[:, place]) * f1
    chosen = most_gain(logs, gains=f1_gains(taxonomy))
    np.testing.assert_allclose(expected[np.arange(N), chosen], expected.max(axis=1))


def test_the_best_for_hierarchical_f1_may_be_an_inner_node() -> None:
    """Of four equal topics one gains 1/4 · 1 + 3/4 · 1/2 = 5/8 on average, the area above them 2/3."""
    wide = Taxonomy.from_yaml("{hiercls: 1, levels: [area, topic], topics: {X: [A, B, C, D], Y: [E]}}")
    logs = np.log([[0.25, 0.25, 0.25, 0.25, 1e-9], [0.6, 0.2, 0.1, 0.1, 1e-9]])
    assert names_of(wide, most_gain(logs, gains=f1_gains(wide))) == ["X", "A"]


@QUICK
@given(data=st.data())
def test_no_class_has_a_lower_expected_cost(worlds, data) -> None:
    taxonomy, logs = data.draw(drawn(worlds, tree=False))
    classes = np.log(np.exp(logs) @ taxonomy.view("parts").weights.toarray())
    n_classes = classes.shape[1]
    costs = np.random.default_rng(data.draw(st.integers(0, 100))).integers(0, 9, (n_classes, n_classes)).astype(float)
    expected = np.zeros((N, n_classes))
    for answer in range(n_classes):
        for truth in range(n_classes):
            expected[:, answer] += np.exp(classes[:, truth]) * mean_cost([answer], [truth], costs=costs).mean
    chosen = least_cost(classes, costs=costs)
    np.testing.assert_allclose(expected[np.arange(N), chosen], expected.min(axis=1))


def test_where_every_error_costs_the_same_the_cheapest_is_the_likeliest(tiny: Taxonomy) -> None:
    logs = np.log(np.random.default_rng(0).dirichlet(np.ones(6), size=50))
    assert (least_cost(logs, costs=1 - np.eye(6)) == class_argmax(logs, view=tiny.view("topic"))).all()


# ------------------------------------------------------------------------------------------------ stopping


@pytest.mark.parametrize("tree", [True, False])
@QUICK
@given(data=st.data(), threshold=st.sampled_from([0.0, 0.3, 0.5, 0.72, 0.9, 1.0]))
def test_the_most_specific_node_that_is_probable_enough(worlds, tree, data, threshold) -> None:
    taxonomy, logs = data.draw(drawn(worlds, tree=tree))
    for name, row in zip(names_of(taxonomy, stop(logs, taxonomy=taxonomy, threshold=threshold)), logs, strict=True):
        masses = {node: mass(taxonomy, row, node) for node in taxonomy.hierarchy.nodes}
        enough = {node: p for node, p in masses.items() if p >= threshold - 1e-9}
        if name is None:
            assert not {node for node, p in masses.items() if p >= threshold + 1e-9}
            continue
        assert name in enough
        fewest = min(len(below(taxonomy, node)) for node, p in masses.items() if p >= threshold + 1e-9 or node == name)
        assert len(below(taxonomy, name)) == fewest
        rivals = [p for node, p in enough.items() if len(below(taxonomy, node)) == len(below(taxonomy, name))]
        assert masses[name] == pytest.approx(max(rivals))


@QUICK
@given(data=st.data())
def test_above_a_half_a_rising_threshold_climbs_one_path_of_a_tree(worlds, data) -> None:
    taxonomy, logs = data.draw(drawn(worlds, tree=True))
    before = stop(logs, taxonomy=taxonomy, threshold=0.51)
    for threshold in np.linspace(0.52, 1.0, 20):
        after = stop(logs, taxonomy=taxonomy, threshold=threshold)
        for low, high in zip(names_of(taxonomy, before), names_of(taxonomy, after), strict=True):
            assert high is None or high == low or high in nx.ancestors(taxonomy.graph, low)
        before = after


@pytest.mark.parametrize("tree", [True, False])
@QUICK
@given(data=st.data())
def test_the_curve_in_one_pass_is_the_curve_threshold_by_threshold(worlds, tree, data) -> None:
    taxonomy, logs = data.draw(drawn(worlds, tree=tree))
    truth = np.array(data.draw(st.lists(st.integers(-1, len(taxonomy.topics) - 1), min_size=N, max_size=N)))
    curve = operating_curve(logs, truth, taxonomy=taxonomy)
    known = truth >= 0
    assert (curve.n_documents, curve.n_undetermined) == (known.sum(), (~known).sum())
    if not known.any():
        return
    for point, threshold in enumerate(curve.threshold):
        above = curve.threshold[point - 1] if point else 0.0
        for asked in {min(threshold, 1.0), (above + min(threshold, 1.0)) / 2} if threshold > above else ():
            if not above < asked <= threshold or (math.isinf(threshold) and asked <= above):
                continue
            names = names_of(taxonomy, stop(logs[known], taxonomy=taxonomy, threshold=asked))
            right = [taxonomy.topics[t] in below(taxonomy, node) for t, node in zip(truth[known], names, strict=True)]
            n_topics = len(taxonomy.topics)
            said = [1 - math.log(len(below(taxonomy, node))) / math.log(n_topics) for node in names]
            assert curve.correctness[point] == pytest.approx(np.mean(right))
            assert curve.specificity[point] == pytest.approx(np.mean(said))
    assert (curve.correctness[-1], curve.specificity[-1]) == (pytest.approx(1), pytest.approx(0, abs=1e-9))


def test_the_curve_s_area_by_hand(tiny: Taxonomy) -> None:
    """One document, wrong at its topic and right at its area: risk 1 at coverage 1, none at X's."""
    curve = operating_curve(np.log([[0.5, 0.3, 0.1, 0.05, 0.03, 0.02]]), [1], taxonomy=tiny)
    x = 1 - math.log(3) / math.log(6)
    assert curve.risk_coverage.area == pytest.approx((1 - x) / 2)


def test_specificity_is_nothing_at_all_topics_and_everything_at_one() -> None:
    one = Taxonomy.from_yaml("{hiercls: 1, levels: [area, topic], topics: {X: [A, B], Y: [C]}}")
    assert specificities(one).tolist() == pytest.approx([1 - math.log(2) / math.log(3), 1, 1, 1, 1])


def test_no_documents(tiny: Taxonomy) -> None:
    assert operating_curve(np.zeros((0, 6)), np.zeros(0, dtype=int), taxonomy=tiny).n_documents == 0
    assert len(stop(np.zeros((0, 6)), taxonomy=tiny, threshold=0.5)) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda tiny: topic_argmax([[0.0]], taxonomy=tiny), "documents × 6 topics, got the shape"),
        (lambda tiny: topic_argmax([[math.nan] * 6], taxonomy=tiny), "got NaN"),
        (lambda tiny: stop(np.zeros((1, 6)), taxonomy=tiny, threshold=80), "threshold from 0 to 1, got 80"),
        (lambda tiny: most_gain(np.zeros((1, 6)), gains=np.zeros(6)), "matrix of finite gains"),
        (lambda tiny: least_cost(np.zeros((1, 6)), costs=np.full((6, 6), math.inf)), "matrix of finite gains"),
        (lambda tiny: operating_curve(np.zeros((1, 6)), [6], taxonomy=tiny), "indices from -1 to 5, got 6"),
    ],
)
def test_what_does_not_fit(tiny: Taxonomy, call, message) -> None:
    with pytest.raises(ConfigError, match=message):
        call(tiny)
