"""The union benchmark: do everybody's coarse labels together teach the fine topics, and whom does it help?

The 20 Newsgroups training documents are dealt at random to the customers, each keeps only its own class of a document.
One model learns from the union; beside it stand the fine-label oracle and what each customer's own data gives.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hiercls.data.rows import Row
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.metrics import ViewScores, evaluate_view
from hiercls.study.baselines import OWN_DATA, Baseline, Documents, predict_from_own_data
from hiercls.study.corpus import Corpus
from hiercls.study.cost import Cost, cost_of
from hiercls.study.labelled import undetermined_topics
from hiercls.taxonomy import Taxonomy, View
from hiercls.training.config import TrainingConfig

UNION, UNION_ENCODER, UNION_WORDS, ORACLE, ORACLE_ENCODER, TRUNK = (
    "hiercls: union, coarse labels only",
    "the same, frozen encoder alone",
    "the same, words alone",
    "hiercls: fine-label oracle",
    "fine-label oracle, frozen encoder alone",
    "shared trunk, a head per customer, frozen encoder alone",
)
FINE = {f"fine labels: {one.name.removeprefix('own data: ')}": one for one in OWN_DATA if one.features != "none"}
"""The baselines that all documents' topics are given to, beside the oracle."""
METHODS = (
    *(UNION, UNION_ENCODER, UNION_WORDS, ORACLE, ORACLE_ENCODER, *FINE, TRUNK),
    *(baseline.name for baseline in OWN_DATA),
)
"""What is compared."""
LABELS_ALONE: Mapping[str, Any] = {"training": TrainingConfig(about_weight=0.0)}
"""Settings of a study that claims to learn from the customers' labels and nothing else: descriptions are not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """One world of the benchmark.

    Args:
        taxonomy: The map with all customers.
        newcomer: The customer that no model is trained on.
        newcomer_documents: Documents of its own that the newcomer's own-data baselines get.
        training: The documents that are dealt out.
        test: The documents that all are tested on.
        seed: Seed of the deal and of all training.
    """

    taxonomy: Taxonomy
    newcomer: str
    newcomer_documents: int
    training: Corpus
    test: Corpus
    seed: int

    @property
    def customers(self) -> tuple[str, ...]:
        """The customers that the training documents are dealt to."""
        return tuple(name for name in self.taxonomy.customers if name != self.newcomer)

    def deal(self) -> dict[str, np.ndarray]:
        """The positions of each customer's training documents; the newcomer's overlap with everybody's.

        Returns:
            Sorted positions by customer.
        """
        random = np.random.default_rng(self.seed)
        order = random.permutation(len(self.training.texts))
        hands = {name: np.sort(order[place :: len(self.customers)]) for place, name in enumerate(self.customers)}
        own = random.permutation(len(self.training.texts))[: self.newcomer_documents]
        return {**hands, self.newcomer: np.sort(own)}


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodResult:
    """How one method did.

    Args:
        method: Its name.
        scores: Scores on the test documents by view, where the method can answer there.
        cost: What its model has cost beside time; None where it is none of hiercls.
        seconds: What training and prediction took, encodings being cached.
    """

    method: str
    scores: Mapping[str, ViewScores]
    cost: Cost | None
    seconds: float


Found = tuple[dict[str, ViewScores], Cost | None]
"""Scores by view, where a method can answer there, and what its model has cost."""


def methods_of(others: Mapping[str, Any]) -> tuple[str, ...]:
    """What is compared, in the order of the table.

    Args:
        others: Settings under which the fine-label oracle is run once more, beside itself; empty: it is not.

    Returns:
        ``METHODS``, and after the oracle's rows its other one, named by its settings.

    Example:
        >>> sorted(set(methods_of({"tune": "last-1", "max_length": 128})) - set(METHODS))
        ['hiercls: fine-label oracle, tune last-1, max_length 128']
    """
    place = METHODS.index(ORACLE_ENCODER) + 1
    return tuple(dict.fromkeys((*METHODS[:place], _other_oracle(others), *METHODS[place:])))


def _other_oracle(others: Mapping[str, Any]) -> str:
    """The name of the oracle under other settings; its own where there are none."""
    return ", ".join([ORACLE, *(f"{name} {value}" for name, value in others.items())])


def run_union(
    protocol: Protocol, *, settings: Mapping[str, Any], others: Mapping[str, Any], wanted: Collection[str]
) -> Iterator[MethodResult]:
    """Run some methods on one world.

    Args:
        protocol: The world.
        settings: Settings of ``HierarchicalTextClassifier`` beside taxonomy and seed.
        others: Further settings under which the fine-label oracle is run once more; empty: it is not.
        wanted: Names of the methods to run, of ``methods_of(others)``.

    Yields:
        Each method's result as soon as it is there.
    """
    for method, run in _methods(protocol, settings, others).items():
        if method in wanted:
            start = time.perf_counter()
            scores, cost = run()
            yield MethodResult(method=method, scores=scores, cost=cost, seconds=time.perf_counter() - start)


def _methods(
    protocol: Protocol, settings: Mapping[str, Any], others: Mapping[str, Any]
) -> dict[str, Callable[[], Found]]:
    """How each method is run."""
    settings = {**LABELS_ALONE, **settings}
    hands = protocol.deal()
    coarse, fine = coarse_rows(protocol, hands), _fine_rows(protocol)
    encoder_alone, words_alone = {**settings, "lexical": False}, {**settings, "encoder": None}
    documents = functools.cache(functools.partial(_documents, protocol, encoder_alone))
    plain = {name: functools.partial(_fine_data, protocol, baseline, documents) for name, baseline in FINE.items()}
    own = {baseline.name: functools.partial(_own_data, protocol, hands, baseline, documents) for baseline in OWN_DATA}
    return {
        UNION: functools.partial(_hiercls, protocol, coarse, settings),
        UNION_ENCODER: functools.partial(_hiercls, protocol, coarse, encoder_alone),
        UNION_WORDS: functools.partial(_hiercls, protocol, coarse, words_alone),
        ORACLE: functools.partial(_hiercls, protocol, fine, settings),
        ORACLE_ENCODER: functools.partial(_hiercls, protocol, fine, encoder_alone),
        _other_oracle(others): functools.partial(_hiercls, protocol, fine, {**settings, **others}),
        **plain,
        TRUNK: functools.partial(_shared_trunk, protocol, coarse, encoder_alone),
        **own,
    }


def classes_of(view: View, topics: np.ndarray) -> np.ndarray:
    """The class of each topic in a partition.

    Args:
        view: A level or a customer that is a partition.
        topics: Positions of topics, shape (n_documents,).

    Returns:
        Positions of classes, shape (n_documents,).

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> classes_of(Taxonomy.from_yaml(shipped("tiny")).view("one"), np.array([0, 3, 5])).tolist()
        [0, 1, 2]
    """
    class_of: np.ndarray = np.asarray(view.membership.indices)
    classes: np.ndarray = class_of[topics]
    return classes


def coarse_rows(protocol: Protocol, hands: Mapping[str, np.ndarray]) -> list[Row]:
    """Each customer's documents with nothing but its own class.

    Args:
        protocol: The world.
        hands: Which training documents each customer has, as ``protocol.deal()`` gives them.

    Returns:
        One row per document of the customers that are trained on.
    """
    rows = []
    for name in protocol.customers:
        view = protocol.taxonomy.view(name)
        for place, column in zip(hands[name], classes_of(view, protocol.training.topics[hands[name]]), strict=True):
            rows.append(Row(text=protocol.training.texts[place], labels=((name, view.classes[column]),), customer=name))
    return rows


def _fine_rows(protocol: Protocol) -> list[Row]:
    """All documents with their topic."""
    names = protocol.taxonomy.topics
    pairs = zip(protocol.training.texts, protocol.training.topics, strict=True)
    return [Row(text=text, labels=((None, names[topic]),)) for text, topic in pairs]


def _hiercls(protocol: Protocol, rows: Sequence[Row], settings: Mapping[str, Any]) -> Found:
    """Train on rows and test at every view."""
    classifier = HierarchicalTextClassifier(protocol.taxonomy, random_state=protocol.seed, **settings).fit_rows(rows)
    predicted = _predictions(classifier, protocol, protocol.taxonomy.views)
    return _scores(protocol, predicted), cost_of(classifier, protocol.training.texts)


def _predictions(
    classifier: HierarchicalTextClassifier, protocol: Protocol, names: Sequence[str]
) -> dict[str, np.ndarray]:
    """The likeliest class of each test document at some views of the classifier's own taxonomy."""
    topics = classifier.scorer_.topics(protocol.test.texts)
    views = (classifier.taxonomy_.view(name) for name in names)
    return {view.name: classifier.scorer_.classes(topics, view).argmax(dim=-1).numpy() for view in views}


