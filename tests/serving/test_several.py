"""A model for several topics a document, over HTTP's answers: sets and explanations, too."""

from __future__ import annotations

import numpy as np

from hiercls.estimator import HierarchicalTextClassifier
from hiercls.model.heads import HeadConfig
from hiercls.serving.answers import Question
from hiercls.training.config import TrainingConfig


def test_sets_and_reasons_are_given_where_documents_have_several_topics(tiny, tiny_bert) -> None:
    random = np.random.default_rng(0)
    held = [sorted(random.choice(list("ABCDEF"), 2, replace=False).tolist()) for _ in range(160)]
    texts = [f"{first.lower()}1 the {second.lower()}2" for first, second in held]
    classifier = HierarchicalTextClassifier(
        tiny,
        task="multilabel",
        encoder=tiny_bert,
        max_length=16,
        head=HeadConfig(hidden=0, dropout=0.0),
        training=TrainingConfig(epochs=20, learning_rate=1e-2, weight_decay=0.1),
        cache=False,
    ).fit(texts[:100], held[:100])
    classifier.conformalize(texts[100:], held[100:])
    view = tiny.view("one")
    question = Question(classifier=classifier, texts=texts[:2], views=[view], top_k=2, coverage=0.8, n_words=2)
    answers = [document.answers[0] for document in question.answer(classifier.scorer_.topics(texts[:2])).documents]
    expected = classifier.predict_set(texts[:2], at="one", coverage=0.8)
    assert [answer.within for answer in answers] == [np.asarray(view.classes)[row].tolist() for row in expected]
    assert [tuple(answer.labels) for answer in answers] == classifier.predict_labels(texts[:2], at="one")
    assert all(len(answer.why.words) <= 2 and answer.why.name in view.classes for answer in answers)
