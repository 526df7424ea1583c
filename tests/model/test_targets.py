"""What labels say at every level: sets, scopes and prior terms, against names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hiercls.data.rows import Row
from hiercls.model.priors import Priors
from hiercls.model.targets import LevelTargets, TargetTable
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.labels import resolve

DAG = {
    "hiercls": 1,
    "levels": ["area", "topic"],
    "topics": {"X": ["A", "B", "C"], "Y": ["C", "D"], "Z": ["E"]},
    "multi_parent": ["C"],
    "customers": {"part": {"partial": True, "classes": {"AC": ["A", "C"]}}},
}


def table(taxonomy: Taxonomy, *labels: tuple[str, str], **settings: Any) -> tuple[LevelTargets, ...]:
    rows = [Row(text="…", labels=(label,)) for label in labels]
    return TargetTable(taxonomy, resolve(taxonomy, rows).labels, **settings).batch(np.arange(len(rows)))


def dense(target: LevelTargets, n_columns: int) -> np.ndarray:
    """The sets as a matrix, shape (batch, n_columns)."""
    out = np.zeros((target.sets.n_owners, n_columns))
    out[target.sets.owners.numpy(), target.sets.topics.numpy()] = target.sets.log_weights.exp().numpy()
    return out


def test_the_set_at_a_level_is_the_nodes_with_a_topic_of_the_label(tiny: Taxonomy) -> None:
    upper, last = table(tiny, ("two", "DE"), ("three", "CD"), ("topic", "B"), composition="topic")
    assert dense(upper, 2).tolist() == [[0, 1], [1, 1], [1, 0]]
    assert upper.informative.tolist() == [True, False, True]
    assert dense(last, 6).tolist() == [[0, 0, 0, 1, 1, 0], [0, 0, 1, 1, 0, 0], [0, 1, 0, 0, 0, 0]]
    assert last.informative.all()
    assert upper.scope is None
    assert upper.prior_shift is None


def test_on_a_dag_topics_give_a_part_to_each_of_their_nodes() -> None:
    taxonomy = Taxonomy.from_dict(DAG)
    upper, last = table(taxonomy, ("area", "X"), ("topic", "C"), ("topic", "A"), composition="topic")
    assert dense(upper, 3).tolist() == [[1, 1, 0], [1, 1, 0], [1, 0, 0]]
    np.testing.assert_allclose(dense(last, 5)[0], [1, 1, 0.5, 0, 0])
    upper, _ = table(taxonomy, ("area", "X"), ("topic", "C"), ("topic", "A"), composition="path")
    np.testing.assert_allclose(dense(upper, 5), [[1, 1, 1, 1, 0], [1, 1, 1, 1, 0], [1, 1, 0.5, 0, 0]], rtol=1e-6)


def test_a_scope_holds_the_nodes_with_a_topic_that_is_named() -> None:
    taxonomy = Taxonomy.from_dict(DAG)
    upper, last = table(taxonomy, ("part", "AC"), ("topic", "E"), composition="topic")
    assert upper.scope.tolist() == [[True, True, False], [True, True, True]]
    assert last.scope.tolist() == [[True, False, True, False, False], [True] * 5]
    upper, _ = table(taxonomy, ("part", "AC"), composition="path")
    assert upper.scope.tolist() == [[True, False, True, False, False]]


def test_priors_are_summed_over_each_node() -> None:
    taxonomy = Taxonomy.from_dict(DAG)
    pooled, own = np.array([0.1, 0.2, 0.3, 0.2, 0.2]), np.array([0.3, 0.1, 0.4, 0.1, 0.1])
    priors = Priors(pooled=pooled, customers=own[None], index=np.array([0, -1]))
    upper, last = table(taxonomy, ("topic", "A"), ("topic", "E"), composition="topic", priors=priors)
    expected = np.log([0.3 + 0.1 + 0.2, 0.2 + 0.1, 0.1]) - np.log([0.1 + 0.2 + 0.15, 0.15 + 0.2, 0.2])
    np.testing.assert_allclose(upper.prior_shift.numpy(), [expected, [0, 0, 0]], rtol=1e-5)
    np.testing.assert_allclose(last.prior_shift.numpy(), [np.log(own / pooled), [0] * 5], rtol=1e-5, atol=1e-7)
    upper, _ = table(taxonomy, ("topic", "A"), ("topic", "E"), composition="path", priors=priors)
    np.testing.assert_allclose(upper.prior_shift.numpy()[0], np.log(own / pooled), rtol=1e-5, atol=1e-7)


def test_equal_labels_share_a_row_and_unequal_weights_do_not(tiny: Taxonomy) -> None:
    taxonomy = tiny.with_customer(
        {"customer": "over", "overlapping": True, "classes": {"AB": ["A", "B"], "Rest": ["A", "C", "D", "E", "F"]}}
    )
    _, last = table(taxonomy, ("over", "AB"), ("three", "AB"), ("over", "AB"), composition="topic")
    np.testing.assert_allclose(dense(last, 6)[:, :2], [[0.5, 1], [1, 1], [0.5, 1]])


def test_forcing_allows_the_set(tiny: Taxonomy) -> None:
    rows = [Row(text="…", labels=(label,)) for label in (("two", "DE"), ("three", "CD"), ("one", "ABC"))]
    (allowed,) = TargetTable(tiny, resolve(tiny, rows).labels, composition="topic").allowed(np.array([2, 0, 1]))
    assert allowed.tolist() == [[True, False], [False, True], [True, True]]


@pytest.mark.parametrize("composition", ["topic", "path"])
def test_a_single_level_has_no_upper_terms(composition: Any) -> None:
    taxonomy = Taxonomy.from_dict({"hiercls": 1, "levels": ["topic"], "topics": ["A", "B"]})
    (only,) = table(taxonomy, ("topic", "B"), composition=composition)
    assert dense(only, 2).tolist() == [[0, 1]]


def test_targets_move_whole(tiny: Taxonomy) -> None:
    taxonomy = Taxonomy.from_dict(DAG)
    priors = Priors(pooled=np.full(5, 0.2), customers=np.full((1, 5), 0.2), index=np.array([0]))
    upper, _ = table(taxonomy, ("part", "AC"), composition="topic", priors=priors)
    moved = upper.to("meta")
    assert {moved.informative.device.type, moved.scope.device.type, moved.prior_shift.device.type} == {"meta"}
    assert moved.sets.topics.device.type == "meta"
