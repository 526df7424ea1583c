"""Customers beyond their YAML: their own mix of topics, what they file, classes from labels, heads for other labels.

Knows log-probabilities, encodings and labels; not the estimator that asks.
"""

from hiercls.customers.adapt import Adaptation, adapt_customer
from hiercls.customers.advice import Advice, advise
from hiercls.customers.audit import Audit, Finding, audit_filing
from hiercls.customers.infer import InferredClasses, infer_classes, name_prior, worth_labelling
from hiercls.customers.mix import MixEstimate, black_box_mix, estimate_mix
from hiercls.customers.repurpose import Repurposer

__all__ = [
    "Adaptation",
    "Advice",
    "Audit",
    "Finding",
    "InferredClasses",
    "MixEstimate",
    "Repurposer",
    "adapt_customer",
    "advise",
    "audit_filing",
    "black_box_mix",
    "estimate_mix",
    "infer_classes",
    "name_prior",
    "worth_labelling",
]
