"""Customers drawn on stored probabilities: what is determined, and accuracy as an exact mean."""

from __future__ import annotations

import numpy as np
import pytest

from hiercls.study.newcomers import Bench, groupings, partition
from hiercls.study.posteriors import Posteriors
from hiercls.taxonomy import Taxonomy, shipped


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    return Taxonomy.from_yaml(shipped("newsgroups"))


def said(topics: np.ndarray, answers: np.ndarray) -> Posteriors:
    """A model that is sure of an answer for each test document."""
    logs = np.log(np.eye(20, dtype=np.float32)[answers] * 0.9 + 0.005)
    names = np.array(["isp"] * len(topics))
    return Posteriors(heldout=logs, heldout_topics=topics, heldout_customers=names, test=logs, test_topics=topics)


def test_ranks_and_determined_classes_are_those_of_the_shipped_map(taxonomy):
    topics = np.arange(20).repeat(2)
    confused = np.where(topics == taxonomy.topics.index("rec.motorcycles"), taxonomy.topics.index("rec.autos"), topics)
    models = {name: said(topics, confused) for name in taxonomy.customers} | {"oracle": said(topics, topics)}
    cells = groupings(models, taxonomy, 0)["customers"]
    assert {name: cell["rank"] for name, cell in cells.items()} == {
        "isp": 20, "publisher": 19, "marketplace": 17, "agency": 19, "newcomer": 20
    }  # fmt: skip
    shop = cells["marketplace"]
    assert shop["classes determined"] == 13 - 6
    assert shop["all"] == [pytest.approx(0.95), 1.0]
    assert shop["determined"] == [1.0, 1.0]


def test_accuracy_is_a_mean_over_the_mix_and_over_how_documents_are_filed(taxonomy):
    topics = np.arange(20).repeat(3)
    bench = Bench.of(said(topics, np.where(topics == 1, 0, topics)), taxonomy, seed=0)
    own = partition(taxonomy.view("group"))
    mix = np.full(20, 0.5 / 18)
    mix[:2] = 0.2, 0.3
    everything = np.arange(60)
    assert bench.accuracy(everything, own, truth=own, mix=mix) == pytest.approx(0.7)
    elsewhere = own.copy()
    elsewhere[0] = 0.75 * own[0] + 0.25 * own[5]
    assert bench.accuracy(everything, own, truth=elsewhere, mix=mix) == pytest.approx(0.65)
    drawn = topics[bench.drawn(everything, mix, n_documents=4000)]
    assert (drawn == 1).mean() == pytest.approx(0.3, abs=0.03)
