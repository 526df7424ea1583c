"""Words as a layer, and what unlabelled documents teach, against slow references."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from hiercls.customers.words import WordLayer, learnt_from_unlabelled

LABELLED = ["the puck and the ice", "oil for an engine", "ice hockey at home"]
OTHERS = ["an engine on ice", "the home team scored", "oil oil oil", ""]


def test_the_layer_keeps_all_inner_products_with_labelled_documents():
    layer = WordLayer(background=OTHERS[:2]).fit(LABELLED)
    words = TfidfVectorizer(sublinear_tf=True).fit([*LABELLED, *OTHERS[:2]])
    expected = words.transform(LABELLED) @ words.transform([*LABELLED, *OTHERS]).T
    found = layer.transform(LABELLED) @ layer.transform([*LABELLED, *OTHERS]).T
    np.testing.assert_allclose(found, expected.toarray(), atol=1e-12)
    assert found.shape == (3, 7)


def test_background_makes_common_words_light():
    plain, told = WordLayer().fit(LABELLED), WordLayer(background=["ice", "ice", "ice"]).fit(LABELLED)
    alike = [(layer.transform(LABELLED[:1]) @ layer.transform(LABELLED[2:]).T).item() for layer in (plain, told)]
    assert alike[1] < alike[0]


def slowly(said, classes):
    vectorizer = CountVectorizer(min_df=2)
    counts = np.log1p(vectorizer.fit_transform([*LABELLED, *OTHERS]).toarray())
    shares = softmax(said, axis=1)
    for _ in range(2):
        both = [np.eye(2)[k] for k in classes] + list(shares)
        theta = np.array([sum(q[k] * c for q, c in zip(both, counts, strict=True)) + 0.01 for k in range(2)])
        theta /= theta.sum(axis=1, keepdims=True)
        for place in range(len(OTHERS)):
            odds = [said[place, k] + 0.3 * sum(counts[3 + place] * np.log(theta[k])) for k in range(2)]
            shares[place] = softmax(odds)
    return np.log(shares)


def test_rounds_of_counting_are_those_of_loops():
    said = np.log([[0.5, 0.5], [0.7, 0.3], [0.5, 0.5], [0.6, 0.4]])
    found = learnt_from_unlabelled(said, OTHERS, labelled=LABELLED, classes=[0, 1, 0])
    np.testing.assert_allclose(found, slowly(said, [0, 1, 0]), atol=1e-9)
    assert found[3] == pytest.approx(said[3]), "a text without words is what the head says"
    assert found[2].argmax() == 1
