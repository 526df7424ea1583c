"""The figures of caution: lines where the numbers say, thresholds where they are reached."""

from __future__ import annotations

import numpy as np
import pytest

from hiercls.decoding import operating_curve
from hiercls.errors import ConfigError
from hiercls.metrics import risk_coverage
from hiercls.plots import curves
from hiercls.plots.curves import COLOURS, HEIGHT, KEY, LEFT, WIDTH, plot_operating_curve, plot_risk_coverage
from hiercls.plots.panel import N_DRAWN, Panel

TITLES = {"title": "A title", "subtitle": "some documents"}


def shares_of(line, *, low=0.0, high=1.0):
    """A line's points, as shares."""
    x, y = line.get_xydata().T
    left, top = curves.MARGIN + LEFT, KEY + 0.36
    return (x - left) / WIDTH, low + (1 - (y - top) / HEIGHT) * (high - low)


def test_risk_is_drawn_against_coverage_and_its_area_said():
    both = {"one": risk_coverage([0.9, 0.8, 0.7], [0, 0, 0.1]), "other": risk_coverage([0.9, 0.8, 0.7], [0.1, 0, 0])}
    axes = plot_risk_coverage(both, **TITLES).axes[0]
    said = [text.get_text() for text in axes.texts]
    for (name, curve), colour in zip(both.items(), COLOURS, strict=False):
        assert f"{name} (area {100 * curve.area:.1f} %)" in said
        line = next(line for line in axes.lines if line.get_color() == colour)
        coverage, risk = shares_of(line, high=0.1)
        np.testing.assert_allclose(coverage, curve.coverage)
        np.testing.assert_allclose(risk, curve.risk, atol=1e-12)
    assert "10 %" in said


def test_a_handful_of_documents_is_not_drawn():
    curve = risk_coverage(np.linspace(1, 0, 200), [1, *[0] * 199])
    axes = plot_risk_coverage({"one": curve}, **TITLES).axes[0]
    line = next(line for line in axes.lines if line.get_color() == COLOURS[0])
    assert len(line.get_xydata()) == 199
    assert "100 %" in [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("n_curves", [0, len(COLOURS) + 1])
def test_curves_that_cannot_be_told_apart_are_refused(n_curves):
    with pytest.raises(ConfigError, match=f"got {n_curves}"):
        plot_risk_coverage(dict.fromkeys(map(str, range(n_curves)), risk_coverage([1.0], [0])), **TITLES)


def test_thresholds_are_marked_where_stopping_there_leads(tiny):
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.ones(6) / 2, size=200)
    truth = [random.choice(6, p=row) for row in probabilities]
    curve = operating_curve(np.log(probabilities), truth, taxonomy=tiny)
    axes = plot_operating_curve(curve, thresholds=[0.6, 0.9], **TITLES).axes[0]
    lowest = np.floor(10 * curve.correctness.min()) / 10
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    from hiercls.decoding import specificities, stop

    for dot, threshold in zip(dots, (0.6, 0.9), strict=True):
        answers = stop(np.log(probabilities), taxonomy=tiny, threshold=threshold)
        x, y = shares_of(dot, low=lowest)
        assert x[0] == pytest.approx(np.append(specificities(tiny), 0.0)[answers].mean())
        assert y[0] == pytest.approx(curve.correctness[np.searchsorted(curve.threshold, threshold)])


def test_no_more_points_are_drawn_than_can_be_told_apart():
    from hiercls.plots.canvas import canvas

    _, axes = canvas(width=2, height=2)
    panel = Panel(left=0, top=0, width=2, height=2)
    panel.draw_line(axes, np.linspace(0, 1, 10 * N_DRAWN), np.zeros(10 * N_DRAWN), colour="black")
    points = axes.lines[0].get_xydata()
    assert len(points) == N_DRAWN
    assert points[[0, -1], 0].tolist() == [0, 2]
