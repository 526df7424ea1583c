"""What topics and words do for a class: frozen results, no computing.

Knows names and numbers; knows no model.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicPart:
    """What one topic gives to the class.

    Args:
        topic: The topic.
        probability: What it adds to the class's probability, ``A[t,k] · p_c(t|x)``; its own, ``p(t|x)``, where a
            document may have several topics.
        share: That as a part of the class's probability; where a document may have several topics, its part of
            ``−log(1 − P(k|x)) = Σ_t −log(1 − p(t|x))``. Over the topics of the class, shares sum to 1.
    """

    topic: str
    probability: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WordEffect:
    """What one word does for the class: all its occurrences are taken out, and the text is read again.

    Args:
        word: The word, in small letters.
        spans: Where it stands in the text: start and end of each occurrence.
        effect: The class's log-odds with the word less those without it, in nats; positive for what speaks for it.
    """

    word: str
    spans: tuple[tuple[int, int], ...]
    effect: float
