"""Customers beyond their YAML: their own mix of topics, what they do against what they declare.

Knows log-probabilities, encodings and labels; not the estimator that asks.
"""

from hiercls.customers.audit import Audit, Finding, audit_filing
from hiercls.customers.mix import MixEstimate, black_box_mix, estimate_mix

__all__ = ["Audit", "Finding", "MixEstimate", "audit_filing", "black_box_mix", "estimate_mix"]
