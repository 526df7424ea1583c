"""The benchmark of trust on made-up probabilities: what is false is found out and mended, and nothing runs twice."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from hiercls.calibration import DEFAULT_METHOD, Scaling
from hiercls.decoding import ROOT, stop, topic_argmax
from hiercls.study import believing, deciding, promised, trust
from hiercls.study.believing import BEFORE
from hiercls.study.corpus import Corpus
from hiercls.study.halves import calibration_on, halves, read
from hiercls.study.posteriors import Posteriors, train_posteriors
from hiercls.study.report import interval, runs_before
from hiercls.study.trust import TrustConfig, run_trust
from hiercls.study.union import Protocol, classes_of
from hiercls.training.config import TrainingConfig

N = 3000


def posteriors_of(*, slope: float, seed: int = 0) -> Posteriors:
    """What a model says whose log-probabilities are too large by a factor."""
    random = np.random.default_rng(seed)
    true = torch.from_numpy(random.normal(size=(2 * N, 6)) * 2).log_softmax(dim=-1)
    topics = np.array([random.choice(6, p=row / row.sum()) for row in true.exp().numpy()])
    said = (true * slope).log_softmax(dim=-1).numpy()
    customers = random.permutation(np.resize(np.array(["one", "two", "three"]), N))
    return Posteriors(
        heldout=said[:N], heldout_topics=topics[:N], heldout_customers=customers, test=said[N:], test_topics=topics[N:]
    )


@pytest.fixture(scope="module")
def too_sure():
    return posteriors_of(slope=2.5)


def test_halves_are_halves():
    for first, second in halves(11, n_splits=3, seed=0):
        assert sorted([*first, *second]) == list(range(11))
        assert len(first) == 5


def test_a_model_that_is_too_sure_is_found_out_and_mended_at_every_view(tiny, too_sure):
    found = believing.errors_on_halves(too_sure, tiny, seed=0)
    assert list(found["error"]) == list(found["perfect"])
    for view in tiny.views:
        before, after = found["error"][BEFORE][view], found["error"][DEFAULT_METHOD][view]
        assert before > 0.05
        assert after < found["perfect"][DEFAULT_METHOD][view] + 0.02
    later = believing.errors_under_shift(too_sure, tiny)
    assert later[DEFAULT_METHOD]["topic"] < later[BEFORE]["topic"] - 0.05


def test_true_probabilities_show_the_error_that_was_simulated(tiny):
    honest = posteriors_of(slope=1.0)
    answers = read(honest.test, honest.test_topics, taxonomy=tiny)
    measured, simulated = believing.errors(answers), believing.perfect_errors(answers, seed=0)
    for view in tiny.views:
        assert measured[view] == pytest.approx(simulated[view], abs=0.015)
        assert simulated[view] > 0.005


def test_documents_show_their_customers_classes_and_nothing_else(tiny, too_sure):
    """Topics that no class tells apart may be swapped: the calibration stays."""
    said, topics = too_sure.test[:100], too_sure.test_topics[:100]
    swapped = np.where(topics == 4, 5, np.where(topics == 5, 4, topics))  # E and F, one class of customer one
    options = {"taxonomy": tiny, "method": "vector"}
    one, other = (calibration_on(said, part, np.full(100, "one"), **options) for part in (topics, swapped))
    assert one.to_dict() == other.to_dict()
    assert calibration_on(said, swapped, np.full(100, "three"), **options).to_dict() != other.to_dict()


def test_few_documents_are_drawn_as_asked(tiny, too_sure):
    found = believing.errors_by_size(too_sure, tiny, seed=0)
    assert list(found) == [str(size) for size in believing.SIZES if size <= N // 2]
    assert all(len(draws) == believing.N_DRAWS for by_method in found.values() for draws in by_method.values())
    assert np.mean(found["500"][DEFAULT_METHOD]) < np.mean(found["50"][DEFAULT_METHOD])


def test_nodes_are_scored_as_a_slow_loop_does(tiny, too_sure):
    nodes = stop(too_sure.test, taxonomy=tiny, threshold=0.7)
    assert (nodes == ROOT).any()
    names, hierarchy = tiny.hierarchy.nodes, tiny.hierarchy
    truth = too_sure.test_topics
    right, cost, said = [], [], []
    for node, topic in zip(nodes.tolist(), truth.tolist(), strict=True):
        way = {tiny.topics[topic], *hierarchy.parents[tiny.topics[topic]]}
        answered = set() if node == ROOT else {names[node], *hierarchy.parents[names[node]]}
        right.append(answered <= way)
        cost.append(len(way - answered) + len(answered - way))
        below = 6 if node == ROOT else len(hierarchy.below(names[node]))
        said.append(1 - math.log(below) / math.log(6))
    scores = deciding.score_nodes(nodes, truth, taxonomy=tiny)
    assert scores["right"] == pytest.approx(np.mean(right))
    assert scores["cost"] == pytest.approx(np.mean(cost))
    assert scores["specificity"] == pytest.approx(np.mean(said))


def test_each_decoding_is_best_at_what_it_is_for(tiny, too_sure):
    found = deciding.decodings(too_sure, tiny, seed=0)
    _, answers = deciding.calibrated_half(too_sure, tiny, seed=0)
    summed = found["likeliest topic, summed up"]
    predicted = topic_argmax(answers.topics, taxonomy=tiny)
    assert summed["topics"] == pytest.approx(
        np.mean(np.array(tiny.hierarchy.nodes)[predicted] == np.array(tiny.topics)[answers.topic_truth])
    )
    for view in ("one", "three"):
        classes = classes_of(tiny.view(view), answers.topic_truth)
        assert (answers.truths[view] == classes).all()
    assert summed["contradictions"] == 0.0 < found[deciding.CLASS_ARGMAX]["contradictions"]
    assert found["most expected hierarchical F1"]["f1"] >= summed["f1"] - 0.01
    assert found["least expected cost (edges)"]["cost"] <= summed["cost"] + 0.01
    assert found["finest node at least 95 % sure"]["right"] > summed["right"]


def test_promises_are_measured_at_every_view_and_told(tiny, too_sure):
    found = promised.promises(too_sure, tiny, seed=0)
    fine = [one for one in found["halves"] if one["promised"] == 0.9 and one["view"] == one["calibrated_at"] == "topic"]
    assert fine[0]["coverage"] == pytest.approx(0.9, abs=0.01)
    seeds = [{"promises": found}]
    assert f"{fine[0]['coverage']:.3f} ({fine[0]['size']:.1f})" in "\n".join(promised.set_lines(seeds, tiny))
    climbed = [one for one in found["climbing"] if one["promised"] == 0.9 and one["rule"] == "climbing"]
    assert f"| 90 %: climbing | {climbed[0]['kept']:.3f} |" in "\n".join(promised.climbing_lines(seeds))


def test_posteriors_are_saved_whole(too_sure, tmp_path):
    too_sure.save(tmp_path / "new" / "said.npz")
    again = Posteriors.load(tmp_path / "new" / "said.npz")
    assert all((getattr(again, name) == getattr(too_sure, name)).all() for name in Posteriors.__slots__)
    assert again.customers == ("one", "three", "two")


def test_a_tenth_of_the_training_documents_is_held_out_and_scored(tiny, tiny_bert, tiny_documents):
    texts, topics = tiny_documents
    texts = [f"{text} {number}" for number, text in enumerate(texts)]
    whole = Corpus(texts=tuple(texts), topics=np.array([tiny.topics.index(topic) for topic in topics]))
    protocol = Protocol(taxonomy=tiny, newcomer="three", newcomer_documents=0, training=whole, test=whole, seed=0)
    settings = {
        "encoder": str(tiny_bert), "max_length": 16, "training": TrainingConfig(epochs=1, weight_decay=1.0),
        "lexical": False,
    }  # fmt: skip
    with pytest.warns(UserWarning, match="undetermined"):
        said = train_posteriors(protocol, settings=settings)
    assert len(said.heldout) == pytest.approx(len(texts) / 10, abs=2)
    assert said.customers == ("one", "two")
    assert said.test.shape == (len(texts), 6)
    np.testing.assert_allclose(np.exp(said.test).sum(axis=1), 1, atol=1e-5)


@pytest.mark.slow
def test_the_benchmark_goes_on_where_it_stopped(tiny, monkeypatch, tmp_path):
    trained = []

    def train(protocol, *, settings):
        trained.append(protocol.seed)
        return posteriors_of(slope=2.0, seed=protocol.seed)

    def protocols(world, config):
        corpus = Corpus(texts=("a",), topics=np.array([0]))
        for seed in config.seeds:
            yield Protocol(taxonomy=tiny, newcomer="-", newcomer_documents=0, training=corpus, test=corpus, seed=seed)

    monkeypatch.setattr(trust, "train_posteriors", train)
    monkeypatch.setattr(trust, "_protocols", protocols)
    monkeypatch.setattr(trust, "_taxonomy", lambda world: tiny)
    monkeypatch.setattr(trust, "MEASURES", {**trust.MEASURES})
    monkeypatch.setattr(believing, "SIZES", (50,))
    options = {"drawings": None, "say": lambda line: None}
    first = run_trust(TrustConfig(worlds=["kept"], seeds=[0], settings={}), tmp_path, resume=False, **options)
    assert "## 20 Newsgroups, headers kept (1 seeds)" in first
    config = TrustConfig(worlds=["kept"], seeds=[0, 1], settings={})
    text = run_trust(config, tmp_path, resume=True, **options)
    assert trained == [0, 1]
    written = json.loads((tmp_path / "trust.json").read_text())
    assert set(written["runs"]["kept"]) == {"0", "1"}
    assert (tmp_path / "trust.md").read_text() == text
    run_trust(config, tmp_path, resume=False, **options)
    assert trained == [0, 1, 0, 1]
    with pytest.raises(Exception, match="other conditions"):
        runs_before(tmp_path / "trust.json", {})


def test_an_interval_is_student_s():
    from scipy.stats import t

    values = [0.1, 0.3, 0.2, 0.5]
    expected = t.interval(0.95, 3, loc=np.mean(values), scale=np.std(values, ddof=1) / 2)
    assert interval(values) == pytest.approx(expected, abs=1e-4)
    assert interval([1.0]) == (-math.inf, math.inf)


def test_scalings_before_the_power_was_known_are_read(tiny):
    old = {**Scaling.identity(2).to_dict(), "slopes": [2.0, 2.0]}
    del old["power"]
    assert Scaling.from_dict(old, n_topics=2).power == 1.0
