"""Scores of plain labels: hiclass's published values, sets by hand, and where hiclass is wrong."""

from __future__ import annotations

import numpy as np
import pytest

import hiercls.metrics.paths as paths
from hiercls.errors import ConfigError, InputTypeError
from hiercls.metrics import ancestor_matrix, hierarchical_scores, path_consistency, path_scores
from hiercls.taxonomy import Taxonomy

MERMAID = [["human", "mermaid"], ["fish", "mermaid"]]
HALF_MERMAID = [["human", "mermaid"], ["", ""]]
MINOTAUR = [["human", "minotaur"], ["bull", "minotaur"]]
ONE, TWO = [[1, 2, 3, 4], [1, 2, 5, 6]], [[1, 2, 5, 6], [1, 2, 3, 4]]

# The values in tests/test_metrics.py of hiclass 5.0.8: truth, prediction, its average, the score, the value there.
PUBLISHED = [
    (ONE, TWO, "micro", "precision", 0.5),
    ([HALF_MERMAID, MINOTAUR], [MERMAID, MINOTAUR], "micro", "precision", 0.8333),
    (ONE, [[1, 5, 6, 7], [1, 2, 3, 4]], "macro", "precision", 0.375),
    ([HALF_MERMAID, MINOTAUR], [MERMAID, MINOTAUR], "macro", "precision", 0.8333),
    ([[1, 2], [1, 2]], TWO, "micro", "recall", 1.0),
    (TWO, [[1, 2], [1, 2]], "micro", "recall", 0.5),
    ([MERMAID, MINOTAUR], [HALF_MERMAID, MINOTAUR], "micro", "recall", 0.8333),
    ([[1, 2], [1, 2]], [[1, 5, 6, 7], [1, 2, 3, 4]], "macro", "recall", 0.75),
    ([[1, 5, 6, 7], [1, 2, 3, 4]], [[1, 2], [1, 2]], "macro", "recall", 0.375),
    ([MERMAID, MINOTAUR], [HALF_MERMAID, MINOTAUR], "macro", "recall", 0.8333),
    (ONE, TWO, "micro", "f1", 0.5),
    (ONE, [[5, 6, 7, 8], [9, 10, 11, 12]], "micro", "f1", 0.0),
    ([MERMAID, MINOTAUR], [HALF_MERMAID, MINOTAUR], "micro", "f1", 0.9090),
    ([[0, 1, 2], [3, 4, 5]], [[0, 1, 2], [6, 7, 8]], "macro", "f1", 0.5),
    (ONE, [[1, 5, 6], [1, 2, 3]], "macro", "f1", 0.4285714),
    ([MERMAID, MINOTAUR], [HALF_MERMAID, MINOTAUR], "macro", "f1", 0.9),
]


@pytest.mark.parametrize(("truth", "predicted", "average", "score", "value"), PUBLISHED)
def test_hiclass_published_values(truth, predicted, average, score, value) -> None:
    own = "documents" if average == "macro" else average
    scores = path_scores(np.array(predicted), np.array(truth), node="name", average=own)
    assert getattr(scores, score) == pytest.approx(value, rel=1e-3)


def test_a_ragged_case_of_strings_by_hand() -> None:
    """Document 1: {a, ab} against {a, ab, abc}; 2: {x} against {x, xy}; 3: {x, xz} against {a}."""
    predicted = [["a", "b", ""], ["x", "", ""], ["x", "z", ""]]
    truth = [["a", "b", "c"], ["x", "y", ""], ["a", "", ""]]
    micro, documents, classes = (
        path_scores(predicted, truth, average=way) for way in ("micro", "documents", "classes")
    )
    assert (micro.precision, micro.recall, micro.f1) == pytest.approx((3 / 5, 3 / 6, 6 / 11))
    by_document = (2 / 3, (2 / 3 + 1 / 2) / 3, (4 / 5 + 2 / 3) / 3)
    assert (documents.precision, documents.recall, documents.f1) == pytest.approx(by_document)
    # a: 1 right of 1 found and 2 wanted; ab: 1, 1, 1; abc: 0, 0, 1; x: 1, 2, 1; xy: 0, 0, 1; xz: 0, 1, 0.
    by_class = ((1 + 1 + 0 + 1 / 2) / 6, (1 / 2 + 1 + 0 + 1) / 6, (2 / 3 + 1 + 0 + 2 / 3) / 6)
    assert (classes.precision, classes.recall, classes.f1) == pytest.approx(by_class)


def test_where_hiclass_is_wrong_a_name_under_two_parents_is_two_nodes() -> None:
    """By hand 0 of 2 nodes are right; hiclass 5.0.8 gives .5, since {X, Other} and {Y, Other} share a name."""
    assert path_scores([["X", "Other"]], [["Y", "Other"]]).f1 == 0.0
    assert path_scores([["X", "Other"]], [["Y", "Other"]], node="name").f1 == 0.5


def test_where_hiclass_is_wrong_no_answer_costs_recall_and_nothing_else() -> None:
    """By hand 2 nodes found, both right, 4 wanted; hiclass 5.0.8 divides by zero for the first document alone."""
    scores = path_scores([["", ""], ["a", "b"]], [["a", "b"], ["a", "b"]])
    assert (scores.precision, scores.recall) == (1.0, 0.5)


