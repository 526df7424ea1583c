"""Splits of a user's documents: who is known where, and what stays together."""

from __future__ import annotations

import numpy as np
import pytest

from hiercls.data.rows import Row
from hiercls.study.labelled import Labelled, known_at, thread_numbers
from hiercls.study.splits import fixed_splits, random_splits
from hiercls.taxonomy.labels import resolve


def labelled(tiny, rows) -> Labelled:
    return Labelled(rows=tuple(rows), labels=resolve(tiny, rows).labels)


@pytest.fixture
def documents(tiny, tiny_documents) -> Labelled:
    """Each document at its topic, three times as many threads as topics, and each text twice."""
    rows = [
        Row(text=f"{text} {number % 48}", labels=((None, topic),), thread=f"t{number % 20}" if number < 40 else None)
        for number, (text, topic) in enumerate(zip(*tiny_documents, strict=True))
    ]
    return labelled(tiny, [*rows, *(Row(text=row.text, labels=row.labels) for row in rows[60:70])])


def test_a_document_counts_where_it_is_labelled_and_above(tiny):
    given = [("one", "ABC"), ("two", "A"), (None, "D"), ("area", "Y"), ("three", "E")]
    labels = labelled(tiny, [Row(text="…", labels=(label,)) for label in given]).labels
    where = {view: known_at(tiny, labels, view).documents.tolist() for view in tiny.views}
    assert where == {"area": [0, 1, 2, 3], "topic": [2], "one": [0, 2], "two": [1, 2], "three": [2, 4]}
    assert known_at(tiny, labels, "one").classes.tolist() == [0, 1]


def test_no_thread_and_no_text_stands_on_both_sides(tiny, documents):
    for split in random_splits(tiny, documents, fraction=0.3, seeds=(0, 1)):
        for mark in ("thread", "text"):
            sides = [{getattr(row, mark) for row in part.rows} - {None} for part in (split.training, split.test)]
            assert not sides[0] & sides[1]
        assert len(split.training.rows) + len(split.test.rows) == len(documents.rows)
        assert [documents.rows[place] for place in split.places] == list(split.test.rows)
        assert 0.2 < len(split.test.rows) / len(documents.rows) < 0.4


def test_seeds_make_different_splits_and_a_fixed_test_stays(tiny, documents):
    first, second = random_splits(tiny, documents, fraction=0.3, seeds=(0, 1))
    assert first.places.tolist() != second.places.tolist()
    for split in fixed_splits(tiny, first.training, first.test, seeds=(0, 1)):
        assert split.test is first.test
        assert split.places.tolist() == list(range(len(first.test.rows)))


def test_threads_and_equal_texts_have_one_number(tiny):
    rows = [Row(text="a", thread="x"), Row(text="b", thread="x"), Row(text="c"), Row(text=" c "), Row(text="x")]
    numbers = thread_numbers(labelled(tiny, [Row(text=r.text, thread=r.thread, labels=((None, "A"),)) for r in rows]))
    assert len(np.unique(numbers)) == 3
    assert numbers[0] == numbers[1]
    assert numbers[2] == numbers[3]
