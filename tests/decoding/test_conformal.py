"""Conformal sets: MAPIE's on the flat case, the promise kept on random halves, and at views nobody calibrated for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapie.classification import SplitConformalClassifier
from mapie.conformity_scores import APSConformityScore
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, ClassifierMixin

from hiercls.decoding import conformal_rule, mix_ratios, sets_at
from hiercls.decoding.conformal import limits_of
from hiercls.errors import ConfigError
from hiercls.taxonomy import Taxonomy

QUICK = settings(derandomize=True, max_examples=30, deadline=None)


class Given(ClassifierMixin, BaseEstimator):
    """A classifier whose inputs are its probabilities, for MAPIE to wrap."""

    classes_ = np.arange(4)

    def fit(self, x, y):
        return self

    def predict(self, x):
        return np.asarray(x).argmax(axis=1)

    def predict_proba(self, x):
        return np.asarray(x)


class Ones(np.random.RandomState):
    """Random numbers that are all 1: with these, MAPIE's adaptive score is the mass of the likelier classes."""

    def uniform(self, low=0.0, high=1.0, size=None):
        return np.ones(size)


def documents(n: int, *, n_topics: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Log-probabilities, and topics drawn by them."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(n_topics) * 0.5, size=n)
    return np.log(probabilities), np.array([random.choice(n_topics, p=row) for row in probabilities])


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("score", ["lac", "aps"])
def test_sets_of_fine_labels_are_mapie_s(score, coverage) -> None:
    logs, truth = documents(400)
    settings = {"confidence_level": coverage, "prefit": True}
    oracle = SplitConformalClassifier(Given(), conformity_score=score, random_state=Ones(0), **settings)
    assert score == "lac" or isinstance(oracle._mapie_classifier.conformity_score, APSConformityScore)
    oracle.conformalize(np.exp(logs[:200]), truth[:200])
    expected = oracle.predict_set(np.exp(logs[200:]))[1][:, :, 0]
    rule = conformal_rule(logs[:200], np.eye(4)[truth[:200]], coverage=coverage, score=score)
    assert (rule.sets(logs[200:]) == expected).all()
    assert (rule.n_documents, rule.n_coarse) == (200, 0)
    assert 200 <= expected.sum() < 700 or score == "lac"


@pytest.mark.parametrize("score", ["lac", "aps"])
@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_the_promise_is_kept_on_random_halves_and_at_every_view(tiny: Taxonomy, score, coverage) -> None:
    logs, truth = documents(600, n_topics=6)
    random, inside = np.random.default_rng(0), {name: [] for name in tiny.views}
    for _ in range(60):
        order = random.permutation(600)
        rule = conformal_rule(logs[order[:300]], np.eye(6)[truth[order[:300]]], coverage=coverage, score=score)
        others = order[300:]
        for name in tiny.views:
            classes = tiny.view(name).membership.toarray().argmax(axis=1)[truth[others]]
            mapped = sets_at(rule.sets(logs[others]), view=tiny.view(name))
            inside[name].append(mapped[np.arange(300), classes].mean())
    assert np.mean(inside["topic"]) == pytest.approx(coverage, abs=0.012)
    assert coverage > (logs.argmax(axis=1) == truth).mean()  # else the sets of aps hold more than is promised
    for name in tiny.views:
        assert np.mean(inside[name]) >= np.mean(inside["topic"])


def test_of_coarse_labels_the_strangest_topic_counts(tiny: Taxonomy) -> None:
    """By hand: labels {A, B} and {D}; the scores are 1 − .2 and 1 − .4."""
    logs = np.log([[0.5, 0.2, 0.1, 0.1, 0.05, 0.05], [0.2, 0.1, 0.1, 0.4, 0.1, 0.1]])
    labels = csr_array([[1.0, 0.5, 0, 0, 0, 0], [0, 0, 0, 1.0, 0, 0]])
    assert conformal_rule(logs, labels, coverage=0.6).limits[0] == pytest.approx(0.8)
    assert conformal_rule(logs, labels, coverage=0.3).limits[0] == pytest.approx(0.6)
    assert conformal_rule(logs, labels, coverage=0.6).n_coarse == 1
    fine, truth = documents(400, n_topics=6)
    rows = tiny.view("area").membership.toarray()
    coarse = rows @ rows.T
    sets = [conformal_rule(fine, table[truth], coverage=0.8).sets(fine) for table in (np.eye(6), coarse)]
    assert (sets[0] <= sets[1]).all()
    assert sets[1].sum() > sets[0].sum()


def test_too_few_documents_promise_nothing_less_than_everything() -> None:
    logs, truth = documents(8)
    rule = conformal_rule(logs, np.eye(4)[truth], coverage=0.9)
    assert math.isinf(rule.limits[0])
    assert rule.sets(logs).all()
    assert not math.isinf(conformal_rule(*[np.log([[0.5, 0.5]] * 9), np.eye(2)[[0] * 9]], coverage=0.9).limits[0])


def test_the_likeliest_first_score_by_hand() -> None:
    logs = np.log([[0.2, 0.5, 0.3]])
    rule = conformal_rule(logs, np.eye(3)[[2]], coverage=0.5, score="aps")
    assert rule.limits[0] == pytest.approx(0.5)
    assert rule.sets(logs).tolist() == [[False, True, True]]
    assert rule.sets(np.log([[0.2, 0.51, 0.29], [0.3, 0.4, 0.3]])).sum(axis=1).tolist() == [1, 2]


@QUICK
@given(data=st.data())
def test_sets_are_nested_in_their_promise_and_say_the_classes_of_their_topics(worlds, data) -> None:
    taxonomy = data.draw(worlds(tree=False))
    logs, truth = documents(30, n_topics=len(taxonomy.topics), seed=data.draw(st.integers(0, 99)))
    score = data.draw(st.sampled_from(["lac", "aps"]))
    before = np.zeros(logs.shape, dtype=bool)
    for coverage in (0.3, 0.6, 0.9, 0.99):
        sets = conformal_rule(logs, np.eye(logs.shape[1])[truth], coverage=coverage, score=score).sets(logs)
        assert (before <= sets).all()
        before = sets
        for name in taxonomy.views:
            view = taxonomy.view(name)
            expected = [
                [any(row[topic] for topic in view.members(found)) for found in view.classes] for row in sets.tolist()
            ]
            assert sets_at(sets, view=view).tolist() == expected


@pytest.mark.parametrize(
    ("logs", "labels", "options", "message"),
    [
        ([[0.0, -9.0]], [[1, 0]], {"coverage": 90}, "coverage between 0 and 1, got 90"),
        ([[0.0, -9.0]], [[1, 0]], {"coverage": 0.9, "score": "raps"}, "'lac' or 'aps', got 'raps'"),
        ([[0.0, -9.0]], [[0, 0]], {"coverage": 0.9}, "allow some topic, got none at position 0"),
        ([[0.0, -9.0]], [[1, 0, 0]], {"coverage": 0.9}, r"labels of shape \(1, 2\), got \(1, 3\)"),
        ([0.0, -9.0], [[1, 0]], {"coverage": 0.9}, "documents × 2 topics"),
    ],
)
def test_what_does_not_fit(logs, labels, options, message) -> None:
    with pytest.raises(ConfigError, match=message):
        conformal_rule(np.array(logs), np.array(labels), **options)


def test_sets_must_be_of_topics(tiny: Taxonomy) -> None:
    with pytest.raises(ConfigError, match=r"documents × 6 topics, got the shape \(1, 2\)"):
        sets_at([[True, False]], view=tiny.view("one"))


PARTIAL = {"customer": "some", "classes": {"AB": ["A", "B"], "C": ["C"], "DE": ["D", "E"]}, "partial": True}
OVERLAPPING = {
    "customer": "both",
    "classes": {"ABC": ["A", "B", "C"], "CD": ["C", "D"], "EF": "rest"},
    "overlapping": True,
}


@pytest.mark.parametrize("score", ["lac", "aps"])
@pytest.mark.parametrize("source", [None, PARTIAL, OVERLAPPING])
def test_sets_calibrated_at_a_view_hold_every_class_of_the_topic_as_often_as_promised(tiny, source, score) -> None:
    world = tiny if source is None else tiny.with_customer(source)
    view = world.view("one" if source is None else source["customer"])
    logs, truth = documents(600, n_topics=6)
    members = view.membership.toarray() > 0
    random, inside, mapped = np.random.default_rng(1), [], []
    for _ in range(60):
        order = random.permutation(600)
        here, there = order[:300], order[300:][members[truth[order[300:]]].any(axis=1)]
        labels = np.eye(6)[truth[here]]
        for found, at in ((inside, view), (mapped, None)):
            sets = conformal_rule(logs[here], labels, coverage=0.93, score=score, view=at).sets(logs[there], at=view)
            found.append((sets | ~members[truth[there]]).all(axis=1).mean())
    assert np.mean(inside) == pytest.approx(0.93, abs=0.012)
    assert np.mean(mapped) >= 0.92


def test_of_documents_that_may_not_count_the_worse_is_taken() -> None:
    """Every way to leave some of them out gives a lower limit, and one of these the same."""
    random = np.random.default_rng(3)
    for coverage in (0.3, 0.6, 0.8):
        for _ in range(20):
            scores, unsure = random.random(9), random.random(9) < 0.5
            own = np.ones(1)
            limit = limits_of(scores, coverage=coverage, weights=np.ones(9), own=own, unsure=unsure)[0]
            others = []
            for chosen in range(2 ** int(unsure.sum())):
                kept = ~unsure
                kept[np.flatnonzero(unsure)] = [bool(chosen >> bit & 1) for bit in range(int(unsure.sum()))]
                none = np.zeros(int(kept.sum()), dtype=bool)
                weights = np.ones(len(none))
                others += limits_of(scores[kept], coverage=coverage, weights=weights, own=own, unsure=none).tolist()
            assert limit == max(others)


def test_documents_are_weighted_to_another_mix_by_the_definition() -> None:
    logs, truth = documents(40)
    ratios = mix_ratios(logs, np.eye(4)[truth], mix=[0.4, 0.3, 0.2, 0.1])
    np.testing.assert_allclose(ratios, [0.4, 0.3, 0.2, 0.1] / (np.bincount(truth, minlength=4) / 40))
    rule = conformal_rule(logs, np.eye(4)[truth], coverage=0.8, ratios=ratios)
    scores = 1 - np.exp(logs[np.arange(40), truth])
    for topic in range(4):
        total = ratios[truth].sum() + ratios[topic]
        reached = [s for s in np.sort(scores) if ratios[truth][scores <= s].sum() / total >= 0.8 - 1e-12]
        assert rule.limits[topic] == (reached[0] if reached else math.inf)
    assert len(set(rule.limits.tolist())) > 1
    alike = conformal_rule(logs, np.eye(4)[truth], coverage=0.8, ratios=np.full(4, 7.0)).limits
    np.testing.assert_allclose(alike, conformal_rule(logs, np.eye(4)[truth], coverage=0.8).limits)


@pytest.mark.parametrize("coarse", [False, True])
def test_under_a_known_shift_weighted_sets_keep_what_others_break(tiny: Taxonomy, coarse) -> None:
    random = np.random.default_rng(0)
    logs, truth = documents(40_000, n_topics=6)
    logs = np.log(np.exp(logs) * [1, 1, 1, 1, 1, 0.15])  # the last topic is hard to see
    logs -= np.log(np.exp(logs).sum(axis=1, keepdims=True))
    mix = np.array([0.08, 0.08, 0.08, 0.08, 0.08, 0.6])
    later = random.choice(
        20_000, size=8000, p=(share := (mix / np.bincount(truth[20_000:]))[truth[20_000:]]) / share.sum()
    )
    table = tiny.view("three").membership.toarray() @ tiny.view("three").membership.toarray().T  # AB, CD, E, F
    labels = (table if coarse else np.eye(6))[truth[:20_000]]
    kept = {}
    for name, ratios in (("weighted", mix_ratios(logs[:20_000], labels, mix=mix)), ("plain", None)):
        rule = conformal_rule(logs[:20_000], labels, coverage=0.9, ratios=ratios)
        kept[name] = rule.sets(logs[20_000:][later])[np.arange(8000), truth[20_000:][later]].mean()
    assert kept["plain"] < 0.85 or coarse
    assert 0.89 < kept["weighted"] < (1.0 if coarse else 0.915)


def test_a_topic_that_was_never_held_out_is_in_every_set() -> None:
    logs, truth = documents(200)
    seen = truth != 3
    ratios = mix_ratios(logs[seen], np.eye(4)[truth[seen]], mix=np.full(4, 0.25))
    assert ratios[3] == math.inf
    rule = conformal_rule(logs[seen], np.eye(4)[truth[seen]], coverage=0.8, ratios=ratios)
    assert rule.sets(logs)[:, 3].all()
    assert not rule.sets(logs)[:, 0].all()


@QUICK
@given(data=st.data())
def test_mapping_keeps_coverage_on_every_draw_and_no_batch_or_order_shows(worlds, data) -> None:
    taxonomy = data.draw(worlds(tree=False))
    n_topics = len(taxonomy.topics)
    logs, truth = documents(40, n_topics=n_topics, seed=data.draw(st.integers(0, 99)))
    score, coverage = data.draw(st.sampled_from(["lac", "aps"])), data.draw(st.sampled_from([0.3, 0.7, 0.9]))
    labels = np.eye(n_topics)[truth]
    calibrated = taxonomy.view(data.draw(st.sampled_from(taxonomy.views)))
    rule = conformal_rule(logs[:20], labels[:20], coverage=coverage, score=score, view=calibrated)
    own = rule.sets(logs[20:])
    covered = (own | (calibrated.membership.toarray()[truth[20:]] == 0)).all(axis=1)
    order = np.random.default_rng(0).permutation(20)
    again = conformal_rule(logs[:20][order], labels[:20][order], coverage=coverage, score=score, view=calibrated)
    assert (again.limits == rule.limits).all()
    for name in taxonomy.views:
        view = taxonomy.view(name)
        sets = rule.sets(logs[20:], at=view)
        assert (sets | (view.membership.toarray()[truth[20:]] == 0)).all(axis=1)[covered].all()
        assert (rule.sets(logs[20:][order], at=view) == sets[order]).all()
        assert (rule.sets(logs[20:21], at=view) == sets[:1]).all()


@QUICK
@given(data=st.data())
def test_sets_of_topics_are_nested_in_the_level(worlds, data) -> None:
    """A node that is in the set of its level has a parent in the set above, and a child in the one below."""
    taxonomy = data.draw(worlds(tree=False))
    logs, truth = documents(20, n_topics=len(taxonomy.topics), seed=data.draw(st.integers(0, 99)))
    rule = conformal_rule(logs, np.eye(logs.shape[1])[truth], coverage=data.draw(st.sampled_from([0.3, 0.7])))
    sets = [rule.sets(logs, at=taxonomy.view(level)) for level in taxonomy.levels]
    for above, below, level in zip(sets, sets[1:], taxonomy.levels[1:], strict=False):
        links = taxonomy.level_links(level).toarray() > 0
        for upper, lower in zip(above, below, strict=True):
            assert all(upper[links[:, node]].any() for node in lower.nonzero()[0])
            assert all(lower[links[node]].any() for node in upper.nonzero()[0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: conformal_rule(np.zeros((1, 2)), [[1, 1]], coverage=0.5, ratios=[1.0]), "2 ratios of at least 0"),
        (lambda: mix_ratios(np.zeros((1, 2)), [[1, 1]], mix=[1.0]), "a mix of 2 topics"),
        (lambda: conformal_rule(np.zeros((1, 2)), [[1, 1]], coverage=0.5).sets([[0.0]]), "of 2 topics, got 1"),
    ],
)
def test_what_else_does_not_fit(call, message) -> None:
    with pytest.raises(ConfigError, match=message):
        call()
