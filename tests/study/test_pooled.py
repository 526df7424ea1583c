"""Forecasts of what pooling is worth, on worlds where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from hiercls.data.rows import Row
from hiercls.errors import ConfigError
from hiercls.study import pooled
from hiercls.study.labelled import NOBODY, Labelled, owners_of
from hiercls.study.paired import Answers, Difference
from hiercls.study.pool_truth import measure, measured_gains, trained_sets
from hiercls.study.pooled import PRIOR, forecast, n_sets
from hiercls.study.splits import random_splits
from hiercls.taxonomy.labels import resolve
from hiercls.training.config import TrainingConfig

pytestmark = pytest.mark.filterwarnings("ignore:the labelled views leave topics undetermined")


def dealt(tiny, sizes, *, wrong=(), seed=0, width=40, signal=0.7):
    """Documents of customers, and encodings; those of ``wrong`` customers have classes drawn at random."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(6, width))
    rows, topics = [], []
    for name, size in sizes.items():
        view = tiny.view(name)
        for number in range(size):
            topic = int(random.integers(6))
            said = int(random.integers(6)) if name in wrong else topic
            label = next(c for c in view.classes if tiny.topics[said] in view.topics_of(c))
            rows.append(Row(text=f"{name} {number} {'abcdef'[topic] * 4}", labels=((name, label),), customer=name))
            topics.append(topic)
    encodings = centres[topics] * signal + random.normal(size=(len(rows), width))
    return Labelled(rows=tuple(rows), labels=resolve(tiny, rows).labels), encodings


def test_a_small_customer_gains_by_good_labels_and_not_by_random_ones(tiny):
    documents, encodings = dealt(tiny, {"one": 600, "two": 30, "three": 600}, wrong=("three",), signal=0.5)
    ticks = []
    worth = forecast(tiny, documents, encodings, seed=0, tick=lambda: ticks.append(1))
    small, large = worth["two"], worth["one"]
    assert (small.n_documents, large.n_documents) == (30, 600)
    assert small.by_each["one"].mean > 0.1
    assert small.by_each["one"].is_clear
    assert small.by_each["three"].mean < small.by_each["one"].mean - 0.1
    assert small.best == ("one",)
    assert small.by_all == PRIOR.gain(small.by_head, 30)
    assert small.by_best.mean > small.by_all.mean
    doubted, doubt = small.by_each["one"], np.hypot(PRIOR.doubt, PRIOR.unseen)
    assert min(doubted.error, small.by_each["three"].error) > doubt
    head = Difference(mean=doubted.mean, error=np.sqrt(doubted.error**2 - doubt**2))
    best = PRIOR.gain(head, 30)
    assert (small.by_best.mean, small.by_best.error) == pytest.approx((best.mean, best.error))
    assert abs(large.by_each["two"].mean) < 0.03
    assert len(ticks) <= n_sets(tiny, documents)


def test_all_are_the_best_where_no_part_is_clearly_ahead(tiny):
    documents, encodings = dealt(tiny, {"one": 150, "two": 150, "three": 150})
    for name, one in forecast(tiny, documents, encodings, seed=0).items():
        assert one.best == tuple(sorted({"one", "two", "three"} - {name}))
        assert one.by_best == one.by_all


def test_a_document_is_never_asked_of_a_head_that_saw_it_or_its_thread(tiny, monkeypatch):
    documents, encodings = dealt(tiny, {"one": 60, "two": 60})
    rows = tuple(Row(text=row.text, labels=row.labels, customer=row.customer, thread=f"{number % 30}")
                 for number, row in enumerate(documents.rows))  # fmt: skip
    documents = Labelled(rows=rows, labels=documents.labels)
    encodings[:, 0] = np.arange(120) % 30  # the thread
    seen = []
    fit, ask = pooled.fit_head, pooled.topic_logits
    monkeypatch.setattr(
        pooled, "fit_head", lambda x, labels, *, l2: (seen.append(set(x[:, 0])), fit(x, labels, l2=l2))[1]
    )

    def asked(x, head):
        assert not seen[-1] & set(x[:, 0])
        return ask(x, head)

    monkeypatch.setattr(pooled, "topic_logits", asked)
    assert set(forecast(tiny, documents, encodings, seed=0)) == {"one", "two"}
    assert len(seen) == 3 * pooled.N_FOLDS


def test_documents_of_nobody_are_a_helper_and_who_has_few_is_not_foretold(tiny):
    documents, encodings = dealt(tiny, {"one": 40, "two": 5})
    extra = [Row(text=f"nobody {number}", labels=((None, "A"),)) for number in range(20)]
    rows = (*documents.rows, *extra)
    documents = Labelled(rows=rows, labels=resolve(tiny, rows).labels)
    assert set(owners_of(tiny, documents)) == {"one", "two", NOBODY}
    worth = forecast(tiny, documents, np.vstack([encodings, encodings[:20]]), seed=0)
    assert list(worth) == ["one"]
    assert set(worth["one"].by_each) == {"two", NOBODY}


@pytest.mark.parametrize("sizes", [{"one": 40}, {"one": 5, "two": 9}])
def test_without_somebody_else_or_enough_documents_it_says_what_there_is(tiny, sizes):
    documents, encodings = dealt(tiny, sizes)
    with pytest.raises(ConfigError, match=rf"at least 10 documents.*one: {sizes['one']}"):
        forecast(tiny, documents, encodings, seed=0)


def test_the_model_is_trained_once_a_set_and_gains_are_its_own(tiny):
    documents, encodings = dealt(tiny, {"one": 40, "two": 40, "three": 40})
    worth = forecast(tiny, documents, encodings, seed=0)
    sets = trained_sets(worth, ["one", "two", "three"])
    every = frozenset({"one", "two", "three"})
    assert sorted(sets[every]) == sorted(every)
    assert {frozenset({name}) for name in every} < set(sets)
    (split,) = random_splits(tiny, documents, fraction=0.25, seeds=(0,))
    settings = {"encoder": None, "training": TrainingConfig(epochs=2)}
    ticks = []
    run = measure(split, {every: ("one",), frozenset({"one"}): ("one",)}, settings, tick=lambda: ticks.append(1))
    assert set(run) == {("one", every), ("one", frozenset({"one"}))}
    assert len(ticks) == 2
    own, both = run["one", frozenset({"one"})], run["one", every]
    assert len(own.right) == sum(row.customer == "one" for row in split.test.rows)
    gain = measured_gains("one", every, [run])
    assert gain.mean == pytest.approx(both.accuracy - own.accuracy)
    assert measured_gains("two", every, [run]) is None


def test_gains_over_splits_are_their_mean():
    def answers(right):
        return Answers(clusters=np.arange(4), right=np.array(right, dtype=bool))

    alone, every = frozenset({"a"}), frozenset({"a", "b"})
    runs = [
        {("a", alone): answers([0, 0, 1, 1]), ("a", every): answers([1, 0, 1, 1])},
        {("a", alone): answers([1, 1, 1, 1]), ("a", every): answers([1, 1, 0, 1])},
    ]
    assert measured_gains("a", every, runs).mean == pytest.approx(0.0)
