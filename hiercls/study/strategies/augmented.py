"""A strategy that learns from the customer's own documents, and from these in other words.

Knows texts, how they are changed, and what encodes them; knows no other customer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hiercls.study.baselines import Documents
from hiercls.study.strategies.changes import Change
from hiercls.study.strategies.guessed import together
from hiercls.study.strategies.regularised import chosen_strength, fitted_head
from hiercls.study.strategies.setting import Answer, Filed, Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmented:
    """Logistic regression on the own documents and on changed copies of them.

    Its L2 is chosen on the own documents alone: a copy of a held-out document would give that away.

    Args:
        change: Makes another text of one.
        encode: Encodes texts, shape (n_texts, width).
        copies: Changed copies of each document.
        seed: Seed of the changes; a document is changed in the same way in whatever company.
    """

    change: Change
    encode: Callable[[Sequence[str]], np.ndarray]
    copies: int = 2
    seed: int = 0

    def fit(self, pool: Pool, own: Filed, unlabelled: Documents) -> Answer:
        """Learn from the own documents and their copies; see ``Strategy``."""
        if len(np.unique(own.classes)) < 2:
            return fitted_head(own)
        texts = [
            self.change(text, np.random.default_rng([self.seed, copy, len(text)]))
            for copy in range(self.copies)
            for text in own.documents.texts
        ]
        changed = Filed(
            documents=Documents(texts=texts, encodings=self.encode(texts)),
            classes=np.tile(own.classes, self.copies),
            n_classes=own.n_classes,
        )
        return fitted_head(together(own, changed), strength=chosen_strength(own))
