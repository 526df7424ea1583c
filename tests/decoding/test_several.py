"""Coarser answers and cheapest classes of several topics, against slow references and enumeration."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from hiercls.decoding import climbing_rule_several, least_cost_several, stop_several
from hiercls.decoding.climbing import N_STARTS, THRESHOLDS
from hiercls.errors import ConfigError
from hiercls.metrics import ancestor_matrix
from hiercls.taxonomy import Taxonomy

QUICK = settings(derandomize=True, max_examples=20, deadline=None)


def documents(n: int, *, n_topics: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Topics' log-probabilities, and topics drawn by them."""
    random = np.random.default_rng(seed)
    probabilities = random.beta(0.3, 0.8, size=(n, n_topics))
    return np.log(probabilities + 1e-12), random.random(probabilities.shape) < probabilities


def named_slowly(taxonomy: Taxonomy, topics: np.ndarray, threshold: float) -> set[str]:
    """The nodes of one document, by the definition."""
    below = {
        node: set(taxonomy.topics) & ({node} | taxonomy_below(taxonomy, node)) for node in taxonomy.hierarchy.nodes
    }
    place = {topic: position for position, topic in enumerate(taxonomy.topics)}
    mass = {node: 1 - math.prod(1 - topics[place[topic]] for topic in sorted(own)) for node, own in below.items()}
    enough = {node for node in below if mass[node] >= threshold}
    return {node for node in enough if not taxonomy_below(taxonomy, node) & enough}


def taxonomy_below(taxonomy: Taxonomy, node: str) -> set[str]:
    """All nodes below one."""
    found: set[str] = set()
    for child in taxonomy.hierarchy.children.get(node, ()):
        found |= {child} | taxonomy_below(taxonomy, child)
    return found


@QUICK
@given(data=st.data(), tree=st.booleans())
def test_nodes_are_the_lowest_that_are_probable_enough(worlds, data, tree) -> None:
    taxonomy = data.draw(worlds(tree=tree))
    logs, _ = documents(5, n_topics=len(taxonomy.topics), seed=data.draw(st.integers(0, 99)))
    for threshold in (0.31, 0.5, 0.83):
        found = stop_several(logs, taxonomy=taxonomy, threshold=threshold)
        for row, topics in zip(found, np.exp(logs), strict=True):
            names = {node for node, inside in zip(taxonomy.hierarchy.nodes, row, strict=True) if inside}
            assert names == named_slowly(taxonomy, topics, threshold)


def test_all_is_named_from_nothing_on_and_nothing_beyond_everything(tiny: Taxonomy) -> None:
    logs, _ = documents(3)
    leaves = [node in tiny.topics for node in tiny.hierarchy.nodes]
    assert (stop_several(logs, taxonomy=tiny, threshold=0.0) == leaves).all()
    assert not stop_several(logs, taxonomy=tiny, threshold=math.inf).any()
    with pytest.raises(ConfigError, match=r"expected a threshold from 0 to 1, got 1\.5"):
        stop_several(logs, taxonomy=tiny, threshold=1.5)


@pytest.mark.parametrize("accuracy", [0.6, 0.8, 0.9])
def test_thresholds_fall_until_a_test_fails(tiny: Taxonomy, accuracy) -> None:
    logs, topics = documents(900)
    truth = np.where(topics @ ancestor_matrix(tiny).toarray() > 0, 1, 0)
    truth[::7] = -1  # what is not known to hold is not right
    reached = []
    for power in range(1, N_STARTS + 1):
        for threshold in (tried for tried in THRESHOLDS if tried <= 1 - (1 - accuracy) ** power):
            named = stop_several(logs, taxonomy=tiny, threshold=threshold)
            answered = named.any(axis=1)
            n_right = int((answered & ~(named & (truth != 1)).any(axis=1)).sum())
            n_answered = int(answered.sum())
            test = binomtest(n_right, n_answered, accuracy, alternative="greater") if n_answered else None
            if test is None or test.pvalue > 0.01 / 4:
                break
            reached.append((threshold, n_answered, n_right))
    rule = climbing_rule_several(logs, truth, taxonomy=tiny, accuracy=accuracy)
    assert (rule.threshold, rule.n_answered, rule.n_right) == min(reached, default=(math.inf, 0, 0))
    with pytest.raises(ConfigError, match=r"expected truths of the shape \(900, 8\), got \(900, 6\)"):
        climbing_rule_several(logs, topics, taxonomy=tiny, accuracy=accuracy)


def test_the_promise_holds(tiny: Taxonomy) -> None:
    ancestors = ancestor_matrix(tiny).toarray()
    many, held = documents(20_000, seed=99)
    truths, broken, shares = held @ ancestors > 0, 0, []
    for seed in range(40):
        logs, topics = documents(600, seed=seed)
        rule = climbing_rule_several(logs, topics @ ancestors > 0, taxonomy=tiny, accuracy=0.8)
        named = stop_several(many, taxonomy=tiny, threshold=rule.threshold)
        answered = named.any(axis=1)
        broken += (named & ~truths).any(axis=1)[answered].mean() > 0.2
        shares.append(answered.mean())
    assert broken <= 1
    assert np.mean(shares) > 0.5


@QUICK
@given(seed=st.integers(0, 999), n_classes=st.integers(1, 4))
def test_costs_are_those_beside_the_nearest_class_that_holds(seed, n_classes) -> None:
    random = np.random.default_rng(seed)
    probabilities, costs = random.random(n_classes), random.random((n_classes, n_classes))
    expected = np.zeros(n_classes)
    for held in itertools.product([False, True], repeat=n_classes):
        if any(held):
            weight = np.where(held, probabilities, 1 - probabilities).prod()
            expected += weight * costs[:, np.array(held)].min(axis=1)
    assert least_cost_several(np.log(probabilities)[None], costs=costs)[0] == expected.argmin()
    with pytest.raises(ConfigError, match="expected a square matrix of finite costs"):
        least_cost_several(np.log(probabilities)[None], costs=costs[None])
