"""Paired differences: against a formula of textbooks, against resampling, and what threads and second tests change."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hiercls.study.paired import Answers, paired_difference


def answers(right, clusters=None) -> Answers:
    right = np.asarray(right, dtype=bool)
    return Answers(clusters=np.arange(len(right)) if clusters is None else np.asarray(clusters), right=right)


@pytest.fixture
def drawn():
    random = np.random.default_rng(0)
    return random.random(300) < 0.8, random.random(300) < 0.7


def test_with_one_split_it_is_the_textbooks_paired_error(drawn):
    ours, theirs = drawn
    found = paired_difference([answers(ours)], [answers(theirs)])
    values = ours.astype(float) - theirs
    assert found.mean == pytest.approx(values.mean())
    assert found.error == pytest.approx(np.std(values) / math.sqrt(300))


def test_documents_that_are_tested_twice_are_no_new_evidence(drawn):
    ours, theirs = drawn
    once = paired_difference([answers(ours)], [answers(theirs)])
    twice = paired_difference([answers(ours)] * 2, [answers(theirs)] * 2)
    assert (twice.mean, twice.error) == (pytest.approx(once.mean), pytest.approx(once.error))
    others = paired_difference(
        [answers(ours), answers(ours, np.arange(300, 600))], [answers(theirs), answers(theirs, np.arange(300, 600))]
    )
    assert others.error == pytest.approx(once.error / math.sqrt(2))


def test_the_error_is_that_of_drawing_threads_again():
    random = np.random.default_rng(1)
    clusters = np.repeat(np.arange(60), random.integers(1, 6, size=60))
    luck = random.normal(size=60)[clusters]
    ours, theirs = luck + random.normal(size=len(clusters)) > -0.8, luck + random.normal(size=len(clusters)) > 0.2
    found = paired_difference([answers(ours, clusters)], [answers(theirs, clusters)])
    values = ours.astype(float) - theirs
    sums, sizes = np.bincount(clusters, values), np.bincount(clusters)
    draws = random.integers(60, size=(4000, 60))
    resampled = sums[draws].sum(axis=1) / sizes[draws].sum(axis=1)
    assert found.error == pytest.approx(resampled.std(), rel=0.1)


def test_a_mean_over_views_weighs_each_view_alike(drawn):
    ours, theirs = drawn
    small, large = slice(0, 50), slice(50, 300)
    parts = [paired_difference([answers(ours[part])], [answers(theirs[part])]) for part in (small, large)]
    both = paired_difference(
        [answers(ours[small]), answers(ours[large], np.arange(50, 300))],
        [answers(theirs[small]), answers(theirs[large], np.arange(50, 300))],
    )
    assert both.mean == pytest.approx(np.mean([part.mean for part in parts]))
    assert both.error == pytest.approx(math.hypot(*(part.error for part in parts)) / 2)


def test_equal_methods_do_not_differ(drawn):
    same = paired_difference([answers(drawn[0])], [answers(drawn[0])])
    assert (same.mean, same.error, same.is_clear) == (0.0, 0.0, False)
