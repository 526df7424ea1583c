"""What a customer can do without hiercls: plain classifiers on its own documents alone, each tuned by cross-validation.

Knows scikit-learn; knows no taxonomy and no customer but the one at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import ComplementNB
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from hiercls.data.splitting import holdout
from hiercls.errors import IndivisibleError

VALIDATION, N_SPLITS = 0.2, 5
"""A baseline's strength of regularisation is chosen on this share of a customer's documents, this many times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A plain classifier and the strengths of regularisation that it is tuned over.

    Args:
        name: What it is called in tables.
        features: ``encodings`` of the frozen encoder, ``tfidf`` of the texts, or ``none``.
        classifier: An unfitted scikit-learn classifier.
        parameter: The name of its strength parameter; None: there is nothing to tune.
        values: The strengths to try.
    """

    name: str
    features: str
    classifier: Any
    parameter: str | None = None
    values: tuple[float, ...] = ()

    def candidates(self) -> list[Any]:
        """The classifier with each strength, unfitted."""
        if self.parameter is None:
            return [clone(self.classifier)]
        return [clone(self.classifier).set_params(**{self.parameter: value}) for value in self.values]


OWN_DATA = (
    Baseline(
        name="own data: same encoder + logistic regression",
        features="encodings",
        classifier=LogisticRegression(max_iter=2000),
        parameter="C",
        values=(0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3),
    ),
    Baseline(
        name="own data: TF-IDF + LinearSVC",
        features="tfidf",
        classifier=LinearSVC(dual=True, max_iter=5000),
        parameter="C",
        values=(0.03, 0.1, 0.3, 1.0, 3.0),
    ),
    Baseline(
        name="own data: TF-IDF + ComplementNB",
        features="tfidf",
        classifier=ComplementNB(),
        parameter="alpha",
        values=(0.01, 0.03, 0.1, 0.3, 1.0),
    ),
    Baseline(name="own data: majority class", features="none", classifier=DummyClassifier()),
)
"""The baselines that a customer's own data is given to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """Texts and their encodings.

    Args:
        texts: The texts.
        encodings: Shape (n_texts, width).
    """

    texts: Sequence[str]
    encodings: np.ndarray

    @classmethod
    def of(cls, texts: Sequence[str], encode: Callable[[Sequence[str]], np.ndarray] | None) -> Documents:
        """Texts, encoded where there is what encodes them, for baselines that read encodings; else of width 0."""
        return cls(texts=texts, encodings=np.empty((len(texts), 0)) if encode is None else encode(texts))

    def take(self, positions: np.ndarray) -> Documents:
        """Some of the documents, by position."""
        return Documents(texts=[self.texts[place] for place in positions], encodings=self.encodings[positions])


def predict_from_own_data(
    baseline: Baseline, training: Documents, labels: np.ndarray, test: Documents, *, seed: int
) -> np.ndarray:
    """Tune a baseline by cross-validation, fit it on all of a customer's documents, predict others.

    Args:
        baseline: The classifier and its strengths.
        training: The customer's documents.
        labels: Their classes, shape (n_training,).
        test: The documents to predict.
        seed: Seed of the tuning splits; duplicated texts stay on one side of each.

    Returns:
        Predicted classes, shape (n_test,).
    """
    if len(np.unique(labels)) == 1:
        return np.full(len(test.texts), labels[0])
    with threadpool_limits(limits=1):  # for the same reason as in estimator/fitting
        best = _tuned(baseline, training, labels, seed=seed)
        fitted_features = _features(baseline, training)
        predicted: np.ndarray = best.fit(fitted_features(training), labels).predict(fitted_features(test))
    return predicted


def best_of_own_data(
    training: Documents, labels: np.ndarray, test: Documents, truth: np.ndarray, *, seed: int
) -> np.ndarray:
    """Where a customer's own documents alone give the right class: the best baseline by the test, in its favour.

    Args:
        training: The customer's documents; where they have no encodings (width 0), words are read alone.
        labels: Their classes, shape (n_training,).
        test: The documents to predict.
        truth: Their classes, shape (n_test,).
        seed: Seed of the tuning splits.

    Returns:
        Whether the class is right, shape (n_test,).
    """
    usable = [one for one in OWN_DATA if one.features != "encodings" or training.encodings.shape[1]]
    right = [predict_from_own_data(one, training, labels, test, seed=seed) == truth for one in usable]
    return max(right, key=np.mean)


def _tuned(baseline: Baseline, training: Documents, labels: np.ndarray, *, seed: int) -> Any:
    """The candidate that does best on the held-out parts, unfitted; of equals, or where none can be, the middle one."""
    candidates = baseline.candidates()
    middle = candidates[len(candidates) // 2]
    if len(candidates) == 1:
        return middle
    scores = np.zeros(len(candidates))
    for split in range(N_SPLITS):
        try:
            kept, heldout = holdout(
                training.texts, strata=labels.tolist(), fraction=VALIDATION, seed=N_SPLITS * seed + split
            )
        except IndivisibleError:
            return middle
        if len(np.unique(labels[kept])) == 1:
            return middle
        features = _features(baseline, training.take(kept))
        inside, outside = features(training.take(kept)), features(training.take(heldout))
        scores += [clone(one).fit(inside, labels[kept]).score(outside, labels[heldout]) for one in candidates]
    equals = np.flatnonzero(np.isclose(scores, scores.max()))
    return candidates[equals[len(equals) // 2]]


def _features(baseline: Baseline, training: Documents) -> Callable[[Documents], Any]:
    """What turns documents into features, fitted on training documents."""
    if baseline.features == "tfidf":
        vectorizer = TfidfVectorizer(sublinear_tf=True)
        try:
            vectorizer.fit(training.texts)
        except ValueError:  # scikit-learn's word for texts without any word
            return lambda documents: csr_matrix((len(documents.texts), 1))
        return lambda documents: vectorizer.transform(documents.texts)
    if baseline.features == "encodings":
        return lambda documents: documents.encodings
    return lambda documents: np.zeros((len(documents.texts), 1))
