"""The squares of who helps whom: their numbers, colours and weights."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib", reason="needs the extra plots")

from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from hiercls.plots.canvas import BLUE
from hiercls.plots.helping import ORANGE, Square, plot_helping


def test_numbers_are_points_blue_helps_orange_harms_and_what_is_clear_is_bold():
    rows = {
        "acme": {"$globex$": Square(points=4.04, is_clear=True), "all": Square(points=-2.0, is_clear=False)},
        "$globex$": {"acme": Square(points=1.0, is_clear=False), "all": Square(points=0.0, is_clear=False)},
    }
    figure = plot_helping(rows, ["acme", "$globex$", "all"], n_last=1, title="Who helps whom", subtitle="here")
    (axes,) = figure.axes
    texts = {text.get_text(): text for text in axes.texts}
    assert {"+4.0", "−2.0", "+1.0", "+0.0", "acme", "$globex$", "all", "Who helps whom"} <= set(texts)
    assert (texts["+4.0"].get_weight(), texts["−2.0"].get_weight()) == ("bold", "normal")
    filled = [patch for patch in axes.patches if isinstance(patch, Rectangle) and patch.get_fill()]
    strengths = {to_hex(patch.get_facecolor()): patch.get_alpha() for patch in filled if patch.get_alpha()}
    assert set(strengths) == {BLUE.lower(), ORANGE.lower()}
    strongest = max((patch for patch in filled if patch.get_alpha()), key=lambda patch: patch.get_alpha())
    assert to_hex(strongest.get_facecolor()) == BLUE.lower()
    lefts = sorted({round(patch.get_x(), 3) for patch in axes.patches})
    assert lefts[2] - lefts[1] > lefts[1] - lefts[0]
