"""Documents with their true topics, as benchmarks take them.

Knows 20 Newsgroups and a map over its topics; knows no model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hiercls.data.newsgroups import load_newsgroups
from hiercls.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Documents with their true topics, which only the oracle and the tests may see.

    Args:
        texts: The documents.
        topics: Position of each document's topic in the taxonomy, shape (n_documents,).
    """

    texts: tuple[str, ...]
    topics: np.ndarray

    def take(self, positions: np.ndarray) -> Corpus:
        """Some of the documents, by position."""
        return Corpus(texts=tuple(self.texts[place] for place in positions), topics=self.topics[positions])


def newsgroups_corpora(
    taxonomy: Taxonomy, *, headers: Literal["kept", "removed"], documents: int | None = None
) -> tuple[Corpus, Corpus]:
    """The bydate training and test documents of 20 Newsgroups.

    Args:
        taxonomy: A map whose topics are the 20 groups.
        headers: ``kept`` or ``removed`` (headers, footers and quotes).
        documents: Take only so many of each, spread evenly; None: all.

    Returns:
        Training and test documents.
    """
    place = {topic: row for row, topic in enumerate(taxonomy.topics)}
    corpora = []
    for subset in ("train", "test"):
        groups = load_newsgroups(subset, headers=headers)
        corpus = Corpus(texts=tuple(groups.texts), topics=np.array([place[topic] for topic in groups.topics]))
        if documents is not None:
            step = np.linspace(0, len(corpus.texts) - 1, min(documents, len(corpus.texts))).astype(int)
            corpus = corpus.take(step)
        corpora.append(corpus)
    return corpora[0], corpora[1]
