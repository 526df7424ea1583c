"""Foretelling gains: as published, over random folds of pairs; and mended, with every main task left out in turn.

Knows features, gains and groups of pairs as arrays; knows no document and no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import KFold, LeaveOneGroupOut, cross_val_predict, cross_val_score
from sklearn.preprocessing import StandardScaler

N_SHUFFLES, N_FOLDS = 100, 5
ALPHAS = np.logspace(0, 5, 11)


def published_accuracy(features: np.ndarray, helps: np.ndarray, *, n_shuffles: int = N_SHUFFLES) -> np.ndarray:
    """Accuracy of logistic regression on scaled features, over shuffled folds of pairs, as published.

    Args:
        features: Shape (n_pairs, n_features).
        helps: Whether each pair's main task gained, shape (n_pairs,).
        n_shuffles: How often the pairs are shuffled and dealt to five folds.

    Returns:
        The mean accuracy of each shuffle, shape (n_shuffles,).
    """
    scaled = StandardScaler().fit_transform(features)
    folds = [KFold(N_FOLDS, shuffle=True, random_state=seed) for seed in range(n_shuffles)]
    return np.array([cross_val_score(LogisticRegression(), scaled, helps, cv=fold).mean() for fold in folds])


def coefficients(features: np.ndarray, helps: np.ndarray) -> np.ndarray:
    """The coefficients of logistic regression on all pairs, features scaled, shape (n_features,)."""
    fitted: np.ndarray = LogisticRegression().fit(StandardScaler().fit_transform(features), helps).coef_[0]
    return fitted


def inverse_ranks(weights: np.ndarray) -> np.ndarray:
    """1 for the feature with the largest coefficient, 1/2 for the next, and so on.

    Args:
        weights: Coefficients, shape (n_features,).

    Returns:
        An array of the same shape.

    Example:
        >>> inverse_ranks(np.array([0.1, -3.0])).tolist()
        [0.5, 1.0]
    """
    ranks = np.empty(len(weights))
    ranks[np.argsort(-np.abs(weights), kind="stable")] = np.arange(1, len(weights) + 1)
    return 1 / ranks


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How good a forecast is, repeat by repeat.

    Args:
        auc: How well it tells gains from losses; .5 is chance.
        spearman: Rank correlation with the size of the gain.
    """

    auc: tuple[float, ...]
    spearman: tuple[float, ...]


def quality(likelihood: np.ndarray, size: np.ndarray, gains: np.ndarray) -> Quality:
    """Judge forecasts.

    Args:
        likelihood: The higher, the likelier a gain, shape (n_repeats, n_pairs).
        size: The forecast gain, of the same shape.
        gains: The gains, of the same shape.

    Returns:
        How good they are; what is constant is as good as chance.
    """
    auc = [float(roc_auc_score(truth > 0, said)) for said, truth in zip(likelihood, gains, strict=True)]
    ranks = []
    for said, truth in zip(size, gains, strict=True):
        constant = np.ptp(said) == 0
        ranks.append(0.0 if constant else float(spearmanr(said, truth).statistic))
    return Quality(auc=tuple(auc), spearman=tuple(ranks))


def one_main_left_out(features: np.ndarray, gains: np.ndarray, mains: Sequence[int]) -> Quality:
    """Foretell every main task's gains from pairs of other main tasks alone.

    Repeats are stacked, so that a task that is left out is left out of all of them. Features are scaled on what is
    learnt from. Gains or losses are told by logistic regression, sizes by ridge regression whose strength is chosen
    there. Intercepts are not counted: the mean of what is left falls where the task that is left out gains, which would
    put forecasts that know nothing far below chance.

    Args:
        features: Shape (n_repeats, n_pairs, n_features).
        gains: Shape (n_repeats, n_pairs).
        mains: The number of each pair's main task, n_pairs.

    Returns:
        How good the forecasts are.
    """
    stacked, truth, groups = np.concatenate(features), gains.ravel(), np.tile(mains, len(gains))
    likely, size = np.zeros(len(truth)), np.zeros(len(truth))
    for learnt, told in LeaveOneGroupOut().split(stacked, truth, groups):
        scaler = StandardScaler().fit(stacked[learnt])
        inside, outside = scaler.transform(stacked[learnt]), scaler.transform(stacked[told])
        likely[told] = outside @ LogisticRegression(max_iter=1000).fit(inside, truth[learnt] > 0).coef_[0]
        size[told] = outside @ RidgeCV(ALPHAS).fit(inside, truth[learnt]).coef_
    return quality(likely.reshape(gains.shape), size.reshape(gains.shape), gains)


def other_repeats(gains: np.ndarray) -> Quality:
    """The ceiling that noise sets: each repeat's gains foretold by the mean of the others'.

    Args:
        gains: Shape (n_repeats, n_pairs), at least two repeats.

    Returns:
        How good that forecast is.
    """
    others = (gains.sum(axis=0) - gains) / (len(gains) - 1)
    return quality(others, others, gains)


def identity_over_random_folds(identity: np.ndarray, gains: np.ndarray) -> Quality:
    """What knowing the main task alone is worth where its other pairs may be learnt from, as in random folds of pairs.

    Args:
        identity: Which main task each pair has, one-hot, shape (n_pairs, n_tasks).
        gains: Shape (n_repeats, n_pairs).

    Returns:
        How good that forecast is.
    """
    folds = KFold(N_FOLDS, shuffle=True, random_state=0)
    said = np.stack([cross_val_predict(RidgeCV(ALPHAS), identity, some, cv=folds) for some in gains])
    return quality(said, said, gains)


def one_hot(numbers: Sequence[int]) -> np.ndarray:
    """The identity of something as features, shape (n_pairs, n_different).

    Args:
        numbers: A number a pair.

    Returns:
        A column for each number that occurs.

    Example:
        >>> one_hot([7, 1, 7]).tolist()
        [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]
    """
    different, places = np.unique(numbers, return_inverse=True)
    return np.eye(len(different))[places]
