"""The figure of scores by epoch: all panels on one scale, the mean as a line, its spread as a band."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from hiercls.errors import ConfigError
from hiercls.plots.training import HEIGHT, WIDTH, plot_training

LINES = {"alone": [[0.5, 0.7, 0.8], [0.5, 0.7, 0.9]], "together": [[0.45, 0.6, 0.95], [0.45, 0.8, 0.95]]}


def test_lines_are_the_means_of_the_repeats_on_one_scale():
    axes = plot_training({"first": LINES, "second": {"alone": LINES["alone"]}}, every=5, title="T", subtitle="S").axes[
        0
    ]
    alone, together, again = (line for line in axes.lines if len(line.get_xdata()) == 3)
    low, high = 0.4, 1.0  # the tenths around all means
    for line, means in ((alone, [0.5, 0.7, 0.85]), (together, [0.45, 0.7, 0.95])):
        heights = np.asarray(line.get_ydata())
        assert heights[0] - heights == pytest.approx(HEIGHT * (np.array(means) - means[0]) / (high - low))
    assert again.get_ydata() == pytest.approx(alone.get_ydata())
    assert np.diff(alone.get_xdata()) == pytest.approx([WIDTH / 3] * 2)
    numbers = [text.get_text() for text in axes.texts]
    assert {"3", "15", "first", "second", "40 %", "100 %"} <= set(numbers)


def test_bands_are_a_deviation_wide():
    axes = plot_training({"tiny": LINES}, every=5, title="T", subtitle="S").axes[0]
    alone = axes.collections[0].get_paths()[0].vertices
    wide = np.ptp(alone[np.isclose(alone[:, 0], alone[:, 0].max()), 1])
    assert wide == pytest.approx(2 * np.std([0.8, 0.9], ddof=1) * HEIGHT / 0.6)
    assert not plot_training({"tiny": {"alone": [[0.5, 0.6]]}}, every=5, title="T", subtitle="S").axes[0].collections


def test_lines_that_cannot_be_told_apart_are_refused():
    with pytest.raises(ConfigError, match="1 to 4"):
        plot_training({"tiny": {str(n): [[0.1]] for n in range(5)}}, every=5, title="T", subtitle="S")
    with pytest.raises(ConfigError, match="1 to 4"):
        plot_training({}, every=5, title="T", subtitle="S")
