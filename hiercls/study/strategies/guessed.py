"""A strategy that lets a head label documents that nobody has labelled: the surest first, then others.

Knows encodings and classes; knows no other customer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hiercls.study.baselines import Documents
from hiercls.study.strategies.regularised import chosen_strength, fitted_head
from hiercls.study.strategies.setting import Answer, Filed, Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class PseudoLabels:
    """Logistic regression on the own documents, and again with unlabelled ones in the classes that it gives them.

    Its L2 is chosen on the own documents alone, since guesses confirm themselves.

    Args:
        schedule: How sure it must be of a document for it to count, round by round.

    Source:
        Lee, "Pseudo-Label", ICML 2013 workshop; the schedule as in Cascante-Bonilla et al., "Curriculum labeling",
        AAAI 2021.
    """

    schedule: tuple[float, ...] = (0.9, 0.7, 0.5)

    def fit(self, pool: Pool, own: Filed, unlabelled: Documents) -> Answer:
        """Learn from the own documents, then from the unlabelled ones; see ``Strategy``."""
        strength = chosen_strength(own)
        answer = fitted_head(own, strength=strength)
        for confidence in self.schedule:
            said = answer(unlabelled)
            sure = np.flatnonzero(said.max(axis=1) >= confidence)
            guessed = Filed(documents=unlabelled.take(sure), classes=said[sure].argmax(axis=1), n_classes=own.n_classes)
            answer = fitted_head(together(own, guessed), strength=strength)
        return answer


def together(first: Filed, second: Filed) -> Filed:
    """The documents of both.

    Args:
        first: Some documents.
        second: Others of the same customer.

    Returns:
        All.
    """
    documents = Documents(
        texts=[*first.documents.texts, *second.documents.texts],
        encodings=np.concatenate([first.documents.encodings, second.documents.encodings]),
    )
    return Filed(
        documents=documents, classes=np.concatenate([first.classes, second.classes]), n_classes=first.n_classes
    )
