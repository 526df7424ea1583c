"""The two rounds of EM that everything about a customer comes from: its mix of topics, and its classes of them.

They are never run together on the same labels: what a free mix explains, free classes explain as well, and the two
drift apart from any truth. Knows arrays; no model, no taxonomy and no text.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MAX_ROUNDS = 1000
"""Rounds after which EM ends wherever it is."""


def fit_shares(
    likelihoods: Array, *, weights: Array, pseudo: Array, start: Array | None = None, tolerance: float = 1e-10
) -> Array:
    """The shares of topics under which weighted documents are likeliest, for many weightings at once.

    ``maximise Σ_i w_i · log Σ_t π(t) · L[i,t] + Σ_t α_t · log π(t)`` by EM, which only rises and has one maximum.

    Args:
        likelihoods: L, how likely each document is of each topic, up to a factor of its own, shape
            (n_documents, n_topics); no row is 0 throughout.
        weights: w, how often each document counts, shape (n_weightings, n_documents).
        pseudo: α, documents that count as if they had been seen of each topic, shape (n_weightings, n_topics).
        start: Where EM begins, positive where it may end so, shape (n_topics,); None: all topics alike.
        tolerance: EM ends where no share changes by more.

    Returns:
        π, shape (n_weightings, n_topics), rows sum to 1.

    Example:
        >>> likelihoods = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        >>> fit_shares(likelihoods, weights=np.ones((1, 4)), pseudo=np.zeros((1, 2))).round(3)
        array([[0.667, 0.333]])
    """
    n_topics = likelihoods.shape[1]
    first = np.full(n_topics, 1.0 / n_topics) if start is None else start
    shares = np.tile(first, (len(weights), 1))
    totals = weights.sum(axis=1, keepdims=True) + pseudo.sum(axis=1, keepdims=True)
    columns = np.ascontiguousarray(likelihoods.T)
    for _ in range(MAX_ROUNDS):
        evidence = shares @ columns
        updated = (shares * ((weights / evidence) @ likelihoods) + pseudo) / totals
        change = np.abs(updated - shares).max()
        shares = updated
        if change < tolerance:
            break
    return shares


def fit_membership(posteriors: Array, counts: Array, *, pseudo: Array, tolerance: float = 1e-8) -> Array:
    """How the documents of each topic are filed, under which the labels are likeliest, the mix of topics as it is.

    ``maximise Σ_i Σ_k n_ik · log Σ_t p(t|i) · A[t,k] + Σ_tk α_tk · log A[t,k]`` by EM; with rows of A that sum to 1 and
    p fixed it has one maximum where the p tell the topics apart.

    Args:
        posteriors: p(t|i) under the customer's own mix, shape (n_documents, n_topics).
        counts: n, how often each document, or documents of one kind, are filed under each class, shape
            (n_documents, n_classes).
        pseudo: α, filings that count as if they had been seen, shape (n_topics, n_classes); not negative, and positive
            somewhere in every row.
        tolerance: EM ends where no entry changes by more.

    Returns:
        A, shape (n_topics, n_classes), rows sum to 1.

    Example:
        >>> posteriors = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
        >>> counts = np.array([[9.0, 1.0], [0.0, 5.0], [0.0, 0.0]])
        >>> fit_membership(posteriors, counts, pseudo=np.full((2, 2), 1e-9)).round(3)
        array([[0.9, 0.1],
               [0. , 1. ]])
    """
    membership: Array = (pseudo + 1.0) / (pseudo + 1.0).sum(axis=1, keepdims=True)
    columns = np.ascontiguousarray(posteriors.T)
    smallest = np.finfo(np.float64).tiny
    for _ in range(MAX_ROUNDS):
        expected = posteriors @ membership
        ratio = np.divide(counts, expected, out=np.zeros_like(expected), where=counts > 0)
        updated: Array = membership * (columns @ ratio) + pseudo
        updated /= np.maximum(updated.sum(axis=1, keepdims=True), smallest)
        change = np.abs(updated - membership).max()
        membership = updated
        if change < tolerance:
            break
    return membership


def posterior(likelihoods: Array, shares: Array) -> Array:
    """How documents are shared among the topics under a mix.

    ``p(t|i) = π(t) · L[i,t] / Σ_s π(s) · L[i,s]``

    Args:
        likelihoods: L, shape (n_documents, n_topics).
        shares: π, shape (n_topics,).

    Returns:
        Shape (n_documents, n_topics), rows sum to 1.

    Example:
        >>> posterior(np.array([[1.0, 1.0]]), np.array([0.25, 0.75]))
        array([[0.25, 0.75]])
    """
    joint = likelihoods * shares
    found: Array = joint / joint.sum(axis=1, keepdims=True)
    return found
