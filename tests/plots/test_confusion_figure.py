"""The figure of mistakes: counted as scikit-learn counts them, ordered as the hierarchy is."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from hiercls.errors import ConfigError
from hiercls.plots import Confusion, confusion, plot_confusion

TITLES = {"title": "A title", "subtitle": "some documents"}


@pytest.mark.parametrize("name", ["area", "topic", "one", "two", "three"])
def test_counts_are_scikit_learns_in_the_order_of_the_classes(tiny, name):
    view, random = tiny.view(name), np.random.default_rng(0)
    predicted, truth = random.integers(len(view.classes), size=(2, 50))
    truth[:5] = -1
    found = confusion(predicted, truth, view=view, taxonomy=tiny)
    order = [view.classes.index(one) for one in found.classes]
    assert sorted(order) == list(range(len(view.classes)))
    expected = confusion_matrix(truth[5:], predicted[5:], labels=order)
    assert found.counts.tolist() == expected.tolist()


def test_levels_are_grouped_by_parents_and_customers_by_what_holds_them_whole(tiny):
    def ordered(name):
        found = confusion([0], [0], view=tiny.view(name), taxonomy=tiny)
        return list(zip(found.classes, found.groups, strict=True))

    assert ordered("topic") == [("A", "X"), ("B", "X"), ("C", "X"), ("D", "Y"), ("E", "Y"), ("F", "Y")]
    assert ordered("area") == [("X", None), ("Y", None)]
    assert ordered("three") == [("AB", "X"), ("E", "Y"), ("F", "Y"), ("CD", None)]


def test_cells_hold_percentages_of_the_true_class_and_blocks_their_names():
    counts = np.array([[8, 2, 0], [0, 0, 0], [1, 1, 2]])
    found = Confusion(classes=("A", "B", "C"), groups=("X", "X", None), counts=counts)
    axes = plot_confusion(found, **TITLES).axes[0]
    said = [text.get_text() for text in axes.texts]
    assert [word for word in said if word.isdigit()] == ["80", "20", "25", "25", "50"]
    assert said.count("A") == said.count("C") == 2
    assert "X" in said
    np.testing.assert_allclose(axes.images[0].get_array() ** 2, [[0.8, 0.2, 0], [0, 0, 0], [0.25, 0.25, 0.5]])


def test_of_many_classes_the_groups_alone_are_named_and_the_figure_stays_a_page():
    names = tuple(f"topic {number}" for number in range(300))
    groups = tuple(f"area {number // 30}" for number in range(300))
    figure = plot_confusion(Confusion(classes=names, groups=groups, counts=np.eye(300, dtype=np.int64)), **TITLES)
    said = [text.get_text() for text in figure.axes[0].texts]
    assert not set(said) & set(names)
    assert set(groups) <= set(said)
    assert figure.get_figwidth() < 11


def test_without_classes_there_is_nothing_to_draw():
    with pytest.raises(ConfigError, match="got none"):
        plot_confusion(Confusion(classes=(), groups=(), counts=np.zeros((0, 0), dtype=np.int64)), **TITLES)