@pytest.mark.parametrize("average", ["micro", "documents", "classes"])
@pytest.mark.parametrize("kind", [str, object, np.int64, np.int8, bytes])
def test_labels_of_a_taxonomy_score_like_its_topics(tiny: Taxonomy, average, kind) -> None:
    random = np.random.default_rng(0)
    predicted, truth = random.integers(0, 6, (2, 200))
    expected = hierarchical_scores(predicted, truth, ancestors=ancestor_matrix(tiny), average=average)
    names = np.array([["X", topic] if topic in "ABC" else ["Y", topic] for topic in tiny.topics])
    table = np.vectorize(ord)(names).astype(kind) if kind in (np.int64, np.int8) else names.astype(kind)
    found = path_scores(table[predicted], table[truth], average=average)
    assert (found.precision, found.recall, found.f1) == pytest.approx(
        (expected.precision, expected.recall, expected.f1)
    )


def test_nothing_is_no_label_however_it_is_written() -> None:
    truth = [["a", "b"], ["a", "b"], ["a", "b"]]
    predicted = np.array([["a", None], ["a", float("nan")], ["a", ""]], dtype=object)
    scores = path_scores(predicted, truth)
    assert (scores.precision, scores.recall) == (1.0, 0.5)
    assert path_scores(predicted, predicted, average="classes").f1 == 1.0


def test_sums_that_are_equal_by_chance_are_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """With factors of 0 first, all documents look the same."""
    draws = []

    class Draw:
        def __init__(self, seed: int) -> None:
            self.seed = seed

        def integers(self, high: int, *, size: int, dtype: type) -> np.ndarray:
            draws.append(self.seed)
            return np.random.RandomState(self.seed).randint(high >> 1, size=size, dtype=dtype) * np.uint64(
                self.seed > 0
            )

    monkeypatch.setattr(paths.np.random, "default_rng", Draw)
    assert path_scores([["a", "b"], ["a", "c"]], [["a", "b"], ["a", "b"]]).precision == 0.75
    assert set(draws) == {0, 1}


def test_no_documents() -> None:
    assert path_scores(np.empty((0, 2), dtype=str), np.empty((0, 3), dtype=str)).n_documents == 0


@pytest.mark.parametrize(
    ("predicted", "truth", "options", "error", "message"),
    [
        (["a"], ["a"], {}, ConfigError, "'predicted' to be documents × levels"),
        ([["a"]], ["a"], {}, ConfigError, "'truth' to be documents × levels"),
        ([["a"]], [["a"], ["b"]], {}, ConfigError, "one prediction per truth, got 1 and 2"),
        ([["a", "b"], ["a"]], [["a"], ["a"]], {}, InputTypeError, "fill shorter paths up with ''"),
        ([["a"]], [["a"]], {"node": "leaf"}, ConfigError, "'path' or 'name', got 'leaf'"),
        ([["a"]], [["a"]], {"average": "macro"}, ConfigError, "'micro', 'documents' or 'classes', got 'macro'"),
    ],
)
def test_what_does_not_fit(predicted, truth, options, error, message) -> None:
    with pytest.raises(error, match=message):
        path_scores(predicted, truth, **options)


def test_levels_that_fit_each_other(tiny: Taxonomy) -> None:
    documents = [(area, topic) for area in range(2) for topic in range(6)]
    assert path_consistency(documents, taxonomy=tiny) == 0.5
    assert path_consistency([(topic // 3, topic) for topic in range(6)], taxonomy=tiny) == 1.0
    dag = Taxonomy.from_yaml("{hiercls: 1, levels: [area, topic], topics: {X: [A, B], Y: [B, C]}, multi_parent: [B]}")
    topics = dag.topics.index
    pairs = [(0, topics("B")), (1, topics("B")), (0, topics("C")), (1, topics("A"))]
    assert path_consistency(pairs, taxonomy=dag) == 0.5
    assert np.isnan(path_consistency(np.empty((0, 2)), taxonomy=tiny))


def test_a_path_fits_at_every_level() -> None:
    """Two sectors of two areas of two topics each: what a topic's area and an area's sector are is counting."""
    topics = "{S: {X: [A, B], Y: [C, D]}, T: {Z: [E, F], W: [G, H]}}"
    deep = Taxonomy.from_yaml(f"{{hiercls: 1, levels: [sector, area, topic], topics: {topics}}}")
    for path in np.ndindex(2, 4, 8):
        fits = path[0] == path[1] // 2 and path[1] == path[2] // 2
        assert path_consistency([path], taxonomy=deep) == fits, path


@pytest.mark.parametrize(
    ("predicted", "error", "message"),
    [
        ([[0]], ConfigError, r"an index for each of 2 levels, got the shape \(1, 1\)"),
        ([0, 1], ConfigError, r"an index for each of 2 levels, got the shape \(2,\)"),
        ([[0, 6]], ConfigError, r"indices from 0 to \[1, 5\] by level"),
        ([[-1, 0]], ConfigError, r"indices from 0 to \[1, 5\] by level"),
        ([[0.0, 1.0]], InputTypeError, "'predicted' to hold class indices, got float64"),
    ],
)
def test_levels_that_are_none(tiny: Taxonomy, predicted, error, message) -> None:
    with pytest.raises(error, match=message):
        path_consistency(predicted, taxonomy=tiny)
