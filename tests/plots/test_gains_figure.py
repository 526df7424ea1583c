"""The figure of gains: dots where their numbers say, and nothing cut off."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")

from hiercls.plots import Gain, plot_gains
from hiercls.plots.canvas import MARGIN
from hiercls.plots.gains import DOTS, NAMES, SERIES

GAINS = {
    "removed": [
        Gain(name="a", group="first", values=[0.01, 0.03]),
        Gain(name="b", group="first", values=[-0.01]),
        Gain(name="c", group="second", values=[0.0, 0.0]),
    ],
    "kept": [Gain(name="c", group="second", values=[0.005, 0.005])],
}


def dots(figure, colour):
    """Where the dots of one colour stand, as parts of the way from no change to the end; the first is the key's."""
    lines = [line for line in figure.axes[0].lines if line.get_color() == colour and line.get_marker() == "o"]
    middle = MARGIN + NAMES + DOTS / 2
    return [round((float(line.get_xdata()[0]) - middle) / (DOTS / 2), 4) for line in lines[1:]]


def test_a_dot_stands_where_its_mean_says():
    figure = plot_gains(GAINS, title="T", subtitle="S")
    assert dots(figure, SERIES[0]) == [pytest.approx(2 / 3, abs=1e-4), pytest.approx(-1 / 3, abs=1e-4), 0.0]
    assert dots(figure, SERIES[1]) == [pytest.approx(0.5 / 3, abs=1e-4)]
    shown = [text.get_text() for text in figure.axes[0].texts]
    assert [one for one in shown if one in ("first", "a", "b", "second", "c")] == ["first", "a", "b", "second", "c"]
    assert {"−3", "+3", "0 points"} <= set(shown)


def test_spreads_end_one_deviation_from_the_mean():
    figure = plot_gains({"x": GAINS["removed"][:1]}, title="T", subtitle="S")
    lines = [line for line in figure.axes[0].lines if line.get_color() == SERIES[0] and len(line.get_xdata()) == 2]
    key, line = lines
    assert key.get_ydata()[0] < line.get_ydata()[0]
    middle = MARGIN + NAMES + DOTS / 2
    ends = [(x - middle) / (DOTS / 2) * 3 for x in line.get_xdata()]
    assert ends == [pytest.approx(2 - 2**0.5), pytest.approx(3)]


def test_nothing_is_cut_off_or_read_as_a_formula():
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    long = [Gain(name="$x_1$ and a name that goes on and on and on and on and on", group="g", values=[0.5, -0.5])]
    figure = plot_gains({"one": long}, title="Long " * 30, subtitle="")
    renderer = FigureCanvasAgg(figure).get_renderer()
    for text in figure.axes[0].texts:
        box = text.get_window_extent(renderer)
        assert box.x0 >= figure.bbox.x0, text.get_text()
        assert box.x1 <= figure.bbox.x1, text.get_text()
        assert box.y0 >= figure.bbox.y0, text.get_text()
        assert box.y1 <= figure.bbox.y1, text.get_text()
