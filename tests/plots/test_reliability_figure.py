"""The figure of reliability: points where the numbers say, nothing outside."""

from __future__ import annotations

import pytest

from hiercls.errors import ConfigError
from hiercls.metrics import reliability
from hiercls.plots.reliability import AFTER, BEFORE, LEFT, MARGIN, PANEL, Diagram, plot_reliability

BINS = reliability([0.25, 0.25, 0.75, 0.75], [0, 0, 1, 0], n_bins=2)
SURE = reliability([0.9] * 4, [1, 0, 1, 0])


def lines_of(figure, colour):
    """The lines of a colour, as pairs of what was said and what was right; the first is the key's."""
    return [
        [(round((x - MARGIN - LEFT) / PANEL, 3), round(y, 3)) for x, y in line.get_xydata().tolist()]
        for line in figure.axes[0].lines
        if line.get_color() == colour
    ][1:]


def texts_of(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_points_stand_where_the_bins_say():
    figure = plot_reliability([Diagram(name="one", note="4 documents", bins=BINS)], title="T", subtitle="S")
    ((low, high),) = lines_of(figure, AFTER)
    assert (low[0], high[0]) == (0.25, 0.75)
    assert (low[1] - high[1]) / PANEL == pytest.approx(0.5, abs=1e-3)  # 0 % and 50 % right; the sheet counts downwards
    assert lines_of(figure, BEFORE) == []
    assert "off by 25.0 points" in texts_of(figure)
    assert "as trained" not in texts_of(figure)


def test_what_was_before_stands_beside_it():
    diagram = Diagram(name="one", note="4 documents", bins=BINS, before=SURE)
    figure = plot_reliability([diagram], title="T", subtitle="S")
    assert len(lines_of(figure, AFTER)) == len(lines_of(figure, BEFORE)) == 1
    assert {"off by 25.0 points, was 40.0", "as trained", "calibrated"} <= set(texts_of(figure))


@pytest.mark.parametrize("n_views", [1, 4, 6])
def test_nothing_is_cut_off_or_read_as_a_formula(n_views):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    names = ["$x_1$", "a customer with a name that goes on and on and on", *"abcd"]
    diagrams = [Diagram(name=name, note="n" * 40, bins=BINS, before=SURE) for name in names[:n_views]]
    figure = plot_reliability(diagrams, title="Reliability " * 6, subtitle="of documents")
    renderer = FigureCanvasAgg(figure).get_renderer()
    for text in figure.axes[0].texts:
        box = text.get_window_extent(renderer)
        assert box.x0 >= figure.bbox.x0, text.get_text()
        assert box.x1 <= figure.bbox.x1, text.get_text()
        assert box.y0 >= figure.bbox.y0, text.get_text()
        assert box.y1 <= figure.bbox.y1, text.get_text()
    assert "$x_1$" in texts_of(figure)


def test_there_must_be_something_to_draw():
    with pytest.raises(ConfigError, match="got none"):
        plot_reliability([], title="T", subtitle="S")
