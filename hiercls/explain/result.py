"""What explains one prediction: frozen results, no computing.

Knows names and numbers; knows no model, no terminal and no HTML.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicPart:
    """What one topic gives to the class.

    Args:
        topic: The topic.
        probability: What it adds to the class's probability, ``A[t,k] · p_c(t|x)``.
        share: That as a part of the class's probability; over the topics of the class, shares sum to 1.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class TermWeight:
    """What one term adds, exactly.

    Args:
        term: A term of the lexical branch.
        weight: ``b · x_w · (r_wt − r_ws)``, in nats.
    """

    term: str
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Duel:
    """Why the class's likeliest topic is ahead of its strongest rival outside the class, exactly, before calibration.

    ``log p(t|x) − log p(s|x) = encoder + Σ_w weight_w``

    Args:
        topic: t, the likeliest topic in the class.
        rival: s, the likeliest topic outside of it.
        encoder: What the encoder adds, ``a · (log p_encoder(t|x) − log p_encoder(s|x))``; 0 where there is none.
        terms: What each term of the text adds, the largest in size first; empty where no words are read.
    """

    topic: str
    rival: str
    encoder: float
    terms: tuple[TermWeight, ...]

    @property
    def words(self) -> float:
        """What all terms add together."""
        return sum(term.weight for term in self.terms)

    @property
    def lead(self) -> float:
        """The whole lead, in nats."""
        return self.encoder + self.words


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A document of the asker's own that is like the text.

    Args:
        text: The document.
        labels: Its labels, as ``view:class`` or as they were written.
        similarity: Cosine of the two encodings; of the TF-IDF features where there is no encoder.
        place: Position among the documents that were given.
    """

    text: str
    labels: tuple[str, ...]
    similarity: float
    place: int
