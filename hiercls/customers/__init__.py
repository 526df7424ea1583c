"""Customers beyond their YAML: their own mix of topics, what they do against what they declare, classes from labels.

Knows log-probabilities, encodings and labels; not the estimator that asks.
"""

from hiercls.customers.adapt import Adaptation, adapt_customer
from hiercls.customers.audit import Audit, Finding, audit_filing
from hiercls.customers.infer import InferredClasses, infer_classes, name_prior, worth_labelling
from hiercls.customers.mix import MixEstimate, black_box_mix, estimate_mix

__all__ = [
    "Adaptation",
    "Audit",
    "Finding",
    "InferredClasses",
    "MixEstimate",
    "adapt_customer",
    "audit_filing",
    "black_box_mix",
    "estimate_mix",
    "infer_classes",
    "name_prior",
    "worth_labelling",
]
