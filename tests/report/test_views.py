"""A view's part: classes and mistakes counted again, slowly."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hiercls.report import views


@pytest.mark.parametrize("name", ["area", "topic", "one", "two", "three"])
def test_classes_are_counted_one_by_one(tiny, name, part_of):
    part = part_of(tiny, name)
    counts, names = part.confusion.counts, part.confusion.classes
    pairs = [(names[i], names[j]) for i, j in np.ndindex(counts.shape) for _ in range(counts[i, j])]
    for one in part.classes:
        said = [true for true, answer in pairs if answer == one.name]
        true = [answer for true, answer in pairs if true == one.name]
        assert one.n_documents == len(true)
        assert one.topics == part.view.topics_of(one.name)
        assert one.recall == pytest.approx(true.count(one.name) / len(true)) if true else math.isnan(one.recall)
        assert one.precision == pytest.approx(said.count(one.name) / len(said)) if said else math.isnan(one.precision)


def test_the_most_frequent_mistakes_come_first_and_right_answers_never(tiny, part_of):
    part = part_of(tiny, "topic", seed=3)
    counts, names = part.confusion.counts, list(part.confusion.classes)
    wrong = sorted((int(counts[i, j]) for i, j in np.ndindex(counts.shape) if i != j), reverse=True)
    assert [found[2] for found in part.mixed_up] == wrong[: views.N_MIXED_UP]
    for true, answer, n_documents, share in part.mixed_up:
        row = counts[names.index(true)]
        assert true != answer
        assert n_documents == row[names.index(answer)]
        assert share == pytest.approx(n_documents / row.sum())


def test_of_too_many_classes_those_with_most_mistakes_are_listed(tiny, monkeypatch, part_of):
    monkeypatch.setattr(views, "MOST_LISTED", 2)
    part = part_of(tiny, "topic")
    wrong = {one.name: one.n_documents * (1 - one.recall) for one in part.classes if one.n_documents}
    listed = [one.name for one in part.listed]
    assert len(listed) == 2
    assert min(wrong[name] for name in listed) >= max(wrong[name] for name in set(wrong) - set(listed)) - 1e-9


@pytest.mark.parametrize(
    ("gain", "said"),
    [(None, ""), ((0.1, 0.2), "ahead"), ((-0.1, 0.2), "no clear difference"), ((-0.2, -0.1), "behind")],
)
def test_a_difference_is_clear_where_its_interval_is_on_one_side(tiny, gain, said, part_of):
    assert part_of(tiny, "one", gain=gain).verdict == said
