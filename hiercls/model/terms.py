"""Which terms of a text are read, and how they are weighted: sparse TF-IDF features.

Knows scikit-learn's vectorizer; knows no label, no topic and no network.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from numbers import Integral

import numpy as np
from scipy.sparse import csr_array, vstack
from sklearn.feature_extraction.text import CountVectorizer

from hiercls.errors import ConfigError
from hiercls.names import composed

WORD = r"\w\w+"
"""A word of two letters or more. It is what scikit-learn's own pattern finds, without asking for its ends."""
N_COUNTED, _MANY = 4096, np.iinfo(np.int32).max
"""Texts whose words are counted at a time; columns of which there are enough for any terms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LexicalConfig:
    """What the lexical branch reads.

    Args:
        min_customers: Customers that must use a term for it to be kept, so that nobody's own words show in a model
            that others use; where fewer customers bring documents, all of them must.
        max_words: Longest term: 1 for single words, 2 for pairs of words too.
        max_terms: How many terms are kept; those that most documents use.
        smoothing: Weight that naive Bayes adds to every term in every topic, from 1e-30 on, in units of one document of
            that term alone.

    Raises:
        ConfigError: If a value is out of range.
    """

    min_customers: int = 2
    max_words: int = 1
    max_terms: int = 100_000
    smoothing: float = 0.01

    def __post_init__(self) -> None:
        counts = {name: getattr(self, name) for name in ("min_customers", "max_words", "max_terms")}
        if any(not isinstance(count, Integral) or count < 1 for count in counts.values()):
            raise ConfigError(f"expected whole numbers >= 1, got {counts}")
        if not 1e-30 <= self.smoothing <= 1e30:
            raise ConfigError(f"expected a smoothing from 1e-30 to 1e30, got {self.smoothing}")


@dataclass(frozen=True, kw_only=True)
class Terms:
    """The terms that a model knows, and their inverse document frequencies.

    ``x_w ∝ (1 + log n_w) · idf_w``, n_w the term's count in the text, scaled to length 1.

    Args:
        names: The terms, sorted.
        idf: Inverse document frequency of each, shape (n_terms,), float32.
        max_words: Longest term, in words.

    Example:
        >>> terms = Terms.fit(["red fox", "red hen"], customers=["one", "two"], config=LexicalConfig())
        >>> terms.names
        ('red',)
        >>> terms.features(["Red red hen!", ""]).toarray().tolist()
        [[1.0], [0.0]]
    """

    names: tuple[str, ...]
    idf: np.ndarray
    max_words: int

    @classmethod
    def fit(cls, texts: Sequence[str], *, customers: Sequence[str] | np.ndarray, config: LexicalConfig) -> Terms:
        """The terms of texts that enough customers use; see :meth:`read`."""
        return cls.read(texts, customers=customers, config=config)[0]

    @classmethod
    def read(
        cls, texts: Sequence[str], *, customers: Sequence[str] | np.ndarray, config: LexicalConfig
    ) -> tuple[Terms, csr_array]:
        """The terms of texts that enough customers use, and the texts' features: words are counted once for both.

        Args:
            texts: The texts.
            customers: Whose each of them is, shape (n_texts,); an empty name: no customer's, so that it counts as none.
            config: Which terms are kept.

        Returns:
            The terms, of which there are none where no text has a word that enough customers use; and what
            :meth:`features` says of the texts.
        """
        numbers: defaultdict[str, int] = defaultdict()
        numbers.default_factory = numbers.__len__
        met = _counts(texts, _analyzer(config.max_words), lambda words: map(numbers.__getitem__, words))
        names = sorted(numbers)
        rank = np.empty(len(names), dtype=met.indices.dtype)
        rank[[numbers[name] for name in names]] = np.arange(len(names))
        counts = csr_array((met.data, rank[met.indices], met.indptr), shape=(len(texts), len(names)))
        counts.sort_indices()
        used = csr_array(counts > 0)
        found, owner = np.unique(np.asarray(customers), return_inverse=True)
        owners = csr_array((np.ones(len(texts)), (owner, np.arange(len(texts)))), shape=(len(found), len(texts)))
        own = found != ""
        n_users = np.asarray((owners @ used > 0)[own].sum(axis=0)).ravel()
        n_documents = np.asarray(used.sum(axis=0)).ravel()
        kept = np.flatnonzero(n_users >= min(config.min_customers, own.sum()))
        kept = np.sort(kept[np.argsort(-n_documents[kept], kind="stable")[: config.max_terms]])
        n_documents = n_documents[kept]
        terms = cls(
            names=tuple(names[number] for number in kept),
            idf=(np.log((1 + len(texts)) / (1 + n_documents)) + 1).astype(np.float32),
            max_words=config.max_words,
        )
        return terms, terms._weighted(csr_array(counts[:, kept]))

    def __len__(self) -> int:
        """Number of terms."""
        return len(self.names)

    def features(self, texts: Sequence[str]) -> csr_array:
        """The TF-IDF features of texts.

        Args:
            texts: The texts.

        Returns:
            Shape (n_texts, n_terms), float32; rows of length 1, or 0 where a text has none of the terms.
        """
        if not len(texts) or not self.names:
            return csr_array((len(texts), len(self)), dtype=np.float32)
        counts = _counts(texts, self._analyzer, lambda words: map(self._numbers.get, words, repeat(-1)))
        return self._weighted(csr_array((counts.data, counts.indices, counts.indptr), shape=(len(texts), len(self))))

    def scores(self, texts: Sequence[str], weights: np.ndarray) -> np.ndarray:
        """What the words of texts say, ``Σ_w x_w · v_wt``.

        Args:
            texts: The texts.
            weights: v, shape (n_terms, n_topics), float32.

        Returns:
            Shape (n_texts, n_topics), float32.
        """
        return np.asarray(self.features(texts) @ weights, dtype=np.float32)

    def _weighted(self, counts: csr_array) -> csr_array:
        """``x_w ∝ (1 + log n_w) · idf_w`` from counts n, shape (n_texts, n_terms), float32."""
        weights = (1 + np.log(counts.data)) * self.idf[counts.indices]
        squares = csr_array((weights**2, counts.indices, counts.indptr), shape=counts.shape)
        weights /= np.repeat(np.sqrt(squares.sum(axis=1)), np.diff(counts.indptr))
        return csr_array((weights, counts.indices, counts.indptr), shape=counts.shape)

    @cached_property
    def _analyzer(self) -> Callable[[str], list[str]]:
        """What tells the terms of a text."""
        return _analyzer(self.max_words)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        """Each term's column."""
        return {name: number for number, name in enumerate(self.names)}


