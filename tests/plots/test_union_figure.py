"""The figure of what pooling brings: two bars a customer, one for a customer without documents, nothing outside."""

from __future__ import annotations

import pytest

from hiercls.plots.union import BARS, OWN, UNION, Pair, plot_union

PAIRS = [
    Pair(name="one", note="9 documents", union=0.75, own=0.5),
    Pair(name="two", note="9 documents", union=0.25, own=0.4),
    Pair(name="new", note="no documents", union=0.05, own=None),
]


def figure_of(pairs):
    return plot_union(pairs, title="Pooling", subtitle="6 test documents")


def texts_of(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def bars_of(figure, fill):
    """The bars of one fill, in parts of the whole way; the first box of it is the key's."""
    from matplotlib.colors import to_rgba

    boxes = [patch for patch in figure.axes[0].patches if patch.get_facecolor() == to_rgba(fill)]
    return [round(box.get_width() / BARS, 3) for box in boxes[1:]]


def test_a_bar_is_as_long_as_its_number_says():
    figure = figure_of(PAIRS)
    assert bars_of(figure, UNION) == [0.75, 0.25, 0.05]
    assert bars_of(figure, OWN) == [0.5, 0.4]
    assert {"75.0 %", "50.0 %", "25.0 %", "40.0 %", "5.0 %"} <= set(texts_of(figure))


def test_a_loss_is_said_like_a_gain_and_a_newcomer_has_neither():
    assert [text for text in texts_of(figure_of(PAIRS)) if text.endswith("points")] == ["+25.0 points", "−15.0 points"]


@pytest.mark.parametrize(
    "pairs",
    [
        PAIRS,
        [Pair(name="a customer with a name that goes on and on and on and on", note="n" * 60, union=1.0, own=0.0)],
        [Pair(name="$x_1$", note="", union=0.5, own=0.5)] * 12,
    ],
)
def test_nothing_is_cut_off_or_read_as_a_formula(pairs):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = figure_of(pairs)
    renderer = FigureCanvasAgg(figure).get_renderer()
    whole = figure.bbox
    for text in figure.axes[0].texts:
        box = text.get_window_extent(renderer)
        assert box.x0 >= whole.x0, text.get_text()
        assert box.x1 <= whole.x1, text.get_text()
        assert box.y0 >= whole.y0, text.get_text()
        assert box.y1 <= whole.y1, text.get_text()
    assert pairs[0].name.split()[0] in " ".join(texts_of(figure))


def test_a_long_title_makes_the_figure_wider():
    wide = plot_union(PAIRS, title="Pooling " * 20, subtitle="")
    assert wide.get_figwidth() > figure_of(PAIRS).get_figwidth()
