"""The heads on arrays: scikit-learn's whole suite of checks, and what they say of a hierarchy."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from hiercls.errors import ConfigError, DataError
from hiercls.estimator.numeric import HierarchicalClassifier
from hiercls.model.heads import HeadConfig
from hiercls.taxonomy import Taxonomy


@parametrize_with_checks([HierarchicalClassifier()])
def test_it_passes_scikit_learn_s_suite(estimator, check):
    check(estimator)


def world() -> tuple[np.ndarray, list[str]]:
    """Six clouds of points in eight dimensions, one for each topic of the tiny world."""
    points, places = make_blobs(240, n_features=8, centers=6, cluster_std=1.5, random_state=0)
    return points, ["ABCDEF"[place] for place in places]


def test_without_a_taxonomy_it_is_logistic_regression():
    points, topics = world()
    ours = HierarchicalClassifier(alpha=1.0, max_iter=2000).fit(points, topics)
    theirs = LogisticRegression(C=1.0, fit_intercept=False, max_iter=5000, tol=1e-8)
    given = np.column_stack([points, np.ones(len(points))])  # our intercept is held like the rest
    np.testing.assert_allclose(ours.predict_proba(points), theirs.fit(given, topics).predict_proba(given), atol=2e-3)


@pytest.mark.parametrize("head", [None, HeadConfig(hidden=8, dropout=0.0), HeadConfig(hidden=0, composition="path")])
def test_coarse_labels_of_customers_teach_fine_topics(tiny: Taxonomy, head):
    points, topics = world()
    views = [tiny.customers[number % 3] for number in range(len(topics))]
    maps = {
        view: {topic: name for name in tiny.view(view).classes for topic in tiny.view(view).topics_of(name)}
        for view in tiny.customers
    }
    labels = [maps[view][topic] for view, topic in zip(views, topics, strict=True)]
    model = HierarchicalClassifier(tiny, head=head, alpha=0.1).fit(points, labels, views=views)
    assert np.mean(model.predict(points) == topics) > 0.9
    found = model.predict_proba(points[:5])
    for view in tiny.views:
        np.testing.assert_allclose(
            model.predict_proba(points[:5], at=view), found @ tiny.view(view).weights.toarray(), atol=1e-9
        )
    assert model.classes_.tolist() == list("ABCDEF")


def test_what_is_wrong_is_said(tiny: Taxonomy):
    points, topics = world()
    with pytest.raises(DataError, match="'Q'"):
        HierarchicalClassifier(tiny).fit(points, ["Q", *topics[1:]])
    with pytest.raises(ConfigError, match="alpha >= 0"):
        HierarchicalClassifier(alpha=-1).fit(points, topics)
    with pytest.raises(ConfigError, match="'onee'"):
        HierarchicalClassifier(tiny).fit(points, topics).predict(points, at="onee")
