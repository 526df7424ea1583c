"""Figures. Each is a function that takes what it shows and returns a matplotlib figure; nothing is shown or saved.

Knows matplotlib only through the extra ``plots``, loads it when the first figure is drawn, and leaves its global state
alone.
"""

from hiercls.plots.bars import plot_probabilities
from hiercls.plots.comparison import Dots, plot_comparison
from hiercls.plots.confusion import Confusion, confusion, plot_confusion
from hiercls.plots.curves import plot_operating_curve, plot_risk_coverage
from hiercls.plots.filing import plot_filing
from hiercls.plots.gains import Gain, plot_gains
from hiercls.plots.growth import plot_growth
from hiercls.plots.learning import Learning, plot_learning
from hiercls.plots.reliability import Diagram, plot_reliability
from hiercls.plots.taxonomy import plot_taxonomy
from hiercls.plots.training import plot_training
from hiercls.plots.union import Pair, plot_union

__all__ = [
    "Confusion",
    "Diagram",
    "Dots",
    "Gain",
    "Learning",
    "Pair",
    "confusion",
    "plot_comparison",
    "plot_confusion",
    "plot_filing",
    "plot_gains",
    "plot_growth",
    "plot_learning",
    "plot_operating_curve",
    "plot_probabilities",
    "plot_reliability",
    "plot_risk_coverage",
    "plot_taxonomy",
    "plot_training",
    "plot_union",
]
