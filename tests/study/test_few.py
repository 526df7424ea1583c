"""The few-label benchmark on a handful of documents: what is drawn, what is run, what is kept."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hiercls.errors import ConfigError
from hiercls.study.corpus import Corpus
from hiercls.study.few import ENCODER, FEW, PLAIN, UNDESCRIBED, UNLABELLED, Draw, FewConfig, drawn, run_few
from hiercls.taxonomy import Taxonomy, shipped
from hiercls.training.config import TrainingConfig


def test_a_draw_has_as_many_of_each_topic_as_it_should():
    topics = np.random.default_rng(0).integers(5, size=400)
    chosen = drawn(topics, per_topic=7, seed=3)
    assert np.bincount(topics[chosen]).tolist() == [7] * 5
    assert len(set(chosen.tolist())) == 35
    assert chosen.tolist() == drawn(topics, per_topic=7, seed=3).tolist()
    assert chosen.tolist() != drawn(topics, per_topic=7, seed=4).tolist()
    assert drawn(np.array([0, 1, 1]), per_topic=9, seed=0).tolist() == [0, 1, 2]


@pytest.fixture
def small(monkeypatch, tiny_bert) -> dict[str, object]:
    """A world in place of 20 Newsgroups: twelve documents a topic, each with words of its topic."""
    taxonomy = Taxonomy.from_yaml(shipped("newsgroups"))
    topics = np.arange(240) % 20
    texts = tuple(f"{'abcdef'[topic % 6]}{topic // 6} t{topic} number{place}" for place, topic in enumerate(topics))
    corpora = (Corpus(texts=texts[:160], topics=topics[:160]), Corpus(texts=texts[160:], topics=topics[160:]))
    monkeypatch.setattr("hiercls.study.few.newsgroups_corpora", lambda taxonomy, headers, documents: corpora)
    assert len(taxonomy.topics) == 20
    training = TrainingConfig(epochs=2, weight_decay=1.0)
    return {"encoder": str(tiny_bert), "max_length": 16, "training": training, "cache": False}


def test_every_method_is_run_once_for_each_draw_and_size(small, tmp_path):
    config = FewConfig(sizes=(4,), draws=(0,), unlabelled=True, settings=small)
    said: list[str] = []
    text = run_few(config, tmp_path, resume=False, say=said.append)
    accuracy = json.loads((tmp_path / "few.json").read_text())["runs"]["0"]["accuracy"]
    assert list(accuracy) == [FEW, UNLABELLED, UNDESCRIBED, ENCODER, *PLAIN]
    assert accuracy[FEW]["4"] > 0.5
    assert len(said) == len(accuracy)
    assert text.splitlines()[-1].startswith("| TF-IDF + ComplementNB | ")
    del accuracy[ENCODER]["4"]
    results = json.loads((tmp_path / "few.json").read_text())
    results["runs"]["0"]["accuracy"] = accuracy
    (tmp_path / "few.json").write_text(json.dumps(results))
    again: list[str] = []
    assert run_few(config, tmp_path, resume=True, say=again.append) == text
    assert len(again) == 1
    assert ENCODER in again[0]
    with pytest.raises(ConfigError, match="other conditions"):
        run_few(FewConfig(headers="kept", sizes=(4,), settings=small), tmp_path, resume=True, say=again.append)


def test_runs_elsewhere_come_out_the_same(small, tmp_path, monkeypatch, elsewhere):
    config = FewConfig(sizes=(4, 6), draws=(0,), settings=small)
    found, texts = [], []
    for name, more in (("here", {}), ("elsewhere", {"backend": "ray", "workers": 2})):
        if more:
            monkeypatch.setattr("hiercls.study.few.run_many", elsewhere)
        texts.append(run_few(config, tmp_path / name, resume=False, say=lambda said: None, **more))
        runs = json.loads((tmp_path / name / "few.json").read_text())["runs"]
        found.append({seed: list(run["accuracy"].items()) for seed, run in sorted(runs.items())})
    assert found[0] == found[1]
    assert texts[0] == texts[1]


def test_rows_are_the_chosen_documents_alone():
    taxonomy = Taxonomy.from_yaml(shipped("newsgroups"))
    corpus = Corpus(texts=("a", "b", "c"), topics=np.array([4, 5, 6]))
    draw = Draw(taxonomy=taxonomy, training=corpus, chosen=np.array([0, 2]), test=corpus, seed=0)
    assert [(row.text, row.labels) for row in draw.rows] == [
        ("a", ((None, taxonomy.topics[4]),)),
        ("c", ((None, taxonomy.topics[6]),)),
    ]
