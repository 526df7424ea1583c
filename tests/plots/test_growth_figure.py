"""The figure of growth: what is linear climbs at 45 degrees of the axes, and factors are written beside them."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")

from hiercls.errors import ConfigError
from hiercls.plots.growth import COLOURS, plot_growth


def test_what_is_linear_lies_on_the_dashed_line():
    figure = plot_growth({"linear": ([10, 100, 1000], [0.1, 1, 10])}, title="T", subtitle="S")
    (line,) = [one for one in figure.axes[0].lines if one.get_color() == COLOURS[0] and len(one.get_xdata()) == 3]
    (dashed,) = [one for one in figure.axes[0].lines if one.get_linestyle() == "--"]
    assert [line.get_xdata()[0], line.get_xdata()[-1]] == pytest.approx(list(dashed.get_xdata()))
    assert [line.get_ydata()[0], line.get_ydata()[-1]] == pytest.approx(list(dashed.get_ydata()))
    assert {"×1", "×10", "×100"} <= {text.get_text() for text in figure.axes[0].texts}


def test_lines_that_cannot_be_told_apart_are_refused():
    with pytest.raises(ConfigError, match="1 to 4 lines"):
        plot_growth({str(number): ([1, 2], [1, 2]) for number in range(5)}, title="T", subtitle="S")
