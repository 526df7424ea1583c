"""Which words matter: each taken out in turn, and exactly what the lexical branch adds up.

Knows a scorer and a view; knows no drawing.
"""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import torch
from torch import Tensor

from hiercls.explain.duel import Duel, TermWeight
from hiercls.explain.result import WordEffect
from hiercls.model.task import OneTopic
from hiercls.scoring import Scorer
from hiercls.taxonomy import View

N_CHARACTERS = 1 << 22
"""Characters of the texts that are held at a time while words are taken out."""


def word_spans(text: str) -> dict[str, tuple[tuple[int, int], ...]]:
    """The distinct words of a text and where they stand.

    Args:
        text: The text.

    Returns:
        Start and end of each occurrence by word in small letters, in the order of their first occurrence.

    Example:
        >>> word_spans("No, no words.")
        {'no': ((0, 2), (4, 6)), 'words': ((7, 12),)}
    """
    spans: dict[str, list[tuple[int, int]]] = {}
    for match in re.finditer(r"\w+", text):
        spans.setdefault(match.group().lower(), []).append(match.span())
    return {word: tuple(places) for word, places in spans.items()}


def without(text: str, spans: tuple[tuple[int, int], ...]) -> str:
    """A text with pieces taken out.

    Args:
        text: The text.
        spans: Start and end of each piece, in order.

    Returns:
        The rest.

    Example:
        >>> without("No, no words.", ((0, 2), (4, 6)))
        ',  words.'
    """
    starts = [0, *(end for _, end in spans)]
    ends = [*(start for start, _ in spans), len(text)]
    return "".join(text[start:end] for start, end in zip(starts, ends, strict=True))


def occlude(scorer: Scorer, text: str, view: View, column: int, *, max_words: int) -> tuple[WordEffect, ...]:
    """What each word does for a class: the model reads the text without it, encoder and words alike.

    ``log p(k|x)/p(not k|x) − log p(k|x without w)/p(not k|x without w)``

    Args:
        scorer: A trained model's scorer.
        text: The text.
        view: A level or a customer.
        column: The class.
        max_words: Distinct words that are tried, from the beginning.

    Returns:
        The words that were tried, the largest effect in size first; none where the view has one class, which is
        sure.
    """
    spans = list(word_spans(text).items())[:max_words]
    settled = len(view.classes) < 2 and isinstance(scorer.task, OneTopic)
    if not spans or settled:
        return ()
    if scorer.engine is not None:  # nobody asks for these texts again
        scorer = dataclasses.replace(scorer, engine=scorer.engine.without_cache())
    variants = [text, *(without(text, places) for _, places in spans)]
    size = max(1, N_CHARACTERS // len(text))
    topics = torch.cat([scorer.topics(variants[start : start + size]) for start in range(0, len(variants), size)])
    odds = scorer.task.log_odds(scorer.classes(topics, view).double(), column)
    effects = (odds[0] - odds[1:]).tolist()
    found = [
        WordEffect(word=word, spans=places, effect=effect)
        for (word, places), effect in zip(spans, effects, strict=True)
    ]
    return tuple(sorted(found, key=lambda one: -abs(one.effect)))


def duel(scorer: Scorer, text: str, view: View, column: int, conditioned: Tensor) -> Duel | None:
    """Why the class's likeliest topic is ahead of the likeliest topic outside the class, exactly.

    Args:
        scorer: A trained model's scorer.
        text: The text.
        view: A level or a customer.
        column: The class.
        conditioned: log p_c(t|x), shape (n_topics,).

    Returns:
        What encoder and terms add; None where the class holds every topic of the view, topics are no rivals, or
        not those that were trained.
    """
    if not isinstance(scorer.task, OneTopic) or scorer.extensions:
        return None
    inside = view.membership[:, [column]].toarray().ravel() > 0
    outside = view.scope & ~inside
    if not outside.any():
        return None
    scores = conditioned.double().numpy()
    topic, rival = (int(np.argmax(np.where(part, scores, -np.inf))) for part in (inside, outside))
    beside = _beside_words(scorer, text, topic, rival)
    return Duel(
        topic=view.topics[topic],
        rival=view.topics[rival],
        encoder=0.0 if scorer.engine is None else beside,
        mix=beside if scorer.engine is None else 0.0,
        terms=_term_weights(scorer, text, topic, rival),
    )


def _beside_words(scorer: Scorer, text: str, topic: int, rival: int) -> float:
    """What the encoder adds to the lead of a topic, or the mix of topics where there is none."""
    encodings = None if scorer.engine is None else scorer.engine.encode([text])
    opinion = scorer.opinion(encodings, n_texts=1)[0].double().numpy()
    lead, branch = opinion[topic] - opinion[rival], scorer.lexical
    if branch is None:
        return float(lead)
    read = 0.0
    if encodings is not None and len(branch.encoding_weights):
        weights = branch.encoding_weights.astype(np.float64)
        read = encodings[0] @ (weights[:, topic] - weights[:, rival])
    return float(branch.scale * lead + read)


def _term_weights(scorer: Scorer, text: str, topic: int, rival: int) -> tuple[TermWeight, ...]:
    """What each term adds to the lead of a topic, the largest in size first."""
    branch = scorer.lexical
    if branch is None:
        return ()
    features = branch.terms.features([text])
    per_topic = branch.term_weights[features.indices].astype(np.float64)
    weights = features.data * (per_topic[:, topic] - per_topic[:, rival])
    named = zip((branch.terms.names[place] for place in features.indices.tolist()), weights.tolist(), strict=True)
    found = [TermWeight(term=term, weight=weight) for term, weight in named]
    return tuple(sorted(found, key=lambda one: -abs(one.weight)))
