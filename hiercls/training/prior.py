"""The pooled mix of topics that a model is trained under.

Knows labels as weights over topics; knows no text and no network.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

MAX_ITERATIONS = 200


def pooled_mix(weights: csr_array, document_weights: np.ndarray, *, smoothing: float = 1.0) -> np.ndarray:
    """The mix of topics that makes set labels most likely, smoothed.

    ``π ← Σ_i w_i · A[t,y_i] π(t) / Σ_s A[s,y_i] π(s)``, repeated from the uniform mix, plus ``smoothing`` documents a
    topic, normalised.

    It is the mix of the pool as a whole: a customer's own, where it is known, plays no part in it.

    Args:
        weights: The labels' columns, shape (n_documents, n_topics).
        document_weights: How often the sampler visits each document, shape (n_documents,); some positive.
        smoothing: Documents added to every topic, > 0, so that no topic's share is 0.

    Returns:
        π, shape (n_topics,), positive, sums to 1.

    Example:
        >>> labels = csr_array([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0], [0.0, 1.0, 1.0], [0.0, 1.0, 0.0]])
        >>> pooled_mix(labels, np.ones(4), smoothing=0.01).round(2).tolist()
        [0.25, 0.75, 0.0]

    Source:
        EM for grouped multinomial counts: Dempster, Laird and Rubin, 1977, section 1.
    """
    counted, n_topics = np.flatnonzero(document_weights > 0), weights.shape[1]
    weights, document_weights = weights[counted], document_weights[counted]
    mix = np.full(n_topics, 1.0 / n_topics)
    owners = np.repeat(np.arange(weights.shape[0]), np.diff(weights.indptr))
    for _ in range(MAX_ITERATIONS):
        joint = weights.data * mix[weights.indices]
        totals = np.bincount(owners, joint, minlength=weights.shape[0])
        counts = np.bincount(weights.indices, joint * (document_weights / totals)[owners], minlength=n_topics)
        renewed = counts / counts.sum()
        converged = np.abs(renewed - mix).max() < 1e-9
        mix = renewed
        if converged:
            break
    counts = mix * document_weights.sum() + smoothing
    smoothed: np.ndarray = counts / counts.sum()
    return smoothed
