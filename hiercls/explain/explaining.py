"""From one text and one class to what explains it.

Knows the estimator's parts and joins what the files above find out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from hiercls.data.rows import Row, make_rows
from hiercls.errors import ConfigError
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.explain.explanation import Explanation
from hiercls.explain.neighbours import nearest, own_documents
from hiercls.explain.result import TopicPart
from hiercls.explain.words import duel, occlude, word_spans
from hiercls.model.task import Task
from hiercls.taxonomy import View


def explain(
    classifier: HierarchicalTextClassifier,
    text: str,
    *,
    at: str | None = None,
    of: str | None = None,
    documents: Sequence[Row | str] = (),
    n_neighbours: int = 3,
    max_words: int = 200,
) -> Explanation:
    """Why a text has the probability that it has of one class.

    Which topics make up the class; what each word does for it, when it is taken out of the text and encoder and
    lexical branch read the rest; what encoder and terms add, exactly, to the lead of the class's likeliest topic over
    its strongest rival; and the most similar of the asker's own documents. Where a document may have several topics
    they are no rivals, and there is no such lead. The model keeps no document, and terms that
    ``LexicalConfig.min_customers`` (two by default) customers do not share, so nothing here shows another customer's.

    Args:
        classifier: A trained estimator.
        text: The text.
        at: A level or a customer, who asks; None: the topics.
        of: The class to explain; None: the likeliest.
        documents: Documents of the asker's own, labelled or not; rows of any other customer are left out.
        n_neighbours: How many of them are shown.
        max_words: Distinct words that are taken out, from the beginning; each costs as much as one prediction.

    Returns:
        The explanation.

    Raises:
        ConfigError: If there is no such view or class, or all documents belong to other customers.
        DataError: If labels of the documents are illegal; all of them are listed.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> model = HierarchicalTextClassifier(shipped("tiny"), encoder=None)
        >>> model = model.fit(["red fox", "red hen", "blue sea", "blue sky"], ["A", "A", "D", "D"])
        >>> found = explain(model, "a red boat", at="area", documents=["red fox", "blue sea"])
        >>> found.answer, found.words[0].word, found.duel.topic, found.duel.terms[0].term, found.neighbours[0].text
        ('X', 'red', 'A', 'red', 'red fox')

    Source:
        Occlusion: Zeiler and Fergus, ECCV 2014; for words Li et al., "Understanding neural networks through
        representation erasure", 2016.
    """
    check_is_fitted(classifier, "taxonomy_")
    if n_neighbours < 0 or max_words < 0:
        raise ConfigError(f"expected n_neighbours >= 0 and max_words >= 0, got {n_neighbours} and {max_words}")
    (row,) = make_rows([text])
    taxonomy, scorer = classifier.taxonomy_, classifier.scorer_
    view = taxonomy.view(taxonomy.levels[-1] if at is None else at)
    own = own_documents(taxonomy, documents, asker=view.name, task=scorer.task)
    topics = scorer.topics([row.text])
    conditioned = scorer.conditioned(topics, view)[0]
    classes = scorer.classes(topics, view)[0]
    column = int(classes.argmax()) if of is None else view.index(of)
    return Explanation(
        text=row.text,
        view=view.name,
        answer=view.classes[column],
        probability=float(classes[column].exp()),
        topics=_parts(scorer.task, scorer.filed(view), column, conditioned),
        words=occlude(scorer, row.text, view, column, max_words=max_words),
        n_words=len(word_spans(row.text)),
        duel=duel(scorer, row.text, view, column, conditioned),
        neighbours=nearest(scorer, row.text, own, n=n_neighbours),
        n_documents=len(own),
    )


def _parts(task: Task, view: View, column: int, conditioned: Tensor) -> tuple[TopicPart, ...]:
    """What the topics of a class give to its probability, the largest first."""
    probabilities, shares = task.shares(conditioned, view, column)
    parts = [
        TopicPart(topic=view.topics[place], probability=float(probabilities[place]), share=float(shares[place]))
        for place in np.flatnonzero(view.weights[:, [column]].toarray()).tolist()
    ]
    return tuple(sorted(parts, key=lambda part: -part.share))
