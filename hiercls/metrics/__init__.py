"""Metrics, one family a file: how good anybody's predictions are, given the taxonomy alone.

Knows no model and no texts, only integer arrays. torch is imported when a flat metric is computed, not before.
"""

from hiercls.metrics.flat import ViewScores, accuracy, evaluate_view, macro_f1
from hiercls.metrics.hierarchical import HierarchicalScores, ancestor_matrix, hierarchical_scores

__all__ = [
    "HierarchicalScores",
    "ViewScores",
    "accuracy",
    "ancestor_matrix",
    "evaluate_view",
    "hierarchical_scores",
    "macro_f1",
]
