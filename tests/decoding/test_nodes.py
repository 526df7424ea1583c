"""Sets of a few nodes: a slow climb as the reference, Goren's thresholds by hand, the promise kept by simulation."""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiercls.decoding import conformal_rule, node_rule, node_scores
from hiercls.decoding.conformal import strangeness
from hiercls.errors import ConfigError
from hiercls.taxonomy import Taxonomy

QUICK = settings(derandomize=True, max_examples=30, deadline=None)
ROW = np.log([[0.5, 0.3, 0.1, 0.05, 0.03, 0.02]])


def documents(n: int, *, n_topics: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(n_topics) * 0.4, size=n)
    return np.log(probabilities), np.array([random.choice(n_topics, p=row) for row in probabilities])


def below(taxonomy: Taxonomy, node: str) -> set[str]:
    return set(taxonomy.topics) & (nx.descendants(taxonomy.graph, node) | {node})


@QUICK
@given(data=st.data())
def test_one_node_is_a_climb_from_the_likeliest_topic(worlds, data) -> None:
    taxonomy = data.draw(worlds(tree=True))
    logs, _ = documents(8, n_topics=len(taxonomy.topics), seed=data.draw(st.integers(0, 99)))
    scores = node_scores(logs, taxonomy=taxonomy)
    for row, found in zip(np.exp(logs), scores, strict=True):
        expected, mass, node = {}, 0.0, taxonomy.topics[row.argmax()]
        while True:
            held = below(taxonomy, node) if node else set(taxonomy.topics)
            for topic in held - set(expected):
                expected[topic] = mass
            mass = sum(row[taxonomy.topics.index(topic)] for topic in held)
            if len(held) == len(taxonomy.topics):
                break
            node = next(iter(taxonomy.graph.predecessors(node)), None)
        np.testing.assert_allclose(found, [expected[topic] for topic in taxonomy.topics])


@QUICK
@given(data=st.data(), max_nodes=st.integers(1, 4), tree=st.booleans())
def test_sets_are_few_nodes_that_hold_the_likeliest_topic_and_grow_with_the_promise(worlds, data, max_nodes, tree):
    taxonomy = data.draw(worlds(tree=tree))
    n_topics, nodes = len(taxonomy.topics), taxonomy.hierarchy.nodes
    logs, truth = documents(30, n_topics=n_topics, seed=data.draw(st.integers(0, 99)))
    scores = node_scores(logs, taxonomy=taxonomy, max_nodes=max_nodes)
    before = np.zeros(logs.shape, dtype=bool)
    for coverage in (0.2, 0.5, 0.8, 0.95, 0.99):
        rule = node_rule(logs, np.eye(n_topics)[truth], taxonomy=taxonomy, coverage=coverage, max_nodes=max_nodes)
        chosen, sets = rule.nodes(logs), rule.sets(logs)
        assert (sets == (scores <= rule.limit)).all()
        assert sets[np.arange(30), logs.argmax(axis=1)].all()
        assert (before <= sets).all()
        for row, inside in zip(chosen, sets, strict=True):
            named = [nodes[place] for place in row.nonzero()[0]]
            assert len(named) <= max_nodes or set(named) == set(taxonomy.hierarchy.roots)
            assert set.union(*(below(taxonomy, node) for node in named)) == {
                topic for topic, held in zip(taxonomy.topics, inside, strict=True) if held
            }
        before = sets
    order = np.random.default_rng(0).permutation(30)
    assert (rule.nodes(logs[order]) == rule.nodes(logs)[order]).all()
    assert (rule.nodes(logs[:1]) == rule.nodes(logs)[:1]).all()


def test_with_as_many_nodes_as_topics_the_sets_are_those_of_topics(tiny: Taxonomy) -> None:
    logs, _ = documents(50, n_topics=6)
    found = node_scores(logs, taxonomy=tiny, max_nodes=6)
    np.testing.assert_allclose(found, strangeness(np.exp(logs), score="aps"), atol=1e-12)


def test_two_nodes_by_hand(tiny: Taxonomy) -> None:
    """A, B; then X = A, B and C, which leaves a node free: D, E; then Y, of which F is left."""
    found = node_scores(ROW, taxonomy=tiny, max_nodes=2)
    np.testing.assert_allclose(found, [[0.0, 0.5, 0.8, 0.9, 0.95, 0.95]])


@pytest.mark.parametrize(("topic", "threshold"), [(0, 0.0), (1, 0.5), (2, 0.5), (3, 0.9)])
def test_a_document_s_score_is_the_least_threshold_at_which_climbing_is_right(tiny, topic, threshold) -> None:
    rule = node_rule(ROW, np.eye(6)[[topic]], taxonomy=tiny, coverage=0.5)
    assert rule.limit == pytest.approx(threshold)


def test_of_coarse_labels_the_strangest_topic_counts_and_too_few_promise_everything(tiny: Taxonomy) -> None:
    rule = node_rule(ROW, [[1, 1, 0, 0, 0, 0]], taxonomy=tiny, coverage=0.5)
    assert (rule.limit, rule.n_coarse) == (pytest.approx(0.5), 1)
    rule = node_rule(ROW, np.eye(6)[[0]], taxonomy=tiny, coverage=0.9)
    assert math.isinf(rule.limit)
    assert [tiny.hierarchy.nodes[place] for place in rule.nodes(ROW)[0].nonzero()[0]] == ["X", "Y"]


@pytest.mark.parametrize("max_nodes", [1, 2])
def test_the_promise_is_kept_on_random_halves(tiny: Taxonomy, max_nodes) -> None:
    logs, truth = documents(800, n_topics=6)
    random, inside, size = np.random.default_rng(0), [], []
    for _ in range(40):
        order = random.permutation(800)
        here, there = order[:400], order[400:]
        rule = node_rule(logs[here], np.eye(6)[truth[here]], taxonomy=tiny, coverage=0.85, max_nodes=max_nodes)
        sets = rule.sets(logs[there])
        inside.append(sets[np.arange(400), truth[there]].mean())
        size.append(sets.sum(axis=1).mean())
    assert (logs.argmax(axis=1) == truth).mean() < 0.8
    assert np.mean(inside) == pytest.approx(0.85, abs=0.012)
    smallest = conformal_rule(logs, np.eye(6)[truth], coverage=0.85).sets(logs).sum(axis=1).mean()
    assert smallest < np.mean(size) < 6


def test_what_does_not_fit(tiny: Taxonomy) -> None:
    with pytest.raises(ConfigError, match="one node at least, got max_nodes=0"):
        node_scores(ROW, taxonomy=tiny, max_nodes=0)
    with pytest.raises(ConfigError, match="between 0 and 1, got 90"):
        node_rule(ROW, np.eye(6)[[0]], taxonomy=tiny, coverage=90)
