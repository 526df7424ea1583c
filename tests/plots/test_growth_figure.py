"""The figure of growth: what is linear climbs as the dashed line, and factors are written beside them."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")

from hiercls.errors import ConfigError
from hiercls.plots.canvas import SMALL
from hiercls.plots.growth import COLOURS, plot_growth
from hiercls.plots.lettering import width_of


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


def test_factors_are_marked_up_to_the_largest():
    def marks(sizes, seconds):
        figure = plot_growth({"work": (sizes, seconds)}, title="T", subtitle="S")
        texts = {text.get_text() for text in figure.axes[0].texts}
        return sorted(
            (text for text in texts if text.startswith("×")), key=lambda text: float(text[1:].replace(",", ""))
        )

    assert marks([1, 16], [1, 3]) == ["×1", "×2", "×5", "×10", "×20"]
    assert marks([1, 20], [1, 0.4]) == ["×0.2", "×0.5", "×1", "×2", "×5", "×10", "×20"]
    assert marks([1, 1000], [1, 1100]) == ["×1", "×10", "×100", "×1,000", "×10,000"]
    assert marks([1, 1e6], [1, 3])[-1] == "×1,000,000"
    assert marks([1, 1], [1, 1]) == ["×1", "×2"]


def test_a_key_that_is_too_wide_for_a_line_takes_two():
    names = [f"a line that has a long name, number {number}" for number in range(4)]
    figure = plot_growth({name: ([1, 10], [1, 10]) for name in names}, title="T", subtitle="S")
    found = {text.get_text(): text for text in figure.axes[0].texts if text.get_text() in names}
    right = figure.get_size_inches()[0]
    assert all(text.get_position()[0] + width_of(name, SMALL) < right for name, text in found.items())
    assert len(found) == 4
    assert len({round(text.get_position()[1], 3) for text in found.values()}) == 2
