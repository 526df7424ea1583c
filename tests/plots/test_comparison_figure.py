"""The figure of a comparison: dots where the numbers say, nothing outside, a dash where nothing is known."""

from __future__ import annotations

from itertools import pairwise

import pytest

from hiercls.plots.comparison import Dots, plot_comparison
from hiercls.plots.lettering import width_of

METHODS = ["hiercls", "another", "a third"]
COLUMNS = [
    Dots(name="one", values=[[0.8, 0.9], [0.6], []]),
    Dots(name="a customer with a name that goes on and on", values=[[1.0, 1.0], [0.0, 1.0], [0.5]]),
]


def figure_of(columns, methods=METHODS):
    return plot_comparison(methods, columns, title="Beside", subtitle="6 test documents")


def test_dots_and_bars_stand_on_one_scale():
    figure = figure_of([Dots(name="one", values=[[0.8, 0.9], [0.6], []])])
    dots = [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_marker() == "o"]
    bars = [line.get_xdata() for line in figure.axes[0].lines if line.get_solid_capstyle() == "butt"]
    grid = sorted({line.get_xdata()[0] for line in figure.axes[0].lines if line.get_linewidth() == 0.6})
    inches = (grid[-1] - grid[0]) / 0.4  # the scale runs from 60 % to 100 %
    assert dots[0] - dots[1] == pytest.approx(0.25 * inches)
    assert bars[0][1] - bars[0][0] == pytest.approx(2 * 0.05 * 2**0.5 * inches)
    assert bars[1][1] == bars[1][0]
    assert {"85.0", "60.0", "–", "60 %", "100 %"} <= {text.get_text() for text in figure.axes[0].texts}


@pytest.mark.parametrize("n_columns", [1, 4, 5, 9])
@pytest.mark.parametrize("methods", [METHODS, ["$x_1$" * 12, "m", "n"]])
def test_nothing_is_cut_off(n_columns, methods):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = figure_of((COLUMNS * 5)[:n_columns], methods)
    renderer, whole = FigureCanvasAgg(figure).get_renderer(), figure.bbox
    for text in figure.axes[0].texts:
        box = text.get_window_extent(renderer)
        assert box.x0 >= whole.x0, text.get_text()
        assert box.x1 <= whole.x1, text.get_text()
        assert box.y0 >= whole.y0, text.get_text()
        assert box.y1 <= whole.y1, text.get_text()


def test_equal_values_have_a_scale_too():
    figure = figure_of([Dots(name="one", values=[[1.0], [1.0], [1.0]])])
    assert "100 %" in {text.get_text() for text in figure.axes[0].texts}


def test_numbers_of_neighbouring_scales_stand_apart():
    columns = [Dots(name=name, values=[[0.95, 1.0], [0.65, 0.7]]) for name in ("one", "two")]
    figure = plot_comparison(["hiercls", "other"], columns, title="T", subtitle="S")
    numbers = [text for text in figure.axes[0].texts if text.get_text().endswith(" %")]
    spans = [(text.get_position()[0], width_of(text.get_text(), text.get_size()) / 2) for text in numbers]
    ordered = sorted(spans)
    assert len(ordered) == 10
    assert all(left + half < right - other for (left, half), (right, other) in pairwise(ordered))
