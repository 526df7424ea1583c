"""The demo's protocol on the tiny world: who sees what, and what is compared with what."""

from __future__ import annotations

import numpy as np
import pytest

from hiercls.data.pydocs import Pydocs
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.study.baselines import OWN_DATA, Documents, predict_from_own_data
from hiercls.study.demo import (
    MAX_LENGTH,
    TEST,
    compare,
    demo_classifier,
    demo_protocol,
    standard_error,
    train_union,
)
from hiercls.study.union import LABELS_ALONE, classes_of
from hiercls.training.config import TrainingConfig


@pytest.fixture(scope="module")
def protocol(tiny, tiny_documents):
    texts, topics = tiny_documents
    corpus = Pydocs(texts=tuple(texts) * 2, topics=tuple(topics) * 2, versions={})
    return demo_protocol(corpus, tiny, newcomer="three", seed=0)


@pytest.fixture(scope="module")
def classifier(protocol, tiny_bert):
    untrained = HierarchicalTextClassifier(
        protocol.taxonomy, encoder=str(tiny_bert), max_length=16, training=TrainingConfig(epochs=30, weight_decay=1.0)
    )
    with pytest.warns(UserWarning, match="undetermined"):
        return train_union(protocol, untrained)


def test_duplicates_stay_on_one_side_of_the_split(protocol):
    assert not set(protocol.training.texts) & set(protocol.test.texts)
    n_texts = len(protocol.training.texts) + len(protocol.test.texts)
    assert n_texts == 192
    assert len(protocol.test.texts) == pytest.approx(TEST * n_texts, abs=6)


def test_the_newcomer_has_no_document_and_is_unknown_to_the_model(protocol, classifier):
    assert len(protocol.deal()["three"]) == 0
    assert classifier.taxonomy_.customers == ("one", "two")
    assert classifier.random_state == protocol.seed


def test_a_comparison_is_what_the_model_and_the_baseline_say(protocol, classifier):
    taxonomy = classifier.taxonomy_
    comparisons = compare(protocol, classifier, views=taxonomy.views)
    assert [one.view for one in comparisons] == list(taxonomy.views)
    engine, hands = classifier.scorer_.engine, protocol.deal()
    for one in comparisons:
        view = taxonomy.view(one.view)
        truth = classes_of(view, protocol.test.topics)
        right = classifier.predict(protocol.test.texts, at=one.view) == np.asarray(view.classes)[truth]
        assert one.union == pytest.approx(right.mean())
        assert one.n_classes == len(view.classes)
        if one.view in taxonomy.levels:
            assert (one.own, one.deviation, one.difference, one.n_documents) == (None, None, None, 0)
            continue
        texts = [protocol.training.texts[place] for place in hands[one.view]]
        owns = [
            predict_from_own_data(
                baseline,
                Documents(texts=texts, encodings=engine.encode(texts)),
                classes_of(view, protocol.training.topics[hands[one.view]]),
                Documents(texts=protocol.test.texts, encodings=engine.encode(protocol.test.texts)),
                seed=protocol.seed,
            )
            == truth
            for baseline in OWN_DATA
        ]
        own = owns[int(np.argmax([np.mean(said) for said in owns]))]
        assert one.n_documents == len(texts)
        assert one.own == pytest.approx(np.mean(own))
        assert one.difference == pytest.approx(one.union - one.own)
        assert one.deviation == pytest.approx(standard_error(right.astype(float) - own))


def test_a_newcomer_is_compared_with_nothing(protocol, classifier):
    view = protocol.taxonomy.view("three")
    classifier.add_customer({"customer": "three", "classes": {name: view.topics_of(name) for name in view.classes}})
    try:
        (one,) = compare(protocol, classifier, views=["three"])
    finally:
        classifier.remove_customer("three")
    assert (one.own, one.n_documents, one.n_classes) == (None, 0, 4)
    assert one.union > 0.5


def test_the_demos_settings_are_the_estimators(tiny):
    params = demo_classifier(tiny).get_params()
    assert (params["max_length"], params["training"], params["tune"]) == (MAX_LENGTH, LABELS_ALONE["training"], "none")


def test_the_standard_error_is_that_of_a_mean():
    random = np.random.default_rng(0)
    means = random.normal(size=(4000, 25)).mean(axis=1)
    assert standard_error(random.normal(size=25)) == pytest.approx(means.std(), rel=0.3)
