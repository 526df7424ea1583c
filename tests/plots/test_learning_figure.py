"""The figure of learning curves: one scale for all, and every name beside the end of its line or next to it."""

from __future__ import annotations

from itertools import pairwise

import pytest

pytest.importorskip("matplotlib")

from hiercls.errors import ConfigError
from hiercls.plots.learning import ROW, WIDTH, Learning, plot_learning


def learning(name, means, *, group="g", sizes=(0, 10, 100)):
    return Learning(name=name, group=group, sizes=sizes, means=means)


def test_accuracies_and_sizes_lie_on_one_scale():
    lines = [learning("up", (0.4, 0.6, 0.8)), learning("late", (0.6, 0.8), sizes=(10, 100))]
    axes = plot_learning(lines, title="T", subtitle="S").axes[0]
    late, up = (one for one in axes.lines if one.get_marker() == "o" and len(one.get_xdata()) > 1)
    assert list(up.get_xdata())[1:] == list(late.get_xdata())
    assert list(up.get_ydata())[1:] == pytest.approx(list(late.get_ydata()))
    high, middle, low = up.get_ydata()
    assert high - middle == pytest.approx(middle - low)
    assert up.get_xdata()[-1] - up.get_xdata()[0] == pytest.approx(WIDTH)


def test_names_do_not_hide_each_other_and_stay_in_order():
    lines = [learning(f"method {number}", (0.5, 0.6, 0.7 - number / 1000)) for number in range(12)]
    texts = plot_learning(lines, title="T", subtitle="S").axes[0].texts
    heights = {text.get_text(): text.get_position()[1] for text in texts if text.get_text().startswith("method")}
    ordered = [heights[f"method {number}"] for number in range(12)]
    assert all(below - above > 0.99 * ROW for above, below in pairwise(ordered))


def test_groups_that_cannot_be_told_apart_are_refused():
    with pytest.raises(ConfigError, match="1 to 4 groups"):
        plot_learning([learning(str(n), (0.1, 0.2, 0.3), group=str(n)) for n in range(5)], title="T", subtitle="S")
