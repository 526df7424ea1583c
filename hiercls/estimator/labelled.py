"""The rows that a fit counts: their labels, whose they are, and what they weigh.

Knows rows, labels and the taxonomy's descriptions; knows no encoder and no network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hiercls.data.rows import Row
from hiercls.errors import ConfigError, DataError, Problem
from hiercls.estimator import tasks
from hiercls.estimator.descriptions import descriptions
from hiercls.estimator.weighting import document_weights
from hiercls.model.task import Task
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.labels import ResolvedLabels
from hiercls.taxonomy.multilabels import Multilabels


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """The rows that count: those of positive weight.

    Args:
        rows: The rows.
        labels: Their labels, met with the map.
        groups: Customer of each, or the labelled view where it has none, shape (n_rows,).
        owners: Customer of each, empty where it has none, shape (n_rows,).
        weights: Weight of each in the loss, shape (n_rows,).
        origins: Where each stood among the rows given, shape (n_rows,).
    """

    rows: list[Row]
    labels: ResolvedLabels | Multilabels
    groups: np.ndarray
    owners: np.ndarray
    weights: np.ndarray
    origins: np.ndarray

    @property
    def texts(self) -> list[str]:
        """The documents."""
        return [row.text for row in self.rows]


def labelled_rows(
    taxonomy: Taxonomy,
    rows: Sequence[Row],
    *,
    task: Task,
    customer_weights: Mapping[str, float] | None,
    sample_weight: np.ndarray | None,
) -> Labelled:
    """Labels, customers and weights of rows; those of weight 0 are left out.

    Args:
        taxonomy: The map.
        rows: Labelled rows.
        task: Whether documents have one topic, or several.
        customer_weights: Weight of customers' documents in the loss; 1 where not named.
        sample_weight: Weight of each row in the loss, shape (n_rows,); None: 1 each.

    Returns:
        The rows that count.

    Raises:
        DataError: If there are no rows, or labels that are illegal.
        ConfigError: If none has a positive weight.
    """
    labels = tasks.resolve_all(taxonomy, rows, task)
    if not len(labels):
        raise DataError([Problem(message="expected at least one labelled row, got none")], subject="the rows")
    groups = groups_of(taxonomy, rows, labels)
    weights = document_weights(taxonomy, groups, customers=customer_weights, documents=sample_weight)
    kept = np.flatnonzero(weights > 0)
    if not len(kept):
        raise ConfigError("expected some row of positive weight, got the weight 0 for every row")
    return Labelled(
        rows=[rows[position] for position in kept.tolist()],
        labels=labels.take(kept),
        groups=groups[kept],
        owners=_owners(taxonomy, groups)[kept],
        weights=weights[kept],
        origins=kept,
    )


def _owners(taxonomy: Taxonomy, groups: np.ndarray) -> np.ndarray:
    """Whose each document's words are; nobody's where its group is no customer."""
    owners: np.ndarray = np.where(np.isin(groups, taxonomy.customers), groups, "")
    return owners


def with_descriptions(taxonomy: Taxonomy, labelled: Labelled, *, about_weight: float) -> Labelled:
    """The rows that count, and after them what the taxonomy says about its topics.

    Args:
        taxonomy: The map.
        labelled: The rows that count.
        about_weight: Documents that a topic's ``about`` line counts as.

    Returns:
        All of them.
    """
    told = descriptions(taxonomy, labelled.groups, weight=about_weight * labelled.weights.mean())
    if not told.rows or isinstance(labelled.labels, Multilabels):  # a line about one topic rules out no other
        return labelled
    rows = [*labelled.rows, *told.rows]
    groups, weights, origins = told.after(labelled.groups, labelled.weights, labelled.origins)
    return Labelled(
        rows=rows,
        labels=tasks.resolve_one_topic(taxonomy, rows),
        groups=groups,
        owners=_owners(taxonomy, groups),
        weights=weights,
        origins=origins,
    )


def groups_of(taxonomy: Taxonomy, rows: Sequence[Row], labels: ResolvedLabels | Multilabels) -> np.ndarray:
    """The customer of each row; the labelled view where none is given.

    Args:
        taxonomy: The map.
        rows: Labelled rows.
        labels: Their labels, met with the map.

    Returns:
        Names, shape (n_rows,).
    """
    customers = set(taxonomy.customers)
    names = []
    for row, views in zip(rows, labels.views, strict=True):
        own = sorted(views & customers) or sorted(views)
        names.append(own[0] if row.customer is None else row.customer)
    return np.array(names, dtype=object).astype(str)
