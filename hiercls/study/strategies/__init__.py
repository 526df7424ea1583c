"""What people are advised to try for a customer with few documents, on equal terms: pooled, tuned, augmented, guessed.

A strategy is fitted on the other customers' documents, the customer's own, and documents that nobody has labelled; what
it gives answers documents with probabilities of the customer's classes. Knows encodings, texts and classes by position;
no map of topics, which is what sets ``hiercls`` apart from all of them.
"""

from hiercls.study.strategies.augmented import Augmented
from hiercls.study.strategies.guessed import PseudoLabels
from hiercls.study.strategies.marked import MarkedText
from hiercls.study.strategies.pooled import Pooled
from hiercls.study.strategies.regularised import Regularised
from hiercls.study.strategies.setting import Filed, Pool
from hiercls.study.strategies.strategy import Strategy
from hiercls.study.strategies.tuned import FrozenTrunk, Tuned

__all__ = [
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
