"""The benchmark of onboarding: its tables against bars, its figure, and topics that are learnt later."""

from __future__ import annotations

import numpy as np
import pytest

from hiercls.study.corpus import Corpus
from hiercls.study.extending import DOCUMENTS, N_DRAWS, extensions, without_topics
from hiercls.study.onboarding_report import curves_figure, report
from hiercls.study.posteriors import Posteriors
from hiercls.study.union import Protocol
from hiercls.taxonomy import Taxonomy, shipped
from hiercls.training.config import TrainingConfig

CURVES = {
    "hiercls: YAML alone": {"0": {"0": 0.8, "1": 0.8}, "10": {"0": 0.8, "1": 0.8}},
    "own data, L2": {"10": {"0": 0.4, "1": 0.5}},
    "all heads as one table, masked": {"10": {"0": 0.5}},
}


def results(**sections):
    return {"conditions": {"headers": "removed"}, "runs": {"0": sections, "1": {}}}


def test_bars_are_met_by_means_or_by_draws():
    text = report(
        results(
            audit={"clean, any finding": [0.0, 0.2], "10% found": [1.0, 0.5]},
            adapt={"as declared, 50 documents": [0.0] * 19 + [-0.02], "as declared, 100 documents": [0.0, -0.02]},
            mixes={"equal, with labels": [-0.001, -0.002]},
        )
    )
    rows = {line.split(" | ")[0].removeprefix("| "): line.split(" | ") for line in text.splitlines() if " | " in line}
    assert rows["clean, any finding"][2:4] == ["≤ .05", "**no**"]
    assert rows["10% found"][1:4] == ["0.7500 ± 0.3536", "≥ .70", "yes"]
    assert rows["as declared, 50 documents"][3:5] == ["yes", "5.0%"]
    assert rows["as declared, 100 documents"][3:5] == ["**no**", "50.0%"]
    assert rows["equal, with labels"][3] == "yes"


def test_known_groupings_are_held_against_the_oracle():
    cell = {"rank": 19, "all": [0.7, 0.8], "determined": [0.795, 0.8]}
    text = report(results(known={"random": [[0.75, 0.76], [0.75, 0.80]], "customers": {"isp": cell}}))
    random, isp = (line.split(" | ") for line in text.splitlines() if "random groupings |" in line or "isp" in line)
    assert random[0] == "| 2 random groupings"
    assert random[-2:] == ["within .010 of the oracle; worst grouping +0.050", "**no** |"]
    assert isp[1:] == ["19", ".700", ".800", ".795", ".800", "within .010", "yes |"]


def test_curves_are_a_table_that_says_where_draws_are_missing():
    lines = [line for line in report(results(curves=CURVES)).splitlines() if line.startswith("|")]
    assert lines[0] == "| own documents | 0 | 10 |"
    assert lines[2] == "| draws | 2 | 2 |"
    assert lines[3] == "| hiercls: YAML alone | **.800 ± .000** | **.800 ± .000** |"
    assert lines[4] == "| own data, L2 | – | .450 ± .071 |"
    assert lines[5] == "| all heads as one table, masked | – | .500 (1) |"


def test_the_figure_names_every_curve():
    pytest.importorskip("matplotlib")
    texts = {text.get_text() for text in curves_figure(results(curves=CURVES)).axes[0].texts}
    assert {"hiercls: YAML alone", "own data, L2", "all heads as one table, masked", "2"} - texts == {"2"}
    assert {"hiercls", "own documents alone", "others' documents too"} <= texts
    assert curves_figure(results(adapt={})) is None


def test_a_map_without_topics_has_no_empty_nodes_and_classes(tiny):
    left = without_topics(tiny, ["D", "E", "F"])
    assert (left.topics, left.customers) == (("A", "B", "C"), tiny.customers)
    assert list(left.view("area").classes) == ["X"]
    assert left.view("two").classes == ("A", "BC")
    assert "D" not in left.about
    newsgroups = Taxonomy.from_yaml(shipped("newsgroups"))
    assert "other" not in without_topics(newsgroups, ["misc.forsale"]).graph.nodes


def test_new_topics_are_learnt_and_old_ones_kept(tiny, tiny_bert):
    random = np.random.default_rng(0)
    topics = np.arange(420) % 6
    texts = tuple(" ".join(f"{'abcdef'[topic]}{word}" for word in random.integers(6, size=4)) for topic in topics)
    training, test = Corpus(texts=texts[:330], topics=topics[:330]), Corpus(texts=texts[330:], topics=topics[330:])
    protocol = Protocol(taxonomy=tiny, newcomer="three", newcomer_documents=0, training=training, test=test, seed=0)
    logs, names = np.log(np.eye(6)[test.topics] + 1e-3), np.array([], dtype="<U1")
    none = np.zeros(0, dtype=np.int64)
    heldout = {"heldout": logs[:0], "heldout_topics": none, "heldout_customers": names}
    whole = Posteriors(**heldout, test=logs, test_topics=test.topics)
    training = TrainingConfig(epochs=10, weight_decay=0.3, about_weight=0.0)
    settings = {"encoder": str(tiny_bert), "lexical": False, "max_length": 16, "training": training}
    found = extensions(protocol, whole, settings=settings)
    assert found["new topics, all trained together"] == [1.0]
    for n_documents in DOCUMENTS:
        assert len(found[f"new topics, {n_documents} documents of each"]) == N_DRAWS
    assert np.mean(found["new topics, 50 documents of each"]) > 0.5
    before = found["old topics, before"][0]
    assert np.mean(found["old topics, 50 documents of each new one"]) > before - 0.2
