"""A linear head on encodings, fitted to coarse labels in seconds: what many small experiments are made with.

Knows encodings and sets of topics; knows no text and no network.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from hiercls.taxonomy.labels import ResolvedLabels

TINY = 1e-300
"""The least sum of shares, so that its logarithm is finite."""

Array = NDArray[np.float64]


def fit_head(encodings: NDArray[np.floating], labels: ResolvedLabels, *, l2: float, max_iter: int = 60) -> Array:
    """Fit topic logits to labels that may be groups of topics.

    ``min_W −Σ_i log Σ_t w_it p(t|x_i) + l2/2 ‖W‖²``, p the softmax over the topics of the label's scope; the bias is
    not shrunk.

    Args:
        encodings: Shape (n_documents, width), each of length √width.
        labels: Their labels, n_documents.
        l2: How strongly weights are shrunk.
        max_iter: Steps of L-BFGS at most; a head that has not settled by then serves as well.

    Returns:
        Weights and, last, the bias, shape (width + 1, n_topics).

    Example:
        >>> from hiercls.data import Row
        >>> from hiercls.taxonomy import Taxonomy, shipped
        >>> from hiercls.taxonomy.labels import resolve
        >>> tiny = Taxonomy.from_yaml(shipped("tiny"))
        >>> labels = resolve(tiny, [Row(text="…", labels=(("one", name),)) for name in ("ABC", "D")]).labels
        >>> head = fit_head(np.array([[1.0, 0.0], [0.0, 1.0]]), labels, l2=0.01)
        >>> topic_logits(np.array([[1.0, 0.0]]), head).argmax() in (0, 1, 2)
        True

    Source:
        Jin and Ghahramani, Learning with multiple labels, NIPS 2002, §3; Liu and Nocedal 1989 (L-BFGS).
    """
    weights = labels.weights.toarray()
    n_documents, n_topics = weights.shape
    scopes = np.ones((len(labels.scopes), n_topics))
    for row, named in enumerate(labels.scopes):
        if named is not None:
            scopes[row] = 0.0
            scopes[row, named] = 1.0
    inside = scopes[labels.scope_index]
    features = np.hstack([encodings, np.ones((n_documents, 1))])
    shrunk = np.full((features.shape[1], 1), l2 / n_documents)
    shrunk[-1] = 0.0

    def loss(flat: Array) -> tuple[float, Array]:
        head = flat.reshape(-1, n_topics)
        logits = features @ head
        every = np.exp(logits - logits.max(axis=1, keepdims=True)) * inside
        within = every * weights
        sums = [np.maximum(part.sum(axis=1, keepdims=True), TINY) for part in (every, within)]
        gradient = features.T @ (every / sums[0] - within / sums[1]) / n_documents + shrunk * head
        return float(np.log(sums[0] / sums[1]).mean() + (shrunk * head**2).sum() / 2), gradient.ravel()

    start = np.zeros(features.shape[1] * n_topics)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": max_iter})
    head: Array = found.x.reshape(-1, n_topics)
    return head


def topic_logits(encodings: NDArray[np.floating], head: Array) -> Array:
    """Topic logits of documents.

    Args:
        encodings: Shape (n_documents, width).
        head: Weights and bias, shape (width + 1, n_topics).

    Returns:
        Shape (n_documents, n_topics).
    """
    logits: Array = encodings @ head[:-1] + head[-1]
    return logits
