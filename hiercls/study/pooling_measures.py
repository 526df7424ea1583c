"""All that is measured of a repeat's pairs without a network: words, learning curves, the encoder, surrogates.

Knows which measurements there are; how each is made, the other files know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hiercls.study.pooling_documents import Documents
from hiercls.study.pooling_features import Words, all_features
from hiercls.study.pooling_surrogates import surrogate_effects
from hiercls.study.pooling_tables import EPOCHS
from hiercls.study.pooling_tasks import Pair, Task
from hiercls.study.pooling_transfer import transfer_features
from hiercls.study.pooling_union import union_scores

OWN = "the 30 published features"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """What was measured in one repeat, without a network.

    Args:
        repeat: Which.
        features: Groups of features by name, each of shape (n_pairs, n_features).
        union: F1 with the encoder, alone and from the union, each of shape (n_pairs,); None where it was not asked.
    """

    repeat: int
    features: Mapping[str, np.ndarray]
    union: tuple[np.ndarray, np.ndarray] | None


def measure(
    documents: Documents,
    encodings: tuple[np.ndarray, np.ndarray] | None,
    chosen: tuple[Pair, ...],
    losses: Mapping[Task, np.ndarray],
    per_class: int,
    repeat: int,
) -> Measured:
    """Measure what may foretell a gain, in a process of its own.

    Args:
        documents: The corpus.
        encodings: Of its training and test documents; None: the encoder is not asked.
        chosen: The pairs.
        losses: Each task's training loss when learnt alone.
        per_class: Training documents of each topic.
        repeat: Which repeat.

    Returns:
        What was measured.
    """
    draw = {"per_class": per_class, "repeat": repeat}
    own = all_features(documents, Words.of(documents), chosen, losses, **draw, epoch=EPOCHS[0])
    surrogates = surrogate_effects(documents, chosen, **draw)
    found = {OWN: own, "surrogates on random sets of auxiliaries": surrogates}
    if encodings is None:
        return Measured(repeat=repeat, features=found, union=None)
    more = transfer_features(documents, encodings[0], chosen, **draw)
    found |= {**more, "all together": np.hstack([own, surrogates, *more.values()])}
    return Measured(repeat=repeat, features=found, union=union_scores(documents, encodings, chosen, **draw))
