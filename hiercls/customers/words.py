"""Words for a repurposer: as a layer beside the encoder's, and as what unlabelled documents teach it.

Knows texts, classes by position and what a head said; knows no encoder and no taxonomy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.utils.validation import check_is_fitted

from hiercls.customers.em import Array

SMOOTHING, WEIGHT, N_ROUNDS = 0.01, 0.3, 2
"""What naive Bayes adds to every count, what its opinion is multiplied by, and how often documents are counted.
With more rounds a class that resembles another loses its documents to it: see the log."""


class WordLayer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """TF-IDF as a few dense columns, which lose nothing that a head could learn from the labelled documents.

    ``z = X_n Xᵀ U Λ^(−½)``, ``X Xᵀ = U Λ Uᵀ`` of the fitted documents X: inner products with them are those of the
    words, and a head with an L2 or a kernel asks for no others.

    Args:
        background: Other texts, unlabelled, that tell common words from rare ones.

    Example:
        >>> layer = WordLayer().fit(["ice hockey", "old cars"])
        >>> words = layer.transform(["hockey", "cars"])
        >>> (words @ words.T).round(2).tolist()
        [[0.5, 0.0], [0.0, 0.5]]
    """

    def __init__(self, background: Iterable[str] = ()) -> None:
        self.background = background

    def fit(self, texts: Sequence[str], labels: Any = None) -> Self:
        """Weigh the words, and find the columns.

        Args:
            texts: The labelled documents.
            labels: Not read.

        Returns:
            The layer.
        """
        self.words_ = TfidfVectorizer(sublinear_tf=True)
        self.words_.fit([*texts, *self.background])
        self.documents_ = csr_array(self.words_.transform(texts))
        values, vectors = np.linalg.eigh((self.documents_ @ self.documents_.T).toarray())
        seen = values > 1e-9
        self.rotation_ = vectors[:, seen] / np.sqrt(values[seen])
        return self

    def transform(self, texts: Sequence[str]) -> Array:
        """The columns.

        Args:
            texts: Any texts.

        Returns:
            Shape (n_texts, n_columns), n_columns the number of fitted documents at most.
        """
        check_is_fitted(self, "rotation_")
        columns: Array = (csr_array(self.words_.transform(texts)) @ self.documents_.T).toarray() @ self.rotation_
        return columns


def learnt_from_unlabelled(
    said: ArrayLike, unlabelled: Sequence[str], *, labelled: Sequence[str], classes: ArrayLike
) -> Array:
    """Log-probabilities of unlabelled documents, after their words were counted by class.

    ``log q_i(k) = log p(k|x_i) + .3 Σ_w c_iw log θ_kw`` up to a constant, ``θ_kw ∝ .01 + Σ_i q_i(k) c_iw``,
    ``c = log(1 + count)``: two rounds of EM, in which the labelled documents keep their classes. A word that one
    document alone has is left out: it could but repeat what its document is held to be.

    Args:
        said: log p(k|x) by a head, of the unlabelled documents, shape (n_unlabelled, n_classes).
        unlabelled: Their texts.
        labelled: The labelled documents' texts.
        classes: Their classes by position, shape (n_labelled,).

    Returns:
        Log-probabilities, shape (n_unlabelled, n_classes).

    Example:
        >>> head = np.log([[0.9, 0.1], [0.1, 0.9], [0.5, 0.5]])
        >>> texts = ["goal puck ice", "engine oil ice", "puck"]
        >>> learnt_from_unlabelled(head, texts, labelled=["goal", "oil"], classes=[0, 1]).argmax(axis=1).tolist()
        [0, 1, 0]

    Source:
        Nigam et al., "Text classification from labeled and unlabeled documents using EM", Machine Learning 2000.
    """
    opinion = np.asarray(said, dtype=np.float64)
    counts = csr_array(CountVectorizer(min_df=2, dtype=np.float64).fit_transform([*labelled, *unlabelled]))
    counts.data = np.log1p(counts.data)
    known = np.eye(opinion.shape[1])[np.asarray(classes, dtype=np.int64)]
    return _counted(log_softmax(opinion, axis=1), counts, known)


def _counted(opinion: Array, counts: csr_array, known: Array) -> Array:
    """The rounds; the first rows of the counts are the known documents'."""
    across, others = csr_array(counts.T), counts[len(known) :]
    found = opinion
    for _ in range(N_ROUNDS):
        totals = across @ np.concatenate([known, np.exp(found)]) + SMOOTHING
        found = log_softmax(opinion + WEIGHT * (others @ np.log(totals / totals.sum(axis=0))), axis=1)
    return found
