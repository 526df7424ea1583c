"""What pooling brings indeed: the model trained on a customer's own documents, on the pool, and on a part of it.

Knows splits and the estimator; how gains are foretold, ``pooled`` knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from hiercls.estimator import HierarchicalTextClassifier
from hiercls.study.labelled import known_at, owners_of, thread_numbers, undetermined_topics
from hiercls.study.paired import Answers, Difference, paired_difference
from hiercls.study.pooled import Members, Tick, Worth
from hiercls.study.splits import Split


def trained_sets(worth: Mapping[str, Worth], owners: Iterable[str]) -> dict[Members, tuple[str, ...]]:
    """The sets of owners whose documents a model must be trained on, and the customers that are asked of each.

    Args:
        worth: What was foretold.
        owners: All owners of documents.

    Returns:
        The whole pool for all, each customer's own, each customer's best part.
    """
    every = frozenset(owners)
    sets: dict[Members, list[str]] = {every: list(worth)}
    for name, one in worth.items():
        for members in (frozenset({name}), frozenset({name, *one.best})):
            asked = sets.setdefault(members, [])
            if name not in asked:
                asked.append(name)
    return {members: tuple(asked) for members, asked in sets.items()}


def measure(
    split: Split, sets: Mapping[Members, Sequence[str]], settings: Mapping[str, Any], *, tick: Tick = lambda: None
) -> dict[tuple[str, Members], Answers]:
    """Train on each set of owners, and ask for the test documents of its customers.

    Args:
        split: The documents.
        sets: Sets of owners, and the customers that are asked.
        settings: Settings of ``HierarchicalTextClassifier`` beside taxonomy and seed.
        tick: Called after each training.

    Returns:
        Answers by customer and set; a customer without a test document has none.
    """
    owners, tested = owners_of(split.taxonomy, split.training), owners_of(split.taxonomy, split.test)
    clusters = thread_numbers(split.test)
    found = {}
    for members, asked in sets.items():
        rows = split.training.take(np.flatnonzero(np.isin(owners, sorted(members)))).rows
        model = HierarchicalTextClassifier(split.taxonomy, **settings, random_state=split.seed)
        with undetermined_topics():  # one customer's own grouping hardly ever determines the topics
            model.fit_rows(rows)
        for name in asked:
            known = known_at(split.taxonomy, split.test.labels, name)
            own = tested[known.documents] == name
            places = known.documents[own]
            if len(places):
                topics = model.scorer_.topics([split.test.texts[place] for place in places])
                said = model.scorer_.classes(topics, split.taxonomy.view(name)).argmax(dim=-1).numpy()
                found[name, members] = Answers(clusters=clusters[places], right=said == known.classes[own])
        tick()
    return found


def measured_gains(
    name: str, members: Members, runs: Sequence[Mapping[tuple[str, Members], Answers]]
) -> Difference | None:
    """How far a customer is ahead with some owners' documents, over runs.

    Args:
        name: The customer.
        members: The owners, itself among them.
        runs: What each split gave.

    Returns:
        The gain over its own documents alone; None where it never was tested.
    """
    alone = frozenset({name})
    able = [run for run in runs if (name, members) in run and (name, alone) in run]
    if not able:
        return None
    return paired_difference([run[name, members] for run in able], [run[name, alone] for run in able])
