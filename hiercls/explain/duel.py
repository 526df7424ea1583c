"""A class's likeliest topic against its strongest rival, as an exact sum.

Knows names and numbers; knows no model.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TermWeight:
    """What one term adds, exactly.

    Args:
        term: A term of the lexical branch.
        weight: ``x_w · (v_wt − v_ws)``, in nats.
    """

    term: str
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Duel:
    """Why the class's likeliest topic is ahead of its strongest rival outside the class, exactly, before calibration.

    ``log p(t|x) − log p(s|x) = encoder + mix + Σ_w weight_w``

    Args:
        topic: t, the likeliest topic in the class.
        rival: s, the likeliest topic outside of it.
        encoder: What the encoder adds, ``a · (log p_encoder(t|x) − log p_encoder(s|x)) + Σ_d h_d · (u_dt − u_ds)``; 0
            where there is none.
        mix: What the mix of topics adds where there is no encoder, ``a · (log π(t) − log π(s))``; 0 where there is one.
        terms: What each term of the text adds, the largest in size first; empty where no words are read.
    """

    topic: str
    rival: str
    encoder: float
    mix: float
    terms: tuple[TermWeight, ...]

    @property
    def words(self) -> float:
        """What all terms add together."""
        return sum(term.weight for term in self.terms)

    @property
    def lead(self) -> float:
        """The whole lead, in nats."""
        return self.encoder + self.mix + self.words
