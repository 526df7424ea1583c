"""Customers beyond their YAML: their own mix of topics, what they do against what they declare, classes from labels.

Knows log-probabilities, encodings and labels; not the estimator that asks.
"""

from hiercls.customers.mix import MixEstimate, black_box_mix, estimate_mix

__all__ = ["MixEstimate", "black_box_mix", "estimate_mix"]
