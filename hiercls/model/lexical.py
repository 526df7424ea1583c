"""The lexical branch: naive Bayes on a text's words, added to what the encoder says.

An encoder reads what a text means, and drops what it has not met: names, hosts, codes, part numbers. Words keep them.
Knows terms and counts; knows no label's set and no training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from hiercls.model.terms import Terms


@dataclass(frozen=True, kw_only=True)
class LexicalBranch:
    """What words say about topics, and how much it counts beside the encoder.

    ``log p(t|x) = log_softmax_t( a · log p_encoder(t|x) + b · Σ_w x_w · r_wt )``, r as :func:`log_odds` has it.

    Args:
        terms: The terms, and how they become features x.
        odds: r, shape (n_terms, n_topics), float32.
        scales: (a, b): the weight of the encoder, and of the words.
    """

    terms: Terms
    odds: np.ndarray
    scales: tuple[float, float]

    def topics(self, texts: Sequence[str], encoder: Tensor | None) -> Tensor:
        """Log p(t|x).

        Args:
            texts: The texts.
            encoder: What the encoder says of them, log p(t|x) of shape (n_texts, n_topics); None: there is none.

        Returns:
            Shape (n_texts, n_topics), float32.
        """
        return join(encoder, word_scores(self.terms.features(texts), self.odds), self.scales)


def log_odds(features: csr_array, topics: csr_array, *, smoothing: float) -> np.ndarray:
    """Naive Bayes from expected counts: how much likelier a term is in a topic than outside of it.

    ``r_wt = log θ_tw − log θ_¬tw``, ``θ_tw ∝ N_tw + α`` and ``θ_¬tw ∝ Σ_s≠t N_sw + α`` over the terms w, where
    ``N_tw = Σ_i q_i(t) x_iw``; centred over the topics, which changes no probability.

    Args:
        features: x, shape (n_documents, n_terms), non-negative.
        topics: q, expected topics of the documents times their weights, shape (n_documents, n_topics).
        smoothing: α.

    Returns:
        r, shape (n_terms, n_topics), float32.

    Example:
        >>> x, q = csr_array([[1.0, 0.0], [0.0, 1.0]]), csr_array([[1.0, 0.0], [0.0, 1.0]])
        >>> (log_odds(x, q, smoothing=1.0) / np.log(2)).round(6).tolist()
        [[1.0, -1.0], [-1.0, 1.0]]

    Source:
        The complement of a topic: Rennie et al., ICML 2003, section 3.1.
    """
    inside = np.asarray((features.T @ topics).toarray(), dtype=np.float64)
    outside = inside.sum(axis=1, keepdims=True) - inside
    log_inside, log_outside = (_log_shares(counts.clip(min=0.0) + smoothing) for counts in (inside, outside))
    odds = log_inside - log_outside
    centred: np.ndarray = (odds - odds.mean(axis=1, keepdims=True)).astype(np.float32)
    return centred


def word_scores(features: csr_array, odds: np.ndarray) -> Tensor:
    """``Σ_w x_w · r_wt``.

    Args:
        features: x, shape (n_documents, n_terms).
        odds: r, shape (n_terms, n_topics).

    Returns:
        Shape (n_documents, n_topics), float32.
    """
    return torch.from_numpy(np.asarray(features @ odds, dtype=np.float32))


def join(encoder: Tensor | None, words: Tensor, scales: Sequence[float] | Tensor) -> Tensor:
    """Two opinions on the topics as one.

    ``log_softmax( a · log p_encoder + b · words )``

    Args:
        encoder: log p(t|x), shape (n_documents, n_topics); None: words alone.
        words: Word scores, shape (n_documents, n_topics).
        scales: (a, b).

    Returns:
        log p(t|x), shape (n_documents, n_topics).

    Example:
        >>> join(torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.0, 1.0]]), (1.0, 2.0)).exp()
        tensor([[0.1192, 0.8808]])
    """
    joined = scales[1] * words
    if encoder is not None:
        joined = joined + scales[0] * encoder
    return joined.log_softmax(dim=-1)


def _log_shares(counts: np.ndarray) -> np.ndarray:
    """The logarithm of each term's share of its column's sum."""
    shares: np.ndarray = np.log(counts) - np.log(counts.sum(axis=0, keepdims=True))
    return shares
