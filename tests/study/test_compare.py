"""hiercls beside plain methods on few documents, without an encoder's help: who answers where, and on what."""

from __future__ import annotations

import numpy as np
import pytest

from hiercls.data.rows import Row
from hiercls.study.baselines import OWN_DATA, Documents, predict_from_own_data
from hiercls.study.compare import HIERCLS, MAJORITY, CompareConfig, SplitResult, compare
from hiercls.study.comparison import MEAN, Results
from hiercls.study.labelled import Labelled, thread_numbers
from hiercls.study.local import local_classifiers
from hiercls.study.paired import Answers
from hiercls.study.splits import fixed_splits, random_splits
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.labels import resolve
from hiercls.training.config import TrainingConfig

pytestmark = pytest.mark.filterwarnings("ignore:the labelled views leave topics undetermined")


def labelled(tiny, rows) -> Labelled:
    return Labelled(rows=tuple(rows), labels=resolve(tiny, rows).labels)


@pytest.fixture
def coarse(tiny, tiny_documents) -> Labelled:
    """The tiny documents, each with the class of one of two customers."""
    rows = []
    for number, (text, topic) in enumerate(zip(*tiny_documents, strict=True)):
        view = tiny.view(("one", "two")[number // 6 % 2])
        label = next(name for name in view.classes if topic in view.topics_of(name))
        rows.append(Row(text=text, labels=((view.name, label),), customer=view.name))
    return labelled(tiny, rows)


@pytest.fixture
def config(tiny_bert) -> CompareConfig:
    settings = {"encoder": str(tiny_bert), "max_length": 16, "training": TrainingConfig(epochs=5, weight_decay=1.0)}
    return CompareConfig(settings={**settings, "cache": False}, local=True, fine_tuned=True)


def test_every_method_answers_where_its_labels_allow(tiny, tiny_documents, coarse, config):
    pytest.importorskip("hiclass", reason="needs the extra compare")
    (split,) = random_splits(tiny, coarse, fraction=0.25, seeds=(0,))
    found = {result.method: result for result in compare([split], thread_numbers(coarse), config)}
    assert tuple(found) == config.methods(tiny)
    views = {method: set(result.answers) for method, result in found.items()}
    local = local_classifiers(tiny).name
    assert views.pop(local) == set()
    assert set(map(frozenset, views.values())) == {frozenset({"area", "one", "two"})}
    assert found[HIERCLS].answers["one"].accuracy > found[MAJORITY].answers["one"].accuracy

    fine = labelled(
        tiny, [Row(text=text, labels=((None, topic),)) for text, topic in zip(*tiny_documents, strict=True)]
    )
    (split,) = random_splits(tiny, fine, fraction=0.25, seeds=(0,))
    by_topic = CompareConfig(settings=config.settings, local=True, fine_tuned=False)
    results = Results(splits=[split], methods=by_topic.methods(tiny))
    for result in compare([split], thread_numbers(fine), by_topic):
        results.add(result)
    assert list(results.columns) == [MEAN, "one", "two", "three", "topic", "area"]
    assert results.accuracies(local, "topic")[0] > 0.9
    assert results.accuracies(local, MEAN)[0] == pytest.approx(
        np.mean([results.accuracies(local, name)[0] for name in tiny.customers])
    )


def test_other_methods_need_documents_that_are_labelled_at_the_view(tiny, tiny_documents, coarse, config):
    test = labelled(
        tiny, [Row(text=text, labels=((None, topic),)) for text, topic in zip(*tiny_documents, strict=True)]
    )
    (split,) = fixed_splits(tiny, coarse, test, seeds=(0,))
    only = CompareConfig(settings=config.settings, local=False, fine_tuned=False)
    found = {result.method: set(result.answers) for result in compare([split], thread_numbers(test), only)}
    assert found.pop(HIERCLS) == {"area", "topic", "one", "two", "three"}
    assert set(map(frozenset, found.values())) == {frozenset({"area", "one", "two"})}


def test_runs_elsewhere_come_out_the_same(tiny, coarse, config, monkeypatch, elsewhere):
    splits = random_splits(tiny, coarse, fraction=0.25, seeds=(1,))
    few = CompareConfig(settings={**config.settings, "lexical": False}, local=False, fine_tuned=False)
    found = []
    for more in ({}, {"backend": "ray", "workers": 2}):
        if more:
            monkeypatch.setattr("hiercls.study.compare.run_many", elsewhere)
        found.append(Results(splits=splits, methods=few.methods(tiny)))
        for result in compare(splits, thread_numbers(coarse), few, **more):
            found[-1].add(result)
    here, there = found
    for method in here.methods:
        assert len(there.seconds(method)) == 1
        assert all(there.accuracies(method, column) == here.accuracies(method, column) for column in here.columns)
    assert there.difference(MEAN, there.methods[1]) == here.difference(MEAN, here.methods[1])
    assert here.accuracies(HIERCLS, MEAN)


def test_local_classifiers_learn_what_a_flat_one_learns_and_know_ragged_trees():
    ragged = Taxonomy.from_dict(
        {"hiercls": 1, "levels": ["area", "topic"], "topics": {"X": {"A": None, "B": None}, "C": None}}
    )
    baseline = local_classifiers(ragged)
    assert baseline.classifier.paths.tolist() == [["X", "A"], ["X", "B"], ["C", ""]]
    pytest.importorskip("hiclass", reason="needs the extra compare")
    labels = np.arange(60) % 3
    texts = [f"{['apple', 'berry', 'cherry'][label]} pie number{number}" for number, label in enumerate(labels)]
    documents = Documents(texts=texts, encodings=np.zeros((60, 1)))
    training, test = documents.take(np.arange(40)), documents.take(np.arange(40, 60))
    assert predict_from_own_data(baseline, training, labels[:40], test, seed=0).tolist() == labels[40:].tolist()


@pytest.mark.parametrize("baseline", OWN_DATA, ids=lambda baseline: baseline.name)
@pytest.mark.parametrize(
    ("texts", "labels"), [(["a b", "c d"], [1, 1]), (["red", "red"], [0, 1]), (["!", "?"], [0, 1]), (["red"], [2])]
)
def test_a_baseline_answers_from_next_to_nothing(baseline, texts, labels):
    documents = Documents(texts=texts, encodings=np.arange(len(texts))[:, None].astype(np.float32))
    predicted = predict_from_own_data(baseline, documents, np.array(labels), documents, seed=0)
    assert set(predicted.tolist()) <= set(labels)


def test_the_rival_is_the_best_of_the_others_that_answers_in_every_split(tiny, coarse):
    splits = random_splits(tiny, coarse, fraction=0.25, seeds=(0, 1))
    results = Results(splits=splits, methods=("ours", "good", "better", "once"))

    def answered(method, seed, share):
        right = np.arange(20) < 20 * share
        answers = {view: Answers(clusters=np.arange(20), right=right) for view in ("one", "two")}
        results.add(SplitResult(method=method, seed=seed, answers=answers, seconds=float(seed)))

    for seed in (1, 0):
        for method, share in (("ours", 0.9), ("good", 0.5), ("better", 0.6)):
            answered(method, seed, share)
    answered("once", 0, 1.0)
    assert results.seconds("good") == [0.0, 1.0]
    assert results.accuracies("once", "one") == []
    assert results.rival("one") == results.rival(MEAN) == "better"
    assert results.rival("area") is None
    assert results.difference(MEAN, "better").mean == pytest.approx(0.3)
