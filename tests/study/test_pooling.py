from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from hiercls.errors import ConfigError
from hiercls.study.corpus import Corpus
from hiercls.study.pooling_documents import Documents
from hiercls.study.pooling_naive import train_naively
from hiercls.study.pooling_networks import train_networks
from hiercls.study.pooling_setup import Network, NetworkConfig
from hiercls.study.pooling_speed import speed
from hiercls.study.pooling_surrogates import surrogate_effects
from hiercls.study.pooling_sweep import SweepConfig, read_runs, runs_of, sweep
from hiercls.study.pooling_tasks import Pair, joint_runs, pairs
from hiercls.taxonomy import Taxonomy, shipped


@pytest.fixture(scope="module")
def newsgroups() -> Taxonomy:
    return Taxonomy.from_yaml(shipped("newsgroups"))


SMALL = """
hiercls: 1
name: small
levels: [area, group, topic]
topics: {x: {one: [a, b], two: [c, d]}, y: {three: [e, f]}}
"""


@pytest.fixture(scope="module")
def documents() -> Documents:
    """Six topics with words of their own, words of their group, and words that only test documents have."""
    taxonomy, random = Taxonomy.from_yaml(SMALL), np.random.default_rng(0)
    corpora = []
    for n_each, late in ((12, False), (8, True)):
        topics = np.repeat(np.arange(len(taxonomy.topics)), n_each)
        texts = []
        for topic in topics:
            own = [f"t{topic}w{word}" for word in random.integers(6, size=3)]
            group = [f"g{topic // 2}w{word}" for word in random.integers(9, size=3)]
            texts.append(" ".join([*own, *group, f"any{random.integers(20)}", *(["rare1"] if late else [])]))
        corpora.append(Corpus(texts=tuple(texts), topics=topics))
    training, test = corpora
    training = Corpus(texts=(*training.texts, "rare1 rare2"), topics=np.append(training.topics, -1))
    return Documents.of(taxonomy, training, test)


def test_there_are_52_related_and_516_unrelated_pairs_and_half_as_many_joint_runs(newsgroups: Taxonomy) -> None:
    related, unrelated = pairs(newsgroups, "related"), pairs(newsgroups, "unrelated")
    assert (len(related), len(unrelated)) == (52, 516)
    assert set(related) < set(unrelated)
    assert (len(joint_runs(related)), len(joint_runs(unrelated))) == (26, 258)


def test_pairs_are_those_of_the_definition(newsgroups: Taxonomy) -> None:
    group = {topic: path for topic in newsgroups.topics for path in [next(newsgroups.graph.predecessors(topic))]}
    domain = {topic: next(newsgroups.graph.predecessors(group[topic])) for topic in newsgroups.topics}
    expected = {"related": set(), "unrelated": set()}
    for a, b, c, d in itertools.permutations(newsgroups.topics, 4):
        if group[a] != group[b] and group[a] == group[c] and group[b] == group[d]:
            expected["unrelated"].add(frozenset([((a, b), (c, d)), ((b, a), (d, c))]))
            if domain[a] == domain[b]:
                expected["related"].add(frozenset([((a, b), (c, d)), ((b, a), (d, c))]))
    for kind, wanted in expected.items():
        got = [(pair.main, pair.auxiliary) for pair in pairs(newsgroups, kind)]
        assert {frozenset([(m, x), (m[::-1], x[::-1])]) for m, x in got} == wanted
        assert len(got) == len(wanted)


def test_pairs_ask_for_three_levels() -> None:
    with pytest.raises(ConfigError, match="three levels"):
        pairs(Taxonomy.from_yaml(shipped("tiny")), "related")


def networks(documents: Documents, *, n_tasks: int) -> list[Network]:
    runs = joint_runs(pairs(documents.taxonomy, "unrelated"))[:3]
    return [
        Network(tasks=tuple(documents.draw(task, per_class=10, repeat=0) for task in run[:n_tasks]), seed=(7, place))
        for place, run in enumerate(runs)
    ]


