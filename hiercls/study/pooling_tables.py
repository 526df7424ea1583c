"""The pooling study's figures: gains from runs, the tables as published, the mended one.

Knows runs, features and forecasts; knows no file and no Markdown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hiercls.study.pooling_features import FEATURES, SUBSETS
from hiercls.study.pooling_forecast import (
    Quality,
    coefficients,
    identity_over_random_folds,
    inverse_ranks,
    one_hot,
    one_main_left_out,
    other_repeats,
    published_accuracy,
)
from hiercls.study.pooling_networks import Trained
from hiercls.study.pooling_sweep import Run
from hiercls.study.pooling_tasks import Pair

TOPICS = "which topics both tasks tell apart"
"""A forecast by what other tasks with some of these topics gained."""

EPOCHS = (80, 100)
"""At which F1 is read: by the public code, and by the paper's words."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scores:
    """F1 of the main tasks of some pairs, repeat by repeat.

    Args:
        alone: Learnt alone, shape (n_repeats, n_pairs).
        beside: Learnt beside the auxiliary, of the same shape.
    """

    alone: np.ndarray
    beside: np.ndarray

    @property
    def gains(self) -> np.ndarray:
        """What the auxiliary brings, shape (n_repeats, n_pairs)."""
        gains: np.ndarray = self.beside - self.alone
        return gains

    def table(self) -> dict[str, list[float]]:
        """Mean F1 alone and beside, and the share of pairs that gain, one value a repeat."""
        rows = {"alone": self.alone, "beside": self.beside, "share of gains": self.gains > 0}
        return {name: [round(float(value), 5) for value in values.mean(axis=1)] for name, values in rows.items()}


def scores_at(
    runs: Mapping[Run, Trained], pairs: Sequence[Pair], repeats: Sequence[int], *, epoch: int, every: int
) -> Scores:
    """Read F1 off the runs.

    Args:
        runs: How each network did.
        pairs: The pairs.
        repeats: The repeats.
        epoch: After how many epochs.
        every: After how many each F1 was taken.

    Returns:
        The scores.
    """
    place = epoch // every - 1
    alone = [[runs[repeat, (pair.main,)].f1[0, place] for pair in pairs] for repeat in repeats]
    beside = [[runs[repeat, pair.tasks].f1[pair.tasks.index(pair.main), place] for pair in pairs] for repeat in repeats]
    return Scores(alone=np.array(alone), beside=np.array(beside))


def affinities(runs: Mapping[Run, Trained], pairs: Sequence[Pair], repeat: int) -> np.ndarray:
    """How the gradients of each pair's tasks agree in their joint run: how far main and auxiliary serve each other.

    Args:
        runs: How each network did.
        pairs: The pairs.
        repeat: Which repeat.

    Returns:
        What a step for the auxiliary takes off the main task's loss, and the other way round, shape (n_pairs, 2).
    """
    found = []
    for pair in pairs:
        affinity, main = runs[repeat, pair.tasks].affinity, pair.tasks.index(pair.main)
        found.append([affinity[main, 1 - main], affinity[1 - main, main]])
    return np.array(found)


def curves(runs: Mapping[Run, Trained], pairs: Sequence[Pair], repeats: Sequence[int]) -> dict[str, list[list[float]]]:
    """Mean F1 of the main tasks by epoch, alone and beside the auxiliary, as far as both were trained.

    Args:
        runs: How each network did.
        pairs: The pairs.
        repeats: The repeats.

    Returns:
        For each repeat one value each time that networks were tested.
    """
    alone = [[runs[repeat, (pair.main,)].f1[0] for pair in pairs] for repeat in repeats]
    beside = [[runs[repeat, pair.tasks].f1[pair.tasks.index(pair.main)] for pair in pairs] for repeat in repeats]
    length = min(len(alone[0][0]), len(beside[0][0]))
    found = {"alone": np.array(alone), "beside": np.array(beside)}
    return {name: values.mean(axis=1)[:, :length].round(4).tolist() for name, values in found.items()}


def published(features: np.ndarray, gains: np.ndarray, *, n_shuffles: int) -> dict[str, Any]:
    """The forecasts as published, repeat by repeat.

    Args:
        features: Shape (n_repeats, n_pairs, 30).
        gains: Shape (n_repeats, n_pairs).
        n_shuffles: How often pairs are shuffled and dealt to five folds.

    Returns:
        Accuracy by group of features and of the constant, and ranks and coefficients by feature, one value a repeat.
    """
    helps = gains > 0
    accuracy = {"the constant answer": [float(max(some.mean(), 1 - some.mean())) for some in helps]}
    for name, places in SUBSETS.items():
        accuracy[name] = [
            float(published_accuracy(some[:, places], truth, n_shuffles=n_shuffles).mean())
            for some, truth in zip(features, helps, strict=True)
        ]
    weights = np.stack([coefficients(some, truth) for some, truth in zip(features, helps, strict=True)])
    ranks = np.stack([inverse_ranks(some) for some in weights])
    by_feature = {
        name: {"inverse rank": ranks[:, place].round(4).tolist(), "coefficient": weights[:, place].round(4).tolist()}
        for place, name in enumerate(FEATURES)
    }
    return {"accuracy": accuracy, "features": by_feature}


def topics_of(pairs: Sequence[Pair]) -> np.ndarray:
    """Which topics the main task tells apart, and which its auxiliary.

    Args:
        pairs: The pairs.

    Returns:
        Ones and zeros, shape (n_pairs, 2 · n_topics).

    Example:
        >>> topics_of([Pair(main=("a", "b"), auxiliary=("c", "d"))]).tolist()
        [[1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0]]
    """
    topics = sorted({topic for pair in pairs for task in pair.tasks for topic in task})
    return np.array([[float(topic in task) for task in pair.roles for topic in topics] for pair in pairs])


def mended(
    features: Mapping[str, np.ndarray], pairs: Sequence[Pair], gains: np.ndarray, alone: np.ndarray
) -> dict[str, Quality]:
    """The forecasts with every main task left out in turn, beside what they must beat and cannot beat.

    Args:
        features: Groups of features by name, each of shape (n_repeats, n_pairs, n_features).
        pairs: The pairs.
        gains: Shape (n_repeats, n_pairs).
        alone: F1 of the main tasks alone, of the same shape.

    Returns:
        How good each forecast is.
    """
    tasks = sorted({task for pair in pairs for task in pair.tasks})
    mains, auxiliaries = ([tasks.index(task) for task in some] for some in zip(*(p.roles for p in pairs), strict=True))
    constant = Quality(auc=(0.5,) * len(gains), spearman=(0.0,) * len(gains))
    found = {
        "the constant 'it helps', or which main task it is": constant,
        "which main task it is, over random folds": identity_over_random_folds(one_hot(mains), gains),
        "which auxiliary it is": one_main_left_out(np.repeat(one_hot(auxiliaries)[None], len(gains), 0), gains, mains),
    }
    known = np.repeat(topics_of(pairs)[None], len(gains), axis=0)
    more = {TOPICS: known}
    if "transfer" in features:
        more["these topics, and transfer"] = np.concatenate([known, features["transfer"]], axis=-1)
    for name, group in {**features, **more}.items():
        found[name] = one_main_left_out(group, gains, mains)
    found["the single run's own F1, whose noise is the gain's"] = one_main_left_out(alone[..., None], gains, mains)
    if len(gains) > 1:
        found["the other repeats' mean gain (ceiling)"] = other_repeats(gains)
    return found
