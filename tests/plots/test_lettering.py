"""Text that fits its box."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiercls.plots.lettering import LINE_HEIGHT, fit, width_of, wrap

boxes = st.floats(0.05, 3.0)


@settings(max_examples=60, deadline=None)
@given(text=st.text("ABCdef ._-/", max_size=60), width=boxes, height=boxes)
def test_fitted_text_never_leaves_its_box(text, width, height):
    lettering = fit(text, width=width, height=height)
    lines = lettering.text.split("\n")
    assert all(width_of(line, lettering.size) <= width + 1e-9 for line in lines)
    assert len(lines) * lettering.size * LINE_HEIGHT / 72 <= height + 1e-9
    if not lettering.text.endswith("…") and lettering.text:
        assert "".join(lettering.text.split()) == "".join(text.split())


def test_a_text_that_fits_is_left_alone():
    assert (fit("Sport", width=2, height=1).text, fit("Sport", width=2, height=1, size=12).size) == ("Sport", 12)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Motors and Sport", ["Motors", "and", "Sport"]),
        ("talk.politics.misc", ["talk.", "politics.", "misc"]),
        ("one_two-three/four", ["one_", "two-", "three/", "four"]),
        ("Unbreakable", ["Unbreakable"]),
        ("", [""]),
    ],
)
def test_lines_break_where_a_reader_would(text, lines):
    assert wrap(text, width=0.01, size=9) == lines


def test_too_long_a_name_is_cut_with_an_ellipsis():
    lettering = fit("x" * 200, width=0.6, height=0.2)
    assert lettering.text.endswith("…")
    assert lettering.text.startswith("xxx")


def test_width_is_that_of_the_drawn_text():
    """Measured beside matplotlib's own drawing, which snaps glyphs to pixels: fine ones, so that it hardly matters."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(dpi=600)
    FigureCanvasAgg(figure)
    for text, bold in [("comp.sys.ibm.pc.hardware", False), ("Domestic Affairs", True)]:
        drawn = figure.text(0, 0, text, size=9, weight="bold" if bold else "normal")
        assert width_of(text, 9, bold=bold) == pytest.approx(drawn.get_window_extent().width / 600, rel=0.02)
