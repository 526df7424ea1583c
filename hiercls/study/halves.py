"""A model's stored probabilities, calibrated on some documents' coarse labels and read on others.

Knows topic log-probabilities, true topics and the map; knows no text and no training.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from hiercls.calibration import Calibration, Method, calibrate
from hiercls.data.rows import Row
from hiercls.model.targets import TargetTable
from hiercls.scoring import Scorer, TopicMix
from hiercls.study.answers import Answers
from hiercls.study.union import classes_of
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.labels import resolve

N_SPLITS = 5
"""How many times a model's test documents are halved."""

Array = NDArray[np.float32]
Indices = NDArray[np.int64]


def halves(n_documents: int, *, n_splits: int, seed: int) -> Iterator[tuple[Indices, Indices]]:
    """Random halves: documents to calibrate on and documents to measure on, exchangeable with them.

    Args:
        n_documents: How many documents there are.
        n_splits: How many times they are halved.
        seed: Seed of the draws.

    Yields:
        Positions of the two halves.
    """
    random = np.random.default_rng(seed)
    for _ in range(n_splits):
        order = random.permutation(n_documents)
        yield order[: n_documents // 2], order[n_documents // 2 :]


def dealt(n_documents: int, customers: Sequence[str], *, seed: int) -> NDArray[np.str_]:
    """Documents dealt to customers at random, evenly, shape (n_documents,)."""
    return np.random.default_rng(seed).permutation(np.resize(np.array(customers), n_documents))


def calibration_on(
    log_topics: Array,
    topics: Indices,
    owners: NDArray[np.str_],
    *,
    taxonomy: Taxonomy,
    method: Method,
    per_customer: bool = False,
) -> Calibration:
    """Calibrate on documents of which each shows only its customer's class.

    Args:
        log_topics: log p(t|x), shape (n_documents, n_topics).
        topics: Their true topics, of which only the customers' classes are shown, shape (n_documents,).
        owners: Whose each is, shape (n_documents,).
        taxonomy: The map; these customers are partitions.
        method: What is free.
        per_customer: Whether every customer gets a scaling of its own, on top of the one for all.

    Returns:
        The calibration.
    """
    rows, names = np.empty(len(owners), dtype=object), np.unique(owners).tolist()
    for name in names:
        view, places = taxonomy.view(name), np.flatnonzero(owners == name)
        for place, column in zip(places.tolist(), classes_of(view, topics[places]).tolist(), strict=True):
            rows[place] = Row(text="", labels=((name, view.classes[column]),), customer=name)
    targets = TargetTable(taxonomy, resolve(taxonomy, rows.tolist()).labels, composition="topic")
    own = {name: np.flatnonzero(owners == name) for name in names if per_customer}
    return calibrate(torch.from_numpy(log_topics), targets, method=method, groups=own)


def read(log_topics: Array, topics: Indices, *, taxonomy: Taxonomy, calibration: Calibration | None = None) -> Answers:
    """What stored probabilities say at every view, as trained or calibrated.

    Args:
        log_topics: log p(t|x), shape (n_documents, n_topics).
        topics: Their true topics, shape (n_documents,).
        taxonomy: The map; its views are partitions.
        calibration: The calibration; None: as trained.

    Returns:
        Probabilities and truths.
    """
    n_topics = len(taxonomy.topics)
    scorer = Scorer(mix=TopicMix(pooled=np.full(n_topics, 1 / n_topics)), calibration=calibration)
    said = torch.from_numpy(log_topics)
    said = said if calibration is None else calibration.pooled.apply(said)
    truths = {name: classes_of(taxonomy.view(name), topics) for name in taxonomy.views}
    return Answers.of(scorer, taxonomy, said, truths)
