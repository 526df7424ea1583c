"""Bars of probabilities: as long as these say, the likeliest on top."""

from __future__ import annotations

import pytest

from hiercls.plots.bars import LENGTH, plot_probabilities


def test_bars_are_as_long_as_probabilities_and_sorted():
    figure = plot_probabilities({"guns": 0.1, "autos": 0.7, "electronics": 0.2}, title="A title", subtitle="A text")
    axes = figure.axes[0]
    lengths = [patch.get_width() / LENGTH for patch in axes.patches[1::2]]
    assert lengths == pytest.approx([0.7, 0.2, 0.1])
    words = [text.get_text() for text in axes.texts]
    assert words == ["A title", "A text", "autos", "70%", "electronics", "20%", "guns", "10%"]
    tops = [patch.get_y() for patch in axes.patches[1::2]]
    assert tops == sorted(tops)
