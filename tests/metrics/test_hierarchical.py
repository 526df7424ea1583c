import itertools
import math
import time

import networkx as nx
import numpy as np
import pytest

from hiercls.metrics.hierarchical import ancestor_matrix, hierarchical_scores
from hiercls.taxonomy import Taxonomy

WORLDS = {
    "tree": "levels: [area, topic]\ntopics: {X: [A, B, C], Y: [D, E, F]}",
    "flat": "levels: [topic]\ntopics: [A, B, C]",
    "ragged": "levels: [area, group, topic]\ntopics: {X: {P: [A, B], Q: [C]}, Y: {R: [D, E], S: }, W: }",
    "DAG": "levels: [area, group, topic]\nmulti_parent: [B, E]\n"
    "topics: {X: {P: [A, B], Q: [B, C, E]}, Y: {R: [D, E], S: [F]}}",
}


@pytest.fixture(params=WORLDS)
def world(request) -> Taxonomy:
    return Taxonomy.from_yaml(f"hiercls: 1\nname: world\n{WORLDS[request.param]}\n")


def _enumerated(taxonomy: Taxonomy, predicted, truth) -> tuple[float, float, float]:
    """The definition, set by set."""
    sets = [{topic} | nx.ancestors(taxonomy.graph, topic) for topic in taxonomy.topics]
    shared = sum(len(sets[p] & sets[t]) for p, t in zip(predicted, truth, strict=True))
    precision = shared / sum(len(sets[p]) for p in predicted)
    recall = shared / sum(len(sets[t]) for t in truth)
    return precision, recall, 2 * precision * recall / (precision + recall) if shared else 0.0


def test_every_single_pair_equals_enumeration(world) -> None:
    ancestors = ancestor_matrix(world)
    for pair in itertools.product(range(len(world.topics)), repeat=2):
        scores = hierarchical_scores(pair[:1], pair[1:], ancestors=ancestors)
        assert (scores.precision, scores.recall, scores.f1) == pytest.approx(_enumerated(world, pair[:1], pair[1:]))


def test_many_documents_equal_enumeration(world) -> None:
    rng = np.random.default_rng(0)
    predicted, truth = rng.integers(0, len(world.topics), (2, 500))
    scores = hierarchical_scores(predicted, truth, ancestors=ancestor_matrix(world))
    assert (scores.precision, scores.recall, scores.f1) == pytest.approx(_enumerated(world, predicted, truth))
    assert (scores.n_documents, scores.n_undetermined) == (500, 0)


def test_by_hand() -> None:
    tiny = Taxonomy.from_yaml(f"hiercls: 1\nname: tiny\n{WORLDS['tree']}\n")
    scores = hierarchical_scores([0, 0, 0], [0, 1, 3], ancestors=ancestor_matrix(tiny))
    assert scores.precision == scores.recall == scores.f1 == pytest.approx((2 + 1 + 0) / 6)


def test_a_shallow_leaf_counts_once() -> None:
    ragged = Taxonomy.from_yaml(f"hiercls: 1\nname: ragged\n{WORLDS['ragged']}\n")
    index = ragged.topics.index
    assert ancestor_matrix(ragged).sum(axis=1)[[index("W"), index("S"), index("A")]].tolist() == [1, 2, 3]
    scores = hierarchical_scores([index("W"), index("A")], [index("W"), index("W")], ancestors=ancestor_matrix(ragged))
    assert (scores.precision, scores.recall) == (pytest.approx(1 / 4), pytest.approx(1 / 2))


def test_undetermined_truths_are_left_out_and_counted(world) -> None:
    ancestors = ancestor_matrix(world)
    scores = hierarchical_scores([0, 1, 2], [0, -1, 1], ancestors=ancestors)
    without = hierarchical_scores([0, 2], [0, 1], ancestors=ancestors)
    assert (scores.precision, scores.recall) == (without.precision, without.recall)
    assert (scores.n_documents, scores.n_undetermined) == (2, 1)


@pytest.mark.parametrize("truth", [[], [-1]])
def test_where_no_document_counts_there_is_no_score(world, truth) -> None:
    scores = hierarchical_scores([0] * len(truth), truth, ancestors=ancestor_matrix(world))
    assert math.isnan(scores.precision)
    assert math.isnan(scores.recall)
    assert math.isnan(scores.f1)


def test_a_hundred_thousand_documents_are_quick() -> None:
    rows = "".join(
        f"  X{i}: {{{', '.join(f'Y{i}_{j}: [Z{i}_{j}_0, Z{i}_{j}_1, Z{i}_{j}_2]' for j in range(8))}}}\n"
        for i in range(8)
    )
    taxonomy = Taxonomy.from_yaml(f"hiercls: 1\nname: large\nlevels: [area, group, topic]\ntopics:\n{rows}")
    ancestors = ancestor_matrix(taxonomy)
    predicted, truth = np.random.default_rng(0).integers(0, len(taxonomy.topics), (2, 100_000))
    times = []
    for _ in range(5):
        start = time.process_time()
        hierarchical_scores(predicted, truth, ancestors=ancestors)
        times.append(time.process_time() - start)
    assert min(times) < 0.05
