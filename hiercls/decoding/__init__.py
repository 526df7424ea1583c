"""From probabilities to answers: the likeliest, the best on average, or a coarser one that can be believed.

Knows topic log-probabilities and the taxonomy; no model and no text. An answer is a node of the hierarchy, by its
position in ``taxonomy.hierarchy.nodes``, and says all nodes above it too; ``ROOT`` is no answer.
"""

from hiercls.decoding.argmax import class_argmax, node_probabilities, top_down, topic_argmax
from hiercls.decoding.climbing import ClimbingRule, climbing_rule
from hiercls.decoding.conformal import ConformalRule, conformal_rule, mix_ratios, sets_at
from hiercls.decoding.nodes import NodeRule, node_rule, node_scores
from hiercls.decoding.optimal import f1_gains, least_cost, most_gain
from hiercls.decoding.recall import RecallRule, recall_rule
from hiercls.decoding.several import climbing_rule_several, least_cost_several, stop_several
from hiercls.decoding.stopping import ROOT, OperatingCurve, operating_curve, specificities, stop

__all__ = [
    "ROOT",
    "ClimbingRule",
    "ConformalRule",
    "NodeRule",
    "OperatingCurve",
    "RecallRule",
    "class_argmax",
    "climbing_rule",
    "climbing_rule_several",
    "conformal_rule",
    "f1_gains",
    "least_cost",
    "least_cost_several",
    "mix_ratios",
    "most_gain",
    "node_probabilities",
    "node_rule",
    "node_scores",
    "operating_curve",
    "recall_rule",
    "sets_at",
    "specificities",
    "stop",
    "stop_several",
    "top_down",
    "topic_argmax",
]
