"""What one model says of documents that it was not trained on, stored once: protocols on it re-run in seconds.

Knows how a world of the union benchmark is trained; what is measured on the probabilities, it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiercls.data.splitting import holdout
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.files import replacing
from hiercls.study.union import LABELS_ALONE, Protocol, coarse_rows

HELD_OUT = 0.1
"""Share of the training documents that no training sees: what a user would calibrate on."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Posteriors:
    """Topic log-probabilities, as trained, of the held-out training documents and of the test documents.

    Args:
        heldout: log p(t|x) of the held-out training documents, shape (n_heldout, n_topics).
        heldout_topics: Positions of their topics, shape (n_heldout,).
        heldout_customers: Whose they are, shape (n_heldout,).
        test: log p(t|x) of the test documents, shape (n_test, n_topics).
        test_topics: Positions of their topics, shape (n_test,).

    Example:
        >>> none, row = np.zeros(0, dtype=np.int64), np.log([[0.5, 0.5]])
        >>> names = np.zeros(0, dtype="<U1")
        >>> Posteriors(
        ...     heldout=row[:0], heldout_topics=none, heldout_customers=names, test=row, test_topics=np.array([1])
        ... ).test.shape
        (1, 2)
    """

    heldout: NDArray[np.float32]
    heldout_topics: NDArray[np.int64]
    heldout_customers: NDArray[np.str_]
    test: NDArray[np.float32]
    test_topics: NDArray[np.int64]

    @property
    def customers(self) -> tuple[str, ...]:
        """The customers that it was trained on."""
        return tuple(np.unique(self.heldout_customers).tolist())

    def save(self, path: Path) -> None:
        """Write all arrays to one ``.npz`` file, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as aside, aside.open("wb") as stream:
            np.savez_compressed(stream, **{name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def load(cls, path: Path) -> Posteriors:
        """Read what ``save`` wrote."""
        with np.load(path) as arrays:
            return cls(**{name: arrays[name] for name in cls.__slots__})


def train_posteriors(protocol: Protocol, *, settings: Mapping[str, Any], held_out: float = HELD_OUT) -> Posteriors:
    """Train one model on all customers' coarse labels, some of the documents held out, and score the rest.

    Args:
        protocol: The world.
        settings: Settings of ``HierarchicalTextClassifier`` beside taxonomy and seed.
        held_out: Share of the training documents that it does not see.

    Returns:
        What it says of the held-out documents and of the test documents.
    """
    texts, topics = protocol.training.texts, protocol.training.topics
    kept, heldout = holdout(texts, strata=topics.tolist(), fraction=held_out, seed=protocol.seed)
    hands = {name: protocol.deal()[name] for name in protocol.customers}
    owner = np.empty(len(texts), dtype=f"<U{max(map(len, hands))}")
    for name, places in hands.items():
        owner[places] = name
    rows = coarse_rows(protocol, {name: np.intersect1d(places, kept) for name, places in hands.items()})
    settings = {**LABELS_ALONE, **settings}
    classifier = HierarchicalTextClassifier(protocol.taxonomy, random_state=protocol.seed, **settings).fit_rows(rows)
    score = classifier.scorer_.topics
    return Posteriors(
        heldout=score([texts[place] for place in heldout]).numpy(),
        heldout_topics=topics[heldout],
        heldout_customers=owner[heldout],
        test=score(protocol.test.texts).numpy(),
        test_topics=protocol.test.topics,
    )
