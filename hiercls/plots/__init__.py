"""Figures. Each is a function that takes what it shows and returns a matplotlib figure; nothing is shown or saved.

Knows matplotlib only through the extra ``plots``, loads it when the first figure is drawn, and leaves its global state
alone.
"""

from hiercls.plots.gains import Gain, plot_gains
from hiercls.plots.reliability import Diagram, plot_reliability
from hiercls.plots.taxonomy import plot_taxonomy
from hiercls.plots.union import Pair, plot_union

__all__ = ["Diagram", "Gain", "Pair", "plot_gains", "plot_reliability", "plot_taxonomy", "plot_union"]
