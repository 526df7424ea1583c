"""Training documents of 20 Newsgroups, divided by thread: what development is done on.

Threads (subjects) are divided, so that no answer quotes its question across the border. The test documents
are not touched. Knows the corpus and its customers; knows no model.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hiercls.data.rows import Row
from hiercls.data.splitting import holdout
from hiercls.study.corpus import Corpus, newsgroups_corpora
from hiercls.study.union import Protocol, coarse_rows
from hiercls.taxonomy import Taxonomy

HELDOUT = 0.25
"""Share of the training documents, whole threads, that all rows are tested on."""

TAIL = 0.1
"""Share of its documents that the rarest topic of a long tail keeps."""

_SUBJECT = re.compile(r"^Subject:[ \t]*((?:re:[ \t]*)*)(.*)$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the rows are compared on.

    Args:
        headers: ``kept`` or ``removed`` (headers, footers and quotes).
        labels: ``fine``: every document has its topic. ``coarse``: it has one customer's class of it.
        has_tail: Whether topics keep from all down to a tenth of their training documents.
    """

    headers: Literal["kept", "removed"]
    labels: Literal["fine", "coarse"] = "fine"
    has_tail: bool = False


WORLDS = {
    "removed": World(headers="removed"),
    "kept": World(headers="kept"),
    "removed, coarse labels": World(headers="removed", labels="coarse"),
    "kept, coarse labels": World(headers="kept", labels="coarse"),
    "removed, long tail": World(headers="removed", has_tail=True),
    "kept, long tail": World(headers="kept", has_tail=True),
}
"""The worlds by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """One draw of a world.

    Args:
        rows: Labelled training documents.
        test: The held-out documents with their topics.
    """

    rows: tuple[Row, ...]
    test: Corpus


def threads(texts: Sequence[str]) -> list[str]:
    r"""The thread of each post: its subject without ``Re:``; a post without a subject is a thread of its own.

    Args:
        texts: Posts with their headers.

    Returns:
        A mark per post.

    Example:
        >>> threads(["Subject: Re: RE: tea\n\nNo.", "From: a\nSubject:  Tea", "no header"])
        ['tea', 'tea', 'post 2']
    """
    found = (_SUBJECT.search(text) for text in texts)
    subjects = [" ".join(match.group(2).lower().split()) if match else "" for match in found]
    return [subject or f"post {place}" for place, subject in enumerate(subjects)]


@functools.lru_cache(maxsize=1)
def draw(taxonomy: Taxonomy, world: World, *, documents: int, seed: int) -> Split:
    """Divide the training documents by thread, and take some to train on.

    Args:
        taxonomy: The map, with the customers who label.
        world: Headers, labels and mix of topics.
        documents: Training documents taken of those that are not held out.
        seed: Seed of the division, the choice and the deal.

    Returns:
        What is trained on, and what is tested on.
    """
    whole, read = _training_part(taxonomy, "kept"), _training_part(taxonomy, world.headers)
    places, heldout = holdout(
        whole.texts, groups=threads(whole.texts), strata=whole.topics.tolist(), fraction=HELDOUT, seed=seed
    )
    random = np.random.default_rng(seed)
    taken = random.permutation(places)[:documents]
    training = read.take(_thinned(taken, read.topics[taken], random) if world.has_tail else taken)
    return Split(rows=_labelled(taxonomy, training, world, seed=seed), test=read.take(heldout))


@functools.cache
def _training_part(taxonomy: Taxonomy, headers: Literal["kept", "removed"]) -> Corpus:
    """The bydate training documents; read once, since stripping them takes seconds."""
    return newsgroups_corpora(taxonomy, headers=headers)[0]


def _thinned(places: np.ndarray, topics: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A long tail: topics in random order keep from all down to a tenth of their documents, geometrically."""
    names = random.permutation(np.unique(topics))
    kept = []
    for rank, topic in enumerate(names):
        own = places[topics == topic]
        kept.append(own[: max(1, round(len(own) * TAIL ** (rank / max(1, len(names) - 1))))])
    return np.concatenate(kept)


def _labelled(taxonomy: Taxonomy, training: Corpus, world: World, *, seed: int) -> tuple[Row, ...]:
    """The documents with their topics, or dealt to the customers with their classes."""
    if world.labels == "coarse":
        newcomer = taxonomy.customers[-1]
        protocol = Protocol(
            taxonomy=taxonomy, newcomer=newcomer, newcomer_documents=0, training=training, test=training, seed=seed
        )
        return tuple(coarse_rows(protocol, protocol.deal()))
    pairs = zip(training.texts, training.topics, strict=True)
    return tuple(Row(text=text, labels=((None, taxonomy.topics[topic]),)) for text, topic in pairs)
