"""The protocol that holds out areas: what is left of a map, who sees what, and what is reported."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiercls.study.corpus import Corpus
from hiercls.study.scope import NOVELTY, SOFTMAX, ScopeResult, advantage, hold_out, report, without_topics
from hiercls.study.union import Protocol
from hiercls.taxonomy import Taxonomy


def paths(taxonomy: Taxonomy) -> list[tuple[str, ...]]:
    """All ways down to the topics."""
    graph = taxonomy.graph
    tops = [node for node in graph if not graph.in_degree(node)]
    return [
        tuple(path) for top in tops for topic in taxonomy.topics for path in nx.all_simple_paths(graph, top, topic)
    ] + [(topic,) for topic in taxonomy.topics if topic in tops]


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_what_is_left_is_what_every_view_has_left(worlds, data: st.DataObject) -> None:
    taxonomy = data.draw(worlds(tree=False))
    gone = set(data.draw(st.lists(st.sampled_from(taxonomy.topics), unique=True, max_size=len(taxonomy.topics) - 1)))
    left = without_topics(taxonomy, gone)
    assert set(left.topics) == set(taxonomy.topics) - gone
    depth = max(len(path) for path in paths(left))
    assert left.levels == (*taxonomy.levels[: depth - 1], taxonomy.levels[-1])
    for name in left.views:
        before, after = taxonomy.view(name), left.view(name)
        expected = {label: set(before.topics_of(label)) - gone for label in before.classes}
        found = {label: set(after.topics_of(label)) for label in after.classes}
        assert found == {label: topics for label, topics in expected.items() if topics}


@pytest.mark.filterwarnings("ignore:the labelled views leave topics undetermined")
def test_an_area_is_held_out_and_found(tiny: Taxonomy, tiny_documents: tuple[list[str], list[str]]) -> None:
    texts, topics = tiny_documents
    corpus = Corpus(texts=tuple(texts), topics=np.array([tiny.topics.index(topic) for topic in topics]))
    world = Protocol(taxonomy=tiny, newcomer="three", newcomer_documents=0, training=corpus, test=corpus, seed=4)
    results = [hold_out(world, area, settings={"encoder": None}) for area in ("X", "Y")]
    assert [(result.area, result.seed) for result in results] == [("X", 4), ("Y", 4)]
    for result in results:
        assert set(result.auroc) == {NOVELTY, SOFTMAX}
        assert result.auroc[NOVELTY] > 0.9  # words alone: none of the area's are known
        assert result.auroc[NOVELTY] == pytest.approx(result.auroc[SOFTMAX])  # which the likeliest topic says as well
        assert result.found > 0.5
        assert 0 <= result.false_alarms <= 0.3


def test_the_interval_is_students_over_seeds_of_the_mean_over_areas() -> None:
    gains = np.array([[0.1, 0.2], [0.0, 0.1], [0.3, 0.1]])
    results = [
        ScopeResult(area=area, seed=seed, auroc={NOVELTY: 0.6 + gain, SOFTMAX: 0.6}, false_alarms=0.0, found=0.0)
        for seed, row in enumerate(gains)
        for area, gain in zip("XY", row, strict=True)
    ]
    mean, low, high = advantage(results)
    means = np.array([0.15, 0.05, 0.2])
    reach = 4.302653 * means.std(ddof=1) / np.sqrt(3)
    np.testing.assert_allclose([mean, low, high], [means.mean(), means.mean() - reach, means.mean() + reach], rtol=1e-6)
    text = report(results, {"headers": "removed"})
    assert "| X | .733 ± .153 | .600 ± .000 | .000 ± .000 | .000 ± .000 |" in text
    assert f"AUROC above that of the softmax: +0.133, 95 % interval {low:+.3f} to {high:+.3f}." in text
