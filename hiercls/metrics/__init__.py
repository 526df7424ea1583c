"""Metrics, one family a file: how good anybody's predictions are, given the taxonomy alone.

Knows no model and no texts, only arrays. torch is imported when a flat metric is computed, not before; the same metrics
as ``torchmetrics.Metric`` are in ``hiercls.metrics.wrappers``.
"""

from hiercls.metrics.cost import CostScores, common_ancestor_heights, mean_cost, tree_induced_errors
from hiercls.metrics.flat import ViewScores, accuracy, evaluate_view, macro_f1
from hiercls.metrics.hierarchical import HierarchicalScores, ancestor_matrix, hierarchical_scores, node_set_scores
from hiercls.metrics.multilabel import (
    MultilabelProbabilityScores,
    MultilabelScores,
    evaluate_multilabel,
    score_multilabel,
)
from hiercls.metrics.paths import path_consistency, path_scores
from hiercls.metrics.reliability import (
    ProbabilityScores,
    Reliability,
    reliability,
    score_probabilities,
    top_reliability,
)
from hiercls.metrics.selective import RiskCoverage, hierarchical_risk_coverage, risk_coverage

__all__ = [
    "CostScores",
    "HierarchicalScores",
    "MultilabelProbabilityScores",
    "MultilabelScores",
    "ProbabilityScores",
    "Reliability",
    "RiskCoverage",
    "ViewScores",
    "accuracy",
    "ancestor_matrix",
    "common_ancestor_heights",
    "evaluate_multilabel",
    "evaluate_view",
    "hierarchical_risk_coverage",
    "hierarchical_scores",
    "macro_f1",
    "mean_cost",
    "node_set_scores",
    "path_consistency",
    "path_scores",
    "reliability",
    "risk_coverage",
    "score_multilabel",
    "score_probabilities",
    "top_reliability",
    "tree_induced_errors",
]
