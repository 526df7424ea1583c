import itertools
import math

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.metrics import f1_score, precision_score, recall_score

from hiercls.errors import ConfigError
from hiercls.metrics import macro_f1
from hiercls.metrics.hierarchical import ancestor_matrix, hierarchical_scores, node_set_scores
from hiercls.taxonomy import Taxonomy

QUICK = settings(derandomize=True, max_examples=30, deadline=None)
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


@pytest.mark.parametrize("average", ["micro", "documents", "classes"])
@QUICK
@given(data=st.data())
def test_averages_equal_scikit_learns_on_the_nodes_as_labels(worlds, average, data) -> None:
    """Sets of nodes as rows of 0 and 1 are what scikit-learn calls multilabel: its averages are these."""
    taxonomy = data.draw(worlds(tree=data.draw(st.booleans())))
    ancestors = ancestor_matrix(taxonomy)
    predicted, truth = _drawn_pairs(data, len(taxonomy.topics))
    found = hierarchical_scores(predicted, truth, ancestors=ancestors, average=average)
    tables = ancestors.toarray()[truth], ancestors.toarray()[predicted]
    occurring = np.flatnonzero((tables[0] + tables[1]).any(axis=0))
    way = {"micro": "micro", "documents": "samples", "classes": "macro"}[average]
    expected = [score(*tables, labels=occurring, average=way, zero_division=0.0)
                for score in (precision_score, recall_score, f1_score)]  # fmt: skip
    assert (found.precision, found.recall, found.f1) == pytest.approx(expected)


def test_on_a_flat_taxonomy_the_mean_over_classes_is_macro_f1() -> None:
    flat = Taxonomy.from_yaml(f"hiercls: 1\nname: flat\n{WORLDS['flat']}\n")
    predicted, truth = np.random.default_rng(0).integers(0, 3, (2, 50))
    scores = hierarchical_scores(predicted, truth, ancestors=ancestor_matrix(flat), average="classes")
    assert scores.f1 == pytest.approx(macro_f1(predicted, truth, n_classes=3))


@pytest.mark.parametrize("average", ["micro", "documents", "classes"])
@QUICK
@given(data=st.data())
def test_names_and_orders_change_nothing(worlds, average, data) -> None:
    taxonomy = data.draw(worlds(tree=data.draw(st.booleans())))
    predicted, truth = _drawn_pairs(data, len(taxonomy.topics))
    nodes = data.draw(st.permutations(taxonomy.hierarchy.nodes))
    renamed = taxonomy.renamed({node: f"node {place}" for place, node in enumerate(nodes)})
    expected = hierarchical_scores(predicted, truth, ancestors=ancestor_matrix(taxonomy), average=average)
    assert hierarchical_scores(predicted, truth, ancestors=ancestor_matrix(renamed), average=average) == expected
    order = np.array(data.draw(st.permutations(range(len(taxonomy.topics)))))
    documents = np.random.default_rng(0).permutation(len(truth))
    place = np.append(np.argsort(order), -1)  # a truth that is not known stays so
    moved = hierarchical_scores(
        place[predicted[documents]],
        place[truth[documents]],
        ancestors=ancestor_matrix(taxonomy)[order],
        average=average,
    )
    assert (moved.precision, moved.recall, moved.f1) == pytest.approx(
        (expected.precision, expected.recall, expected.f1), nan_ok=True
    )


@QUICK
@given(data=st.data())
def test_sets_of_nodes_score_like_their_definition(worlds, data) -> None:
    """Several topics a document, or none."""
    taxonomy = data.draw(worlds(tree=False))
    ancestors = ancestor_matrix(taxonomy)
    topics = st.lists(st.sets(st.integers(0, len(taxonomy.topics) - 1)), min_size=3, max_size=3)
    sets = []
    for found in (data.draw(topics), data.draw(topics)):
        table = np.zeros((3, len(taxonomy.topics)))
        for row, columns in enumerate(found):
            table[row, list(columns)] = 1
        sets.append((csr_array(table) @ ancestors > 0).astype(int))
    names = [[set(part[[row]].nonzero()[1].tolist()) for row in range(3)] for part in sets]
    shared = [len(one & two) for one, two in zip(*names, strict=True)]
    scores = {average: node_set_scores(*sets, average=average) for average in ("documents", "micro")}
    for average, score in scores.items():
        found, wanted = ([len(part) for part in side] for side in names)
        if average == "micro":
            shared, found, wanted = [sum(shared)], [sum(found)], [sum(wanted)]
        triples = zip(shared, found, wanted, strict=True)
        parts = [(s / max(f, 1), s / max(w, 1), 2 * s / max(f + w, 1)) for s, f, w in triples]
        assert (score.precision, score.recall, score.f1) == pytest.approx(np.mean(parts, axis=0))


def test_sets_must_be_of_one_shape() -> None:
    with pytest.raises(ConfigError, match=r"one shape, got \(1, 2\) and \(2, 2\)"):
        node_set_scores(csr_array((1, 2)), csr_array((2, 2)))


def test_entries_that_are_twice_or_zero_count_as_sets_do_and_stay_as_they_are() -> None:
    sets = csr_array((np.array([1, 1, 0, 1]), np.array([1, 1, 0, 2]), np.array([0, 4])), shape=(1, 3))
    scores = node_set_scores(sets, csr_array([[0, 1, 1]]))
    assert (scores.precision, scores.recall, scores.f1) == (1.0, 1.0, 1.0)
    assert sets.indices.tolist() == [1, 1, 0, 2]
    assert sets.data.tolist() == [1, 1, 0, 1]


def test_nodes_that_are_only_predicted_or_only_true_are_classes_with_no_f1() -> None:
    """Of four nodes one is both, one predicted, one true, and one neither; that one is left out of the mean."""
    scores = node_set_scores(csr_array([[1, 1, 0, 0]]), csr_array([[1, 0, 1, 0]]), average="classes")
    assert (scores.precision, scores.recall, scores.f1) == pytest.approx((1 / 3, 1 / 3, 1 / 3))


def test_there_are_three_averages() -> None:
    with pytest.raises(ConfigError, match="'micro', 'documents' or 'classes', got 'macro'"):
        node_set_scores(csr_array([[1]]), csr_array([[1]]), average="macro")


def test_a_single_set_is_shared_by_all() -> None:
    scores = hierarchical_scores([0, 0], [0, 0], ancestors=csr_array([[1, 0, 1]]))
    assert (scores.precision, scores.recall, scores.n_documents) == (1.0, 1.0, 2)


def test_answers_may_stop_at_inner_nodes() -> None:
    tiny = Taxonomy.from_yaml(f"hiercls: 1\nname: tiny\n{WORLDS['tree']}\n")
    nodes = tiny.hierarchy.nodes
    scores = hierarchical_scores(
        [nodes.index("X"), nodes.index("Y")],
        [nodes.index("A"), nodes.index("B")],
        ancestors=ancestor_matrix(tiny, nodes=nodes),
    )
    assert (scores.precision, scores.recall) == (1 / 2, 1 / 4)


def _drawn_pairs(data, n_topics: int) -> tuple[np.ndarray, np.ndarray]:
    pairs = st.lists(st.tuples(st.integers(0, n_topics - 1), st.integers(0, n_topics - 1)), min_size=1, max_size=8)
    predicted, truth = np.array(data.draw(pairs)).T
    return predicted, truth
