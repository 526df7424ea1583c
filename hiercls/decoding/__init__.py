"""From probabilities to answers: the likeliest, the best on average, or a coarser one that can be believed.

Knows topic log-probabilities and the taxonomy; no model and no text. An answer is a node of the hierarchy, by its
position in ``taxonomy.hierarchy.nodes``, and says all nodes above it too; ``ROOT`` is no answer.
"""

from hiercls.decoding.argmax import class_argmax, node_probabilities, top_down, topic_argmax
from hiercls.decoding.conformal import ConformalRule, conformal_rule, sets_at
from hiercls.decoding.optimal import f1_gains, least_cost, most_gain
from hiercls.decoding.stopping import ROOT, OperatingCurve, operating_curve, specificities, stop

__all__ = [
    "ROOT",
    "ConformalRule",
    "OperatingCurve",
    "class_argmax",
    "conformal_rule",
    "f1_gains",
    "least_cost",
    "most_gain",
    "node_probabilities",
    "operating_curve",
    "sets_at",
    "specificities",
    "stop",
    "top_down",
    "topic_argmax",
]