def _scores(protocol: Protocol, predicted: Mapping[str, np.ndarray]) -> dict[str, ViewScores]:
    """How good predicted classes of the test documents are, by view."""
    views = {name: protocol.taxonomy.view(name) for name in predicted}
    return {
        name: evaluate_view(view, predicted[name], classes_of(view, protocol.test.topics))
        for name, view in views.items()
    }


def _documents(protocol: Protocol, settings: Mapping[str, Any]) -> tuple[Documents, Documents]:
    """Training and test documents with their encodings, as the baselines read them."""
    engine = HierarchicalTextClassifier(protocol.taxonomy, **settings).build_engine()
    training, test = (
        Documents(texts=corpus.texts, encodings=engine.encode(corpus.texts))
        for corpus in (protocol.training, protocol.test)
    )
    return training, test


def _fine_data(protocol: Protocol, baseline: Baseline, documents: Callable[[], tuple[Documents, Documents]]) -> Found:
    """Give a baseline all documents with their topics; a level's or a customer's class is that of its topic."""
    training, test = documents()
    topics = predict_from_own_data(baseline, training, protocol.training.topics, test, seed=protocol.seed)
    predicted = {name: classes_of(protocol.taxonomy.view(name), topics) for name in protocol.taxonomy.views}
    return _scores(protocol, predicted), None


