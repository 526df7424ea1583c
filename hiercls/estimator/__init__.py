"""The scikit-learn face: one estimator that trains on everybody's labels and predicts at any view."""

from hiercls.estimator.classifier import HierarchicalTextClassifier

__all__ = ["HierarchicalTextClassifier"]