@pytest.mark.parametrize("n_tasks", [1, 2])
def test_networks_side_by_side_come_out_as_if_trained_alone_densely_on_all_columns(
    documents: Documents, n_tasks: int
) -> None:
    config = NetworkConfig(n_epochs=20, every=5, width=8, batch=8, learning_rate=0.05)
    some = networks(documents, n_tasks=n_tasks)
    assert all(len(network.used) < network.n_columns for network in some)
    together = train_networks(some, config)
    for network, found in zip(some, together, strict=True):
        for fused in (False, True):
            slow = train_naively(network, config, fused=fused)
            np.testing.assert_allclose(found.losses, slow.losses, atol=1e-4)
            np.testing.assert_allclose(found.f1, slow.f1, atol=1e-9)
            np.testing.assert_allclose(found.affinity, slow.affinity, rtol=1e-3, atol=1e-6)
    assert together[0].losses[0, -1] < 0.8 * together[0].losses[0, 0]  # they do learn


def test_words_of_test_documents_alone_keep_the_weights_that_were_drawn(documents: Documents) -> None:
    network = networks(documents, n_tasks=1)[0]
    untrained = np.setdiff1d(np.arange(network.n_columns), network.used)
    assert network.tasks[0].test[:, untrained].nnz > 0  # so that the comparison with the naive loop can tell


def test_surrogates_tell_an_auxiliary_that_helps_from_one_whose_classes_are_swapped(documents: Documents) -> None:
    main = ("a", "c")
    some = [Pair(main=main, auxiliary=other) for other in (("b", "d"), ("d", "b"), ("e", "f"))]
    helping, harming, foreign = surrogate_effects(documents, some, per_class=10, repeat=0)[:, 0]
    assert helping > 0 > harming
    assert harming < foreign < helping
    again = surrogate_effects(documents, some, per_class=10, repeat=0)[:, 0]
    assert again.tolist() == [helping, harming, foreign]


def test_a_task_has_the_same_documents_in_all_pairs_of_a_repeat_and_others_in_the_next(documents: Documents) -> None:
    first, again, other = (documents.draw(("a", "c"), per_class=10, repeat=repeat) for repeat in (0, 0, 1))
    assert (first.training_rows == again.training_rows).all()
    assert (np.sort(first.training_rows) != np.sort(other.training_rows)).any()
    assert (first.labels.sum(), len(first.labels), len(first.truth)) == (10, 20, 16)
    with pytest.raises(ConfigError, match="training documents of each"):
        documents.draw(("a", "c"), per_class=13, repeat=0)


def test_a_sweep_that_was_stopped_goes_on_where_it_was_and_changes_nothing(documents: Documents, tmp_path) -> None:
    chosen = pairs(documents.taxonomy, "related")
    short = NetworkConfig(n_epochs=4, every=2, width=8)
    config = SweepConfig(per_class=4, repeats=[0, 1], workers=1, side_by_side=3, alone=short, joint=short)
    whole = sweep(documents, chosen, config, tmp_path / "whole.jsonl", say=lambda _: None)
    assert list(whole) == runs_of(chosen, [0, 1])
    lines = (tmp_path / "whole.jsonl").read_text().splitlines(keepends=True)
    cut = tmp_path / "cut.jsonl"
    cut.write_text("".join(lines[:5]) + lines[5][:40])
    said: list[str] = []
    resumed = sweep(documents, chosen, config, cut, say=said.append)
    assert said[0].startswith(f"{len(lines)} networks, 5 of them done")
    for run, trained in whole.items():
        np.testing.assert_allclose(resumed[run].losses, trained.losses, atol=2e-4)
        np.testing.assert_allclose(resumed[run].f1, trained.f1, atol=1e-4)
    assert len(read_runs(cut)) == len(lines)
    assert all(json.loads(line)["repeat"] in (0, 1) for line in lines)


def test_other_backends_are_named(documents: Documents, tmp_path) -> None:
    config = SweepConfig(per_class=4, repeats=[0], backend="moon")
    with pytest.raises(ConfigError, match="local"):
        sweep(documents, pairs(documents.taxonomy, "related"), config, tmp_path / "runs.jsonl", say=lambda _: None)


def test_the_naive_loop_is_timed_beside_the_programs(documents: Documents) -> None:
    short = NetworkConfig(n_epochs=20, every=5, width=8, batch=8)
    config = SweepConfig(per_class=4, repeats=[0], side_by_side=3, alone=short, joint=short)
    found = speed(documents, pairs(documents.taxonomy, "unrelated"), config)
    assert list(found) == ["programs", "naive loop", "naive loop, fused Adam"]
    assert found["programs"]["times"] == found["programs"]["least"] == 1
    assert all(row["hours"] >= 0 and 0 < row["least"] <= row["times"] for row in found.values())
