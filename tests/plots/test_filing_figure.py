"""The heat map of an audit: numbers where documents are, frames where they should be and where they surely are not."""

from __future__ import annotations

import numpy as np
import pytest

from hiercls.customers import audit_filing
from hiercls.plots import plot_filing


def test_cells_are_numbered_and_framed(tiny):
    pytest.importorskip("matplotlib")
    view, topics = tiny.view("two"), np.repeat(np.arange(6), 100)
    filed = view.membership.toarray()[topics].argmax(axis=1)
    filed[:30] = 3  # of A
    sure = np.log(np.eye(6)[topics] * 0.999 + 0.0002)
    uniform = np.full(6, 1 / 6)
    found = audit_filing(sure, filed, view=view, reference=sure, weights=np.eye(6)[topics], pooled=uniform)
    figure = plot_filing(found, title="What two does", subtitle="600 documents")
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words[:2] == ["What two does", "600 documents"]
    assert words[2:12] == [*"ABCDEF", "A", "BC", "DE", "F"]
    assert words[12:] == ["71%", "29%", *["100%"] * 5]
    frames = [patch.get_edgecolor() for patch in figure.axes[0].patches if patch.get_linewidth() == 1.2]
    assert len(frames) == 7
    assert len(set(frames)) == 2
