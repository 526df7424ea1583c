"""The heads on arrays: scikit-learn's whole suite of checks, and what they say of a hierarchy."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.utils.estimator_checks import parametrize_with_checks

from hiercls.errors import ConfigError, DataError
from hiercls.estimator.numeric import HierarchicalClassifier
from hiercls.model.heads import HeadConfig
from hiercls.model.hiagm import HiagmConfig
from hiercls.taxonomy import Taxonomy


@parametrize_with_checks([HierarchicalClassifier()])
def test_it_passes_scikit_learn_s_suite(estimator, check):
    check(estimator)


def world() -> tuple[np.ndarray, list[str]]:
    """Six clouds of points in eight dimensions, one for each topic of the tiny world."""
    points, places = make_blobs(240, n_features=8, centers=6, cluster_std=1.5, random_state=0)
    return points, ["ABCDEF"[place] for place in places]


@pytest.mark.parametrize(("kind", "near"), [(np.float64, 2e-4), (np.float32, 5e-3)])
def test_without_a_taxonomy_it_is_logistic_regression(kind, near):
    points, topics = world()
    points = points.astype(kind)
    ours = HierarchicalClassifier(alpha=1.0, max_iter=2000).fit(points, topics)
    theirs = LogisticRegression(C=1.0, max_iter=5000, tol=1e-8).fit(points.astype(np.float64), topics)
    np.testing.assert_allclose(ours.predict_proba(points), theirs.predict_proba(points), atol=near)
    assert next(ours.head_.parameters()).detach().numpy().dtype == kind


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_white_coordinates_take_fewer_steps_where_features_go_together():
    random = np.random.default_rng(0)
    white = random.normal(size=(600, 12))
    points = 5.0 + white @ (random.normal(size=(12, 12)) * np.logspace(0, 2, 12))
    topics = (white @ random.normal(size=(12, 5)) + random.gumbel(size=(600, 5))).argmax(axis=1)
    ours = HierarchicalClassifier(alpha=1.0).fit(points, topics)
    plain = LogisticRegression(C=1.0, max_iter=1000, tol=1e-6).fit(points, topics)
    assert ours.n_iter_ < plain.n_iter_[0] / 2
    theirs = LogisticRegression(C=1.0, solver="newton-cholesky").fit(points, topics)
    weights = [ours.head_.linear[0].weight.detach().numpy(), theirs.coef_]
    losses = [log_loss(topics, one.predict_proba(points), normalize=False) for one in (ours, theirs)]
    first, second = (loss + (one**2).sum() / 2 for loss, one in zip(losses, weights, strict=True))
    assert first <= second + 1e-3


@pytest.mark.parametrize("by", [1.0, 0.01])
def test_levels_that_feed_each_other_are_found_in_few_steps(by: float, tiny: Taxonomy):
    points, topics = world()
    found = HierarchicalClassifier(tiny, alpha=1.0, max_iter=2000).fit(by * points, topics)
    assert found.n_iter_ < 200
    assert (found.predict(by * points) == topics).mean() > 0.98


def test_documents_that_weigh_nothing_are_left_out_wherever_they_stand():
    points, topics = world()
    weights = np.tile([0.0, 1.0, 1.0], 80)
    narrow = points[:, :1]
    some = HierarchicalClassifier().fit(narrow, topics, sample_weight=weights)
    kept = HierarchicalClassifier().fit(narrow[weights > 0], np.array(topics)[weights > 0])
    np.testing.assert_allclose(some.predict_proba(narrow), kept.predict_proba(narrow), atol=1e-3)


def test_more_features_than_documents_are_left_as_they_are():
    points, topics = world()
    wide = np.hstack([points, np.random.default_rng(0).normal(size=(240, 300))])
    ours = HierarchicalClassifier(max_iter=2000).fit(wide, topics)
    theirs = LogisticRegression(max_iter=5000, tol=1e-8).fit(wide, topics)
    np.testing.assert_allclose(ours.predict_proba(wide), theirs.predict_proba(wide), atol=5e-3)


def test_probabilities_of_single_precision_sum_to_one():
    points, topics = world()
    ours = HierarchicalClassifier().fit(points.astype(np.float32), topics)
    sums = ours.predict_proba(points.astype(np.float32)).sum(axis=1)
    np.testing.assert_allclose(sums, 1.0, atol=1e-12)


def test_heads_with_a_hidden_layer_keep_their_own_coordinates():
    points, topics = world()
    ours = HierarchicalClassifier(head=HeadConfig(hidden=8, dropout=0.0), alpha=0.1).fit(points, topics)
    assert ours.head_.linear == ()
    assert (ours.predict(points) == topics).mean() > 0.9


def test_views_are_refused_where_there_is_no_taxonomy():
    points, topics = world()
    with pytest.raises(ConfigError, match="expected no views where there is no taxonomy, got 'area'"):
        HierarchicalClassifier().fit(points, topics, views="area")


@pytest.mark.parametrize(
    "head",
    [
        None,
        HeadConfig(hidden=8, dropout=0.0),
        HeadConfig(hidden=0, composition="path"),
        HiagmConfig(node_width=8, dropout=0.0),
    ],
)
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
