"""From the topics of a request's documents to its answer: classes, sets and explanations at every view asked for.

Knows a trained estimator and messages; knows no HTTP and no queue.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from torch import Tensor

from hiercls.estimator import HierarchicalTextClassifier
from hiercls.explain import explain
from hiercls.serving.messages import Answer, ClassScore, Document, PredictResponse, TopicShare, Why, Word
from hiercls.taxonomy import View


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Question:
    """What is asked of documents, checked: every view is there, and may be seen.

    Args:
        classifier: The estimator as it was when the question came.
        texts: The documents.
        views: Levels and customers.
        top_k: How many of the likeliest classes are listed.
        coverage: How often a set shall hold the true class; None: no sets.
        n_words: Words that are taken out in turn to explain; None: nothing is explained.
        shows_topics: Whether explanations may name topics.
    """

    classifier: HierarchicalTextClassifier
    texts: Sequence[str]
    views: Sequence[View]
    top_k: int = 1
    coverage: float | None = None
    n_words: int | None = None
    shows_topics: bool = True

    def __post_init__(self) -> None:
        """Refuse what the model cannot answer, before anything is scored."""
        if self.coverage is not None:
            _ = self.classifier.promises_

    @property
    def cost(self) -> int:
        """The documents' worth of work that it is, at most; a text of n characters has (n + 1) / 2 words at most."""
        if self.n_words is None:
            return len(self.texts)
        tried = sum(1 + min(self.n_words, (len(text) + 1) // 2) for text in self.texts)
        return len(self.texts) + tried * len(self.views)

    def answer(self, topics: Tensor) -> PredictResponse:
        """The answer from the documents' topics.

        Args:
            topics: log p(t|x), shape (n_texts, n_topics).

        Returns:
            The answers in the order of documents and views.
        """
        found = self.classifier.scorer_.classes_many(topics, self.views)
        columns = [list(self._answers(topics, classes, view)) for view, classes in zip(self.views, found, strict=True)]
        return PredictResponse(documents=[Document(answers=list(row)) for row in zip(*columns, strict=True)])

    def _answers(self, topics: Tensor, classes: Tensor, view: View) -> Iterator[Answer]:
        """What each document is at one view."""
        scorer = self.classifier.scorer_
        probabilities = classes.exp().clamp(0, 1).numpy()
        order = np.argsort(-probabilities, axis=1, kind="stable")[:, : self.top_k]
        chosen = scorer.task.chosen(classes)
        within = self._sets(topics, view)
        for row, text in enumerate(self.texts):
            yield Answer(
                at=view.name,
                labels=_named(view, chosen[row]),
                top=[
                    ClassScore(name=view.classes[column], probability=float(probabilities[row, column]))
                    for column in order[row].tolist()
                ],
                within=None if within is None else _named(view, within[row]),
                why=None if self.n_words is None else self._why(text, view, n_words=self.n_words),
            )

    def _sets(self, topics: Tensor, view: View) -> np.ndarray | None:
        """The sets that ``predict_set`` would give, shape (n_texts, n_classes)."""
        if self.coverage is None:
            return None
        taxonomy = self.classifier.taxonomy_
        exact = taxonomy.view(taxonomy.levels[-1])
        rule = self.classifier.promises_.sets(at=view, calibrated_at=exact, coverage=self.coverage, score="lac")
        return rule.sets(self.classifier.scorer_.conditioned(topics, view).numpy(), at=view)

    def _why(self, text: str, view: View, *, n_words: int) -> Why:
        """An explanation; without a rival and without topics where these may not be named."""
        found = explain(self.classifier, text, at=view.name, max_words=n_words)
        topics = found.topics if self.shows_topics else ()
        return Why(
            name=found.answer,
            probability=min(found.probability, 1.0),
            topics=[
                TopicShare(topic=part.topic, probability=min(part.probability, 1.0), share=min(part.share, 1.0))
                for part in topics
            ],
            words=[Word(word=one.word, effect=one.effect, spans=list(one.spans)) for one in found.words],
            n_words=found.n_words,
        )


def _named(view: View, chosen: np.ndarray) -> list[str]:
    """The names of a row's chosen classes."""
    return [view.classes[column] for column in np.flatnonzero(chosen).tolist()]
