"""What a customer may do with its labelled documents, as ways that can be tried on each other: with a model, or alone.

Knows what a model says, encodings, texts and classes; which way is advised, ``hiercls.customers`` knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import logsumexp
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.naive_bayes import ComplementNB
from sklearn.pipeline import make_pipeline

from hiercls.customers import Repurposer, adapt_customer, infer_classes
from hiercls.customers.adapt import Method
from hiercls.customers.advice import Indices, Way
from hiercls.customers.em import Array
from hiercls.customers.words import WordLayer
from hiercls.scoring import Scorer
from hiercls.taxonomy import Taxonomy, View

AS_IT_IS = "the YAML alone"
ADAPTATIONS: Mapping[str, Method] = {"adapt, its mix of topics alone": "prior", "adapt, its mix and filing": "filing"}


def ways_to_serve(
    taxonomy: Taxonomy, scorer: Scorer, texts: Sequence[str], classes: Indices, *, n_classes: int, view: View | None
) -> Mapping[str, Way]:
    """The ways that are sensible, the simplest first.

    Args:
        taxonomy: The map.
        scorer: A trained scorer.
        texts: The customer's documents.
        classes: Their classes, by position, shape (n_texts,).
        n_classes: The classes that there are.
        view: The customer's classes as declared; None: it has no YAML, and what needs one is left out.

    Returns:
        Ways by name.
    """
    topics = scorer.topics(texts)
    logs, pooled = topics.numpy().astype(np.float64), scorer.mix.answered
    ways: dict[str, Way] = {}
    if view is not None:
        said = scorer.classes(topics, view).numpy().argmax(axis=1)
        ways[AS_IT_IS] = lambda inside, outside: said[outside]
        for name, method in ADAPTATIONS.items():
            ways[name] = _adapting(logs, classes, view, pooled=pooled, said=said, method=method)

    def inferring(inside: Indices, outside: Indices) -> Indices:
        names = tuple(map(str, range(n_classes)))
        found = infer_classes(logs[inside], classes[inside], names=taxonomy.topics, classes=names, pooled=pooled)
        return _answers(logs[outside], found.posterior)

    ways["no YAML, classes inferred from labels"] = inferring
    if scorer.engine is None:
        ways["a head of its own on the topics"] = _heading({"topics": logs}, classes)
    else:
        encodings = scorer.engine.encode(texts)
        ways["a head of its own on the encoder"] = _heading({"encoding": encodings}, classes)
        both = {"encoding": encodings, "topics": logs}
        ways["a head of its own on encoder, topics and words"] = _heading(both, classes, texts=texts)
    ways["words alone, naive Bayes"] = _words(texts, classes)
    return ways


def _adapting(logs: Array, classes: Indices, view: View, *, pooled: Array, said: Indices, method: Method) -> Way:
    """The customer's own mix, and filing, where they help."""

    def way(inside: Indices, outside: Indices) -> Indices:
        found = adapt_customer(logs[inside], classes[inside], view=view, pooled=pooled, method=method)
        if not found.helps:
            return said[outside]
        with np.errstate(divide="ignore"):
            return _answers(logs[outside] + np.log(found.mix) - np.log(pooled), found.filing)

    return way


def _answers(logs: Array, filing: Array) -> Indices:
    """The likeliest classes, shape (n_documents,)."""
    shares = np.exp(logs - logsumexp(logs, axis=1, keepdims=True))
    found: Indices = (shares @ filing).argmax(axis=1)
    return found


def _heading(layers: Mapping[str, Array], classes: Indices, *, texts: Sequence[str] = ()) -> Way:
    """Logistic regression on features, and on words where texts are given."""

    def way(inside: Indices, outside: Indices) -> Indices:
        if len(np.unique(classes[inside])) < 2:
            return np.full(len(outside), classes[inside][0])
        parts = [{name: layer[rows] for name, layer in layers.items()} for rows in (inside, outside)]
        if texts:
            words = WordLayer().fit([texts[row] for row in inside])
            for part, rows in zip(parts, (inside, outside), strict=True):
                part["words"] = words.transform([texts[row] for row in rows])
        found: Indices = Repurposer().fit(parts[0], classes[inside]).predict(parts[1])
        return found

    return way


def _words(texts: Sequence[str], classes: Indices) -> Way:
    """TF-IDF and complement naive Bayes; the commonest class where the texts have no words."""

    def way(inside: Indices, outside: Indices) -> Indices:
        model: Any = make_pipeline(TfidfVectorizer(sublinear_tf=True), ComplementNB(alpha=0.1))
        learnt, asked = ([texts[row] for row in rows] for rows in (inside, outside))
        try:
            model.fit(learnt, classes[inside])
        except ValueError:  # scikit-learn's word for texts without any word
            model = DummyClassifier().fit(learnt, classes[inside])
        found: Indices = model.predict(asked)
        return found

    return way
