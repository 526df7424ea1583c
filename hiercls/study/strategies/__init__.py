"""What people are advised to try for a customer with few documents, on equal terms: pooled, tuned, augmented, guessed.

A strategy is fitted on the other customers' documents, the customer's own, and documents that nobody has labelled; what
it gives answers documents with probabilities of the customer's classes. Knows encodings, texts and classes by position;
no map of topics, which is what sets ``hiercls`` apart from all of them.
"""

from collections.abc import Mapping

from hiercls.study.strategies.augmented import Augmented
from hiercls.study.strategies.guessed import PseudoLabels
from hiercls.study.strategies.marked import MarkedText
from hiercls.study.strategies.pooled import Pooled
from hiercls.study.strategies.regularised import Regularised
from hiercls.study.strategies.setting import Filed, Pool
from hiercls.study.strategies.strategy import Strategy
from hiercls.study.strategies.tuned import FrozenTrunk, Tuned

__all__ = [
    "ALONE",
    "JOINT",
    "Augmented",
    "Filed",
    "FrozenTrunk",
    "MarkedText",
    "Pool",
    "Pooled",
    "PseudoLabels",
    "Regularised",
    "Strategy",
    "Tuned",
]

JOINT: Mapping[str, Strategy] = {
    "a head and a loss per customer, shared trunk": Pooled(teaching="heads"),
    "all heads as one masked table": Pooled(teaching="mask"),
    "one masked table, marker beside the encoding": Pooled(teaching="mask", marked=True),
    "the others, own loss held down by a multiplier": Pooled(teaching="lagrangian"),
    "the others, gradients projected": Pooled(teaching="projection"),
}
"""What learns from everybody at once, and again for each customer that is new."""

ALONE: Mapping[str, Strategy] = {
    "pre-trained on the others, then tuned": Tuned(),
    "pre-trained, then tuned with L2 towards the start": Tuned(anchors=(0.01, 0.1), learning_rates=(1e-3,)),
    "pre-trained on the others, head alone tuned": FrozenTrunk(),
    "own data, L1": Regularised(by="l1"),
    "own data, L2": Regularised(by="l2"),
    "own data, dropout": Regularised(by="dropout"),
    "own data, pseudo-labels": PseudoLabels(),
}
"""What learns from the customer's own documents, from others before, or from what nobody has labelled."""
