"""The taxonomy's figure: everything is in it, in its place, and can be read."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from hiercls.errors import MissingExtraError
from hiercls.plots import plot_taxonomy
from hiercls.taxonomy import Taxonomy, shipped

AWKWARD = """
hiercls: 1
name: awkward
levels: [area, group, topic]
topics:
  X: {P: [A, B], Q: [B, C, D]}
  W:
  Y: {R: [a name that goes on and on and on and on and on, under_score_and_more_of_it, "$x^2$"]}
multi_parent: [B]
customers:
  part: {classes: {AB: [A, B], D only: D}, partial: true}
  over: {classes: {AB: [A, B], BC: [B, C], all else: rest}, overlapping: true}
  both: {classes: {Ääkköset: [A, C], Supercalifragilisticexpialidocious: [C, D]}, partial: true, overlapping: true}
"""


@pytest.fixture(params=["tiny", "newsgroups", "awkward"])
def taxonomy(request):
    return Taxonomy.from_yaml(AWKWARD if request.param == "awkward" else shipped(request.param))


def boxes(figure):
    """The drawn rectangles as (left, top, right, bottom, fill)."""
    patches = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    corners = [(patch.get_x(), patch.get_y(), patch.get_width(), patch.get_height(), patch) for patch in patches]
    return [(x, y, x + width, y + height, to_hex(patch.get_facecolor())) for x, y, width, height, patch in corners]


def named_boxes(figure):
    """Each box with the name drawn at it."""
    found = []
    for left, top, right, bottom, _ in boxes(figure):
        names = [
            text.get_text().replace("\n", " ").replace("_ ", "_")
            for text in figure.axes[0].texts
            if left <= text.get_position()[0] < right and top < text.get_position()[1] < bottom
        ]
        found.append((*names, None)[0])
    return list(zip(boxes(figure), found, strict=True))


def test_every_name_stands_in_its_box_and_none_on_another(taxonomy):
    figure = plot_taxonomy(taxonomy)
    FigureCanvasAgg(figure).draw()
    height, dpi = figure.get_size_inches()[1], figure.dpi
    extents = [text.get_window_extent() for text in figure.axes[0].texts]
    for left, top, right, bottom, _ in boxes(figure):
        x, y = [left * dpi, right * dpi], [(height - bottom) * dpi, (height - top) * dpi]
        for extent in extents:
            middle = ((extent.x0 + extent.x1) / 2, (extent.y0 + extent.y1) / 2)
            if x[0] < middle[0] < x[1] and y[0] < middle[1] < y[1]:
                assert x[0] - 1 <= extent.x0
                assert extent.x1 <= x[1] + 1
                assert y[0] - 1 <= extent.y0
                assert extent.y1 <= y[1] + 1
    overlapping = [
        (one.get_text(), two.get_text())
        for index, one in enumerate(figure.axes[0].texts)
        for two, extent in list(zip(figure.axes[0].texts, extents, strict=True))[index + 1 :]
        if extents[index].overlaps(extent)
    ]
    assert overlapping == []
    assert all(extent.x1 <= figure.bbox.x1 and extent.y0 >= 0 for extent in extents)


def test_all_names_are_there(taxonomy):
    texts = {text.get_text().replace("\n", " ") for text in plot_taxonomy(taxonomy).axes[0].texts}
    views = [taxonomy.view(name) for name in taxonomy.views]
    expected = {taxonomy.name, *taxonomy.views, *(name for view in views for name in view.classes)}
    missing = {name for name in expected if name not in texts} - {"under_score_and_more_of_it"}
    assert {name for name in missing if not any(text.startswith(name[:5]) for text in texts)} == set()
    assert len(missing) <= 1


def test_a_scattered_class_is_several_boxes_of_one_colour():
    figure = plot_taxonomy(Taxonomy.from_yaml(shipped("newsgroups")))
    world = [box for box, name in named_boxes(figure) if name == "Other Hardware"]
    assert len(world) == 2
    assert len({fill for *_, fill in world}) == 1


def test_a_level_block_spans_its_topics_rows(tiny):
    named = {name: box for box, name in reversed(named_boxes(plot_taxonomy(tiny)))}
    left, top, right, bottom, _ = named["X"]
    assert (top, bottom) == pytest.approx((named["A"][1], named["C"][3]))
    assert right == pytest.approx(named["A"][0])
    assert named["DE"][1] == pytest.approx(named["D"][1])
    assert named["DE"][3] == pytest.approx(named["E"][3])
    assert left < right


def test_a_topic_that_ends_early_is_drawn_once_over_all_levels():
    named = named_boxes(plot_taxonomy(Taxonomy.from_yaml(AWKWARD)))
    (shallow,) = [box for box, name in named if name == "W"]
    (area,) = [box for box, name in named if name == "X"]
    (topic,) = [box for box, name in named if name == "D"]
    assert shallow[0] == pytest.approx(area[0])
    assert shallow[2] == pytest.approx(topic[2])


def test_it_needs_no_customers_and_no_levels():
    taxonomy = Taxonomy.from_yaml("{hiercls: 1, levels: [topic], topics: [A, B]}")
    assert {name for _, name in named_boxes(plot_taxonomy(taxonomy))} == {"A", "B"}


def test_it_leaves_pyplot_alone(tiny):
    before = "matplotlib.pyplot" in sys.modules
    plot_taxonomy(tiny)
    assert ("matplotlib.pyplot" in sys.modules) == before


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_it_is_saved(tiny, tmp_path: Path, kind):
    path = tmp_path / f"tiny.{kind}"
    plot_taxonomy(tiny).savefig(path)
    assert path.stat().st_size > 5_000


def test_without_matplotlib_it_says_what_to_install(tiny, monkeypatch):
    for name in list(sys.modules):
        if name.split(".")[0] == "matplotlib":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'hiercls\[plots\]'"):
        plot_taxonomy(tiny)


def test_very_many_topics_stay_a_figure_that_can_be_drawn():
    topics = {f"area {i}": [f"area {i} topic {j}" for j in range(20)] for i in range(40)}
    taxonomy = Taxonomy.from_dict({"hiercls": 1, "levels": ["area", "topic"], "topics": topics})
    assert plot_taxonomy(taxonomy).get_size_inches()[1] < 110