def _own_data(
    protocol: Protocol,
    hands: Mapping[str, np.ndarray],
    baseline: Baseline,
    documents: Callable[[], tuple[Documents, Documents]],
) -> Found:
    """Give a baseline each customer's own documents, and test it at that customer."""
    training, test = documents()
    predicted = {}
    for name, positions in hands.items():
        labels = classes_of(protocol.taxonomy.view(name), protocol.training.topics[positions])
        predicted[name] = predict_from_own_data(baseline, training.take(positions), labels, test, seed=protocol.seed)
    return _scores(protocol, predicted), None


def _shared_trunk(protocol: Protocol, rows: Sequence[Row], settings: Mapping[str, Any]) -> Found:
    """A shared hidden layer with one head and one loss a customer.

    That is the same network over one flat level whose "topics" are all customers' classes, where each customer's
    softmax is over its own classes alone: a partial customer.
    """
    names = {name: protocol.taxonomy.view(name).classes for name in protocol.customers}
    flat = Taxonomy.from_dict(
        {
            "hiercls": 1,
            "name": "heads",
            "levels": ["class"],
            "topics": [f"{name} / {one}" for name, classes in names.items() for one in classes],
            "customers": {
                name: {"partial": True, "classes": {one: f"{name} / {one}" for one in classes}}
                for name, classes in names.items()
            },
        }
    )
    with undetermined_topics():
        classifier = HierarchicalTextClassifier(flat, random_state=protocol.seed, **settings).fit_rows(rows)
    predicted = _predictions(classifier, protocol, protocol.customers)
    return _scores(protocol, predicted), cost_of(classifier, protocol.training.texts)
