"""The scikit-learn face: an estimator that trains on everybody's labels, and one on arrays."""

from hiercls.estimator.classifier import HierarchicalTextClassifier
from hiercls.estimator.numeric import HierarchicalClassifier

__all__ = ["HierarchicalClassifier", "HierarchicalTextClassifier"]
