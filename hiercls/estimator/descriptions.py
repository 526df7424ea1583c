"""What the taxonomy says about its topics, as documents to learn from: what a model knows before it has many labels.

Knows a taxonomy and customers' names; knows no model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hiercls.data.rows import Row
from hiercls.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptions:
    """Rows made of a taxonomy's ``about`` lines.

    Args:
        rows: A row per described topic and customer, labelled with the topic.
        groups: Whose documents they are taken to be, shape (n_rows,).
        weights: Weight of each row in the loss, shape (n_rows,).
    """

    rows: tuple[Row, ...]
    groups: np.ndarray
    weights: np.ndarray

    def after(
        self, groups: np.ndarray, weights: np.ndarray, origins: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The rows' groups, weights and origins behind those of documents; they stood nowhere among these: −1."""
        nowhere = np.full(len(self.rows), -1)
        pairs = ((groups, self.groups), (weights, self.weights), (origins, nowhere))
        groups, weights, origins = (np.concatenate(pair) for pair in pairs)
        return groups, weights, origins


def descriptions(taxonomy: Taxonomy, groups: np.ndarray, *, weight: float) -> Descriptions:
    """The ``about`` lines of topics as labelled rows.

    Every customer is told every line, since the map is everybody's: so its words count as used by all.

    Args:
        taxonomy: The map.
        groups: The customer of each document there is, shape (n_documents,).
        weight: The documents that a line counts as, in all.

    Returns:
        The rows; there are none where no topic is described.

    Example:
        >>> tiny = Taxonomy.from_yaml("{hiercls: 1, levels: [topic], topics: [A, B], about: {A: rockets and planets}}")
        >>> told = descriptions(tiny, np.array(["one", "two", "one"]), weight=4.0)
        >>> [(row.text, row.labels) for row in told.rows][0], told.groups.tolist(), told.weights.tolist()
        (('rockets and planets', (('topic', 'A'),)), ['one', 'two'], [2.0, 2.0])
    """
    level = taxonomy.levels[-1]
    described = [topic for topic in taxonomy.topics if topic in taxonomy.about] if weight > 0 else []
    told = [Row(text=taxonomy.about[topic], labels=((level, topic),)) for topic in described]
    names = np.unique(groups)
    return Descriptions(
        rows=tuple(row for row in told for _ in names),
        groups=np.tile(names, len(told)),
        weights=np.full(len(told) * len(names), weight / len(names), dtype=np.float32),
    )
