"""The two judges of words: naive Bayes and ridge regression, both in closed form from expected topics.

Knows features and topics' shares; knows no text, no label's set and no file.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator, cg
from torch import Tensor
from torch.nn.functional import embedding_bag

ENCODING_SHARE = 0.3
"""Length of an encoding beside a text's words, which have length 1; from .3 to 1 little changes."""
TOLERANCE = 1e-3
"""ε, the relative residual at which ridge regression stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What the two judges read of some documents: words, and an encoding of length ``ENCODING_SHARE``.

    Args:
        words: TF-IDF features, shape (n_documents, n_terms), rows of length 1 or 0.
        encodings: h, shape (n_documents, width), rows of length √width; of no width where they are not read.
        centre: What both are measured from, shape (n_terms + width,); None: from 0.
    """

    words: csr_array
    encodings: np.ndarray
    centre: np.ndarray | None = None

    @property
    def share(self) -> float:
        """What an encoding is multiplied by."""
        return ENCODING_SHARE / math.sqrt(max(1, self.encodings.shape[1]))

    def take(self, documents: np.ndarray) -> Features:
        """The features of some documents."""
        return dataclasses.replace(self, words=self.words[documents], encodings=self.encodings[documents])

    def centred(self) -> Features:
        """The same features, measured from their mean."""
        means = (np.asarray(self.words.mean(axis=0)).ravel(), self.share * self.encodings.mean(axis=0))
        return dataclasses.replace(self, centre=np.concatenate(means))

    def offset(self, weights: np.ndarray) -> np.ndarray:
        """What the centre takes off every document's scores, ``−Σ_f c_f · w_ft``; shape (n_topics,), float32."""
        if self.centre is None:
            return np.zeros(weights.shape[1], dtype=np.float32)
        offset: np.ndarray = -(self.centre[: len(weights)] @ weights).astype(np.float32)
        return offset

    def scores(self, weights: np.ndarray) -> Tensor:
        """``Σ_f (x_f − c_f) · w_ft``.

        Args:
            weights: w, shape (n_terms + width, n_topics) or, for words alone, (n_terms, n_topics).

        Returns:
            Shape (n_documents, n_topics), float32.
        """
        n_terms = self.words.shape[1]
        scores = _product(self.words, weights[:n_terms]) + self.offset(weights)
        if len(weights) > n_terms:
            scores = scores + self.share * (self.encodings @ weights[n_terms:])
        return torch.from_numpy(np.asarray(scores, dtype=np.float32))


def log_odds(features: csr_array, topics: csr_array, weights: np.ndarray, *, smoothing: float) -> np.ndarray:
    """Naive Bayes from expected counts: how much likelier a term is in a topic than outside of it.

    ``r_wt = log θ_tw − log θ_¬tw``, ``θ_tw ∝ N_tw + α`` and ``θ_¬tw ∝ Σ_i w_i x_iw − N_tw + α`` over the terms w, where
    ``N_tw = Σ_i q_i(t) x_iw``.

    Args:
        features: x, shape (n_documents, n_terms), non-negative.
        topics: q, expected topics of the documents times their weights, shape (n_documents, n_topics).
        weights: w, shape (n_documents,).
        smoothing: α.

    Returns:
        r, shape (n_terms, n_topics), float32.

    Example:
        >>> x, q = csr_array([[1.0, 0.0], [0.0, 1.0]]), csr_array([[1.0, 0.0], [0.0, 1.0]])
        >>> (log_odds(x, q, np.ones(2), smoothing=1.0) / np.log(2)).round(6).tolist()
        [[1.0, -1.0], [-1.0, 1.0]]

    Source:
        The complement of a topic: Rennie et al., ICML 2003, section 3.1.
    """
    inside = np.asarray((features.T @ topics).toarray(), dtype=np.float64)
    outside = np.asarray(features.T @ weights)[:, None] - inside
    log_inside, log_outside = (_log_shares(counts.clip(min=0.0) + smoothing) for counts in (inside, outside))
    odds: np.ndarray = log_inside - log_outside
    return odds


def ridge(features: Features, topics: csr_array, weights: np.ndarray) -> np.ndarray:
    """Ridge regression of expected topics on words and encodings.

    ``argmin_W Σ_i w_i · ‖q_i − x_i W‖² + ‖W‖²``

    Args:
        features: x, of n_documents.
        topics: q, expected topics of the documents times their weights, shape (n_documents, n_topics).
        weights: w, shape (n_documents,), positive.

    Returns:
        W, shape (n_terms + width, n_topics), float32.

    Example:
        >>> x = Features(words=csr_array([[1.0, 0.0], [0.0, 1.0]]), encodings=np.empty((2, 0)))
        >>> ridge(x, csr_array([[1.0, 0.0], [0.0, 1.0]]), np.ones(2)).tolist()
        [[0.5, 0.0], [0.0, 0.5]]

    Source:
        Hoerl and Kennard, Technometrics 1970, by its dual, ``W = Xᵀ A`` with ``(X Xᵀ + 1) A = Q`` (Saunders et al.,
        ICML 1998, section 2): where A's residual is ε ‖Q‖, W is ½ ε ‖Q‖ from the solution at most. One run of conjugate
        gradients solves for all topics at once, many times as fast as scikit-learn's ``Ridge(solver="sparse_cg")`` with
        its run for each.
    """
    root = np.sqrt(weights).astype(np.float32)[:, None]
    words = csr_array(features.words.multiply(root), dtype=np.float32)
    encodings = (features.share * root * features.encodings).astype(np.float32)
    words_across, n_terms = csr_array(words.T), words.shape[1]
    wanted = np.asarray(topics.toarray() / root, dtype=np.float32)

    def across(errors: np.ndarray) -> np.ndarray:
        return np.concatenate([_product(words_across, errors), encodings.T @ errors])

    def normal(flat: np.ndarray) -> np.ndarray:
        errors = flat.reshape(wanted.shape).astype(np.float32)
        learnt = across(errors)
        said: np.ndarray = _product(words, learnt[:n_terms]) + encodings @ learnt[n_terms:]
        return (said + errors).ravel()

    operator = LinearOperator((wanted.size, wanted.size), matvec=normal, dtype=np.float32)
    solution, _ = cg(operator, wanted.ravel(), rtol=TOLERANCE)
    return across(solution.reshape(wanted.shape).astype(np.float32))


def _product(words: csr_array, dense: np.ndarray) -> np.ndarray:
    """A sparse matrix times a dense one by torch's sums of embeddings, two to three times as fast as by SciPy.

    A row's entries say which rows of the dense matrix are summed, and how much each weighs.
    """
    parts = (words.indices, words.indptr, words.data.astype(dense.dtype, copy=False))
    places, starts, shares = (torch.from_numpy(part) for part in parts)
    rows = torch.from_numpy(np.ascontiguousarray(dense))
    summed = embedding_bag(places, rows, starts, per_sample_weights=shares, mode="sum", include_last_offset=True)
    product: np.ndarray = summed.numpy()
    return product


def _log_shares(counts: np.ndarray) -> np.ndarray:
    """The logarithm of each term's share of its column's sum, float32."""
    total = np.log(counts.sum(axis=0, keepdims=True)).astype(np.float32)
    shares: np.ndarray = np.log(counts.astype(np.float32)) - total
    return shares