def _analyzer(max_words: int) -> Callable[[str], list[str]]:
    """What tells the terms of a text, in its order."""
    vectorizer = CountVectorizer(ngram_range=(1, max_words), preprocessor=_written_alike, token_pattern=WORD)
    analyzer: Callable[[str], list[str]] = vectorizer.build_analyzer()
    return analyzer


def _counts(
    texts: Sequence[str], terms_of: Callable[[str], list[str]], numbered: Callable[[list[str]], Iterable[int]]
) -> csr_array:
    """How often texts have terms, some texts at a time; scikit-learn's vectorizer takes a Python step for every word.

    Args:
        texts: The texts.
        terms_of: What tells the terms of a text.
        numbered: The columns of terms; −1 for what is not counted.

    Returns:
        Shape (n_texts, more than there are terms), float32, columns in order.
    """
    parts = []
    for start in range(0, len(texts), N_COUNTED):
        found = [np.fromiter(numbered(terms_of(text)), dtype=np.int32) for text in texts[start : start + N_COUNTED]]
        columns, sizes = np.concatenate(found), [len(one) for one in found]
        owners = np.repeat(np.arange(len(found), dtype=np.int32), sizes)
        known = columns >= 0
        entries = (np.ones(known.sum(), dtype=np.float32), (owners[known], columns[known]))
        parts.append(csr_array(entries, shape=(len(found), _MANY)))
    return parts[0] if len(parts) == 1 else csr_array(vstack(parts or [csr_array((0, _MANY))], format="csr"))


def _written_alike(text: str) -> str:
    """A text in small letters, composed: "é" is one letter however it is typed."""
    return composed(text.lower())
