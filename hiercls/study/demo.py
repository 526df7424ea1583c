"""The demo: the union of three customers on docstrings, small enough for two slow cores and no network.

Knows the protocol, with its settings; how it is told, ``cli/demo`` knows. One split, one deal, one seed; the
benchmark has several.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hiercls.data.pydocs import Pydocs
from hiercls.data.splitting import holdout
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.study.baselines import Documents, best_of_own_data
from hiercls.study.corpus import Corpus
from hiercls.study.union import LABELS_ALONE, Protocol, classes_of, coarse_rows
from hiercls.taxonomy import Taxonomy

NEWCOMER = "laboratory"
"""The customer of ``pydocs.yaml`` that no model is trained on."""

TEST = 0.3
"""Share of the documents that are tested on."""

MAX_LENGTH = 64
"""Tokens read of a docstring: its beginning says most, and encoding is what takes the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One view's accuracy: one model for all, and the customer's own data alone.

    Args:
        view: The level or customer.
        n_classes: Its classes.
        n_documents: The training documents that are labelled with them.
        union: Accuracy of the one model.
        own: Accuracy of the best plain classifier on the customer's own documents; None: it has none.
        deviation: Standard error of ``union − own``, paired over the test documents; None without ``own``.

    Example:
        >>> one = Comparison(view="one", n_classes=3, n_documents=9, union=0.75, own=0.5, deviation=0.1)
        >>> one.difference
        0.25
    """

    view: str
    n_classes: int
    n_documents: int
    union: float
    own: float | None = None
    deviation: float | None = None

    @property
    def difference(self) -> float | None:
        """What pooling brings: ``union − own``, negative where it loses."""
        return None if self.own is None else self.union - self.own


def demo_protocol(corpus: Pydocs, taxonomy: Taxonomy, *, newcomer: str = NEWCOMER, seed: int) -> Protocol:
    """Split the corpus in training and test documents, stratified by topic, duplicates on one side.

    Args:
        corpus: The documents with their topics.
        taxonomy: A map over these topics, its customers partitions.
        newcomer: The customer that gets no document.
        seed: Seed of the split, the deal and all training.

    Returns:
        The world; its ``deal`` says which customer gets which training document.
    """
    place = {topic: row for row, topic in enumerate(taxonomy.topics)}
    whole = Corpus(texts=corpus.texts, topics=np.array([place[topic] for topic in corpus.topics]))
    training, test = holdout(corpus.texts, strata=corpus.topics, fraction=TEST, seed=seed)
    return Protocol(
        taxonomy=taxonomy,
        newcomer=newcomer,
        newcomer_documents=0,
        training=whole.take(training),
        test=whole.take(test),
        seed=seed,
    )


def demo_classifier(taxonomy: Taxonomy) -> HierarchicalTextClassifier:
    """An untrained estimator with the demo's settings.

    Args:
        taxonomy: The map.

    Returns:
        The estimator.
    """
    return HierarchicalTextClassifier(taxonomy, max_length=MAX_LENGTH, **LABELS_ALONE)


def train_union(protocol: Protocol, classifier: HierarchicalTextClassifier) -> HierarchicalTextClassifier:
    """Train one model on everybody's coarse labels; it has never heard of the newcomer.

    Args:
        protocol: The world.
        classifier: An untrained estimator; its map and seed are set here.

    Returns:
        The trained estimator.
    """
    known = protocol.taxonomy.without_customer(protocol.newcomer)
    classifier.set_params(taxonomy=known, random_state=protocol.seed)
    return classifier.fit_rows(coarse_rows(protocol, protocol.deal()))


def compare(
    protocol: Protocol, classifier: HierarchicalTextClassifier, *, views: Sequence[str]
) -> tuple[Comparison, ...]:
    """Test the one model at views, beside what each customer's own documents give to the best plain classifier.

    Args:
        protocol: The world.
        classifier: The model that was trained on it, with or without the newcomer.
        views: Levels and customers of the model.

    Returns:
        A comparison for each view.
    """
    scorer, taxonomy = classifier.scorer_, classifier.taxonomy_
    engine = scorer.engine or classifier.build_engine()
    training = Documents(texts=protocol.training.texts, encodings=engine.encode(protocol.training.texts))
    test = Documents(texts=protocol.test.texts, encodings=engine.encode(protocol.test.texts))
    topics, hands = scorer.topics(test.texts), protocol.deal()
    comparisons = []
    for name in views:
        view = taxonomy.view(name)
        truth = classes_of(view, protocol.test.topics)
        union = scorer.classes(topics, view).argmax(dim=-1).numpy() == truth
        own, hand = None, hands.get(name, np.empty(0, dtype=np.int64))
        if len(hand):
            labels = classes_of(view, protocol.training.topics[hand])
            own = best_of_own_data(training.take(hand), labels, test, truth, seed=protocol.seed)
        comparisons.append(
            Comparison(
                view=name,
                n_classes=len(view.classes),
                n_documents=len(hand),
                union=float(union.mean()),
                own=None if own is None else float(own.mean()),
                deviation=None if own is None else standard_error(union.astype(float) - own),
            )
        )
    return tuple(comparisons)


def standard_error(values: Sequence[float] | np.ndarray) -> float:
    """The standard error of a mean: ``sd(values) / √n``.

    Args:
        values: At least two numbers.

    Returns:
        The standard error.

    Example:
        >>> standard_error([0.0, 0.0, 1.0, 1.0])
        0.288...
    """
    return float(np.std(values, ddof=1) / math.sqrt(len(values)))
