"""Scores of a model on labelled documents, compared with a slow loop over documents and views."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hiercls.data.rows import make_rows
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.study.evaluation import evaluate
from hiercls.taxonomy.labels import resolve
from hiercls.training.config import TrainingConfig

LABELS = ["A", "area:X", "one:ABC", "two:BC", "three:CD", "one:EF", "F", "two:DE"]


@pytest.fixture(scope="module")
def classifier(tiny, tiny_bert, tiny_documents):
    training = TrainingConfig(epochs=2, weight_decay=1.0)
    classifier = HierarchicalTextClassifier(tiny, encoder=str(tiny_bert), max_length=16, training=training)
    return classifier.fit(*tiny_documents)


@pytest.fixture(scope="module")
def documents(tiny, tiny_documents):
    texts = [*tiny_documents[0][: len(LABELS) - 1], " "]
    return texts, resolve(tiny, make_rows(texts, LABELS)).labels


def sets_of(tiny):
    """The topics that each label allows."""
    for label in LABELS:
        view, _, name = label.rpartition(":")
        yield set(tiny.view(view or "topic").topics_of(name))


def test_scores_are_those_of_a_slow_loop(tiny, classifier, documents):
    texts, labels = documents
    result = evaluate(classifier.scorer_, tiny, texts, labels)
    assert (result.n_documents, result.n_empty) == (8, 1)
    assert [scores.view for scores in (*result.levels, *result.customers)] == list(tiny.views)
    for scores in (*result.levels, *result.customers):
        view = tiny.view(scores.view)
        right = []
        for predicted, topics in zip(classifier.predict(texts, at=scores.view), sets_of(tiny), strict=True):
            inside = [name for name in view.classes if topics <= set(view.topics_of(name))]
            right += [predicted == inside[0]] if len(inside) == 1 else []
        assert scores.n_documents == len(right) < len(texts)
        assert scores.n_undetermined == len(texts) - len(right)
        assert scores.accuracy == pytest.approx(np.mean(right))


def test_the_hierarchy_counts_where_the_topic_is_known(tiny, classifier, documents):
    texts, labels = documents
    scores = evaluate(classifier.scorer_, tiny, texts, labels).hierarchical
    known = [(0, {"A", "X"}), (6, {"F", "Y"})]
    predicted = classifier.predict(texts)
    shared = sum(len(truth & {predicted[row], "X" if predicted[row] in "ABC" else "Y"}) for row, truth in known)
    assert scores.n_documents == 2
    assert scores.precision == scores.recall == pytest.approx(shared / 4)


def test_probabilities_and_caution_are_judged_where_the_labels_decide(tiny, classifier, documents):
    texts, labels = documents
    result = evaluate(classifier.scorer_, tiny, texts, labels)
    for name in tiny.views:
        truth = labels.project(tiny.view(name))
        logs = classifier.predict_log_proba([text for text, k in zip(texts, truth, strict=True) if k >= 0], at=name)
        loss = -logs[np.arange(len(logs)), truth[truth >= 0]].mean()
        assert result.probabilities[name].log_loss == pytest.approx(loss, abs=1e-6)
    known = [(0, "A"), (6, "F")]
    probabilities = classifier.predict_proba(texts)
    ranked = sorted(known, key=lambda pair: -probabilities[pair[0]].max())
    wrong = [classifier.predict([texts[row]])[0] != topic for row, topic in ranked]
    risks = [wrong[0], sum(wrong) / 2]
    assert result.caution.flat.risk.tolist() == risks
    assert result.caution.flat.area == pytest.approx(risks[0] / 2 + sum(risks) / 4)
    assert result.caution.hierarchical.coverage[-1] == 1.0


def test_plain_data_has_none_where_nothing_counts(tiny, classifier, documents):
    texts, _ = documents
    labels = resolve(tiny, make_rows(texts[:1], ["three:CD"])).labels
    plain = json.loads(json.dumps(evaluate(classifier.scorer_, tiny, texts[:1], labels).to_dict(), allow_nan=False))
    by_view = {scores["view"]: scores for scores in (*plain["levels"], *plain["customers"])}
    assert by_view["topic"]["accuracy"] is None
    assert by_view["three"]["n_documents"] == 1
    assert plain["hierarchical"] == {
        "n_documents": 0,
        "n_undetermined": 1,
        "precision": None,
        "recall": None,
        "f1": None,
    }
