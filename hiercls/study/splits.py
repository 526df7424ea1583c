"""A user's labelled documents, divided into those to learn from and those to be tested on.

Knows labelled documents; knows no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hiercls.data.rows import thread_marks
from hiercls.data.splitting import holdout
from hiercls.study.labelled import Labelled, known_at
from hiercls.taxonomy import Taxonomy


@dataclass(frozen=True, kw_only=True)
class Split:
    """One division of the documents.

    Args:
        taxonomy: The map.
        training: The documents to learn from.
        test: The documents to be tested on.
        places: Where each test document stands among all that may be tested on, shape (n_test,).
        seed: Seed of the division and of all training.
    """

    taxonomy: Taxonomy
    training: Labelled
    test: Labelled
    places: np.ndarray
    seed: int

    @cached_property
    def views(self) -> tuple[str, ...]:
        """The levels and customers at which some test document's class is known."""
        return tuple(
            name for name in self.taxonomy.views if len(known_at(self.taxonomy, self.test.labels, name).documents)
        )


def random_splits(taxonomy: Taxonomy, documents: Labelled, *, fraction: float, seeds: Sequence[int]) -> list[Split]:
    """Hold documents out at random, label by label; threads and equal texts stay on one side.

    Args:
        taxonomy: The map.
        documents: All labelled documents.
        fraction: The share to be tested on.
        seeds: A split each.

    Returns:
        The splits.

    Raises:
        ConfigError: If the documents cannot be divided.
    """
    strata = [(row.customer, row.labels) for row in documents.rows]
    threads = thread_marks(documents.rows)
    splits = []
    for seed in seeds:
        training, test = holdout(documents.texts, groups=threads, strata=strata, fraction=fraction, seed=seed)
        splits.append(
            Split(
                taxonomy=taxonomy,
                training=documents.take(training),
                test=documents.take(test),
                places=test,
                seed=seed,
            )
        )
    return splits


def fixed_splits(taxonomy: Taxonomy, training: Labelled, test: Labelled, *, seeds: Sequence[int]) -> list[Split]:
    """The same documents to learn from and to be tested on, for every seed.

    Args:
        taxonomy: The map.
        training: The documents to learn from.
        test: The documents to be tested on.
        seeds: Seeds of training.

    Returns:
        The splits.
    """
    places = np.arange(len(test.rows))
    return [Split(taxonomy=taxonomy, training=training, test=test, places=places, seed=seed) for seed in seeds]
