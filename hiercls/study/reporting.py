"""What a report shows, measured: every view, the map, the surest mistakes, audits, and what own data alone would give.

Knows answers and labelled documents; how a page is written, ``hiercls.report`` knows. What is made for one customer
holds that customer's documents, classes and names alone.
"""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from hiercls import __version__
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.estimator.auditing import audit_scored
from hiercls.metrics import RiskCoverage, evaluate_view, risk_coverage, score_probabilities, top_reliability
from hiercls.plots import confusion
from hiercls.report import Audited, Contents, Mistake, ViewPart, class_sectors, hierarchy_sectors
from hiercls.study import paired
from hiercls.study.answers import Answers
from hiercls.study.baselines import Documents, best_of_own_data
from hiercls.study.evaluation import caution, count_empty
from hiercls.study.labelled import Labelled, owners_of, thread_numbers
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.document import listed

N_MISTAKES = 10
"""Mistakes that are quoted at a view."""

SIZES = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
"""Own training documents at which own data alone is tried, beside all of them."""

COARSER, NONE = "coarser answers where uncertain", "no answer where uncertain"
"""What may be done with uncertain documents."""

PACKAGES = ("torch", "transformers", "scikit-learn", "numpy")
"""Whose versions are said."""

SHOWN = ("task", "tune", "precision", "max_length", "head", "training", "lexical", "random_state")
"""The settings that are said; those that name customers are not among them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluated:
    """Labelled documents, what a model said of them, and what else the report may look at.

    Args:
        documents: The documents, none of which it was trained on.
        answers: What it said.
        training: The documents that it was trained on, for what each customer's own alone would give; None: not asked.
    """

    documents: Labelled
    answers: Answers
    training: Labelled | None = None

    def of(self, customer: str) -> Evaluated:
        """The same, of one customer's own documents and at its view alone.

        Args:
            customer: Its name.

        Returns:
            Its part.
        """
        answers, own = self.answers, _owned(self.answers.taxonomy, self.documents, customer)
        return Evaluated(
            documents=self.documents.take(own),
            answers=Answers(
                taxonomy=answers.taxonomy,
                topics=answers.topics[own],
                classes={customer: answers.classes[customer][own]},
                truths={name: truth[own] for name, truth in answers.truths.items()},
            ),
            training=self.training,
        )


def report_on_all(classifier: HierarchicalTextClassifier, tested: Evaluated, *, about: Mapping[str, str]) -> Contents:
    """The report for whoever runs a model: all levels, all customers, documents of all.

    Args:
        classifier: The model.
        tested: What it was tested on.
        about: What stands above the settings, such as where the model and the documents are.

    Returns:
        What the page shows.
    """
    taxonomy, answers = classifier.taxonomy_, tested.answers
    parts = _parts(classifier, tested)
    own = {name: _owned(taxonomy, tested.documents, name) for name in taxonomy.customers}
    finest, topic = np.flatnonzero(answers.topic_truth >= 0), taxonomy.levels[-1]
    asked = {f"Level {topic}": (topic, finest)}
    asked |= {f"Customer {name}": (name, np.setdiff1d(places, finest)) for name, places in own.items()}
    mistakes = {title: _mistakes(tested, name, places) for title, (name, places) in asked.items()}
    return Contents(
        name=taxonomy.name,
        customer=None,
        n_documents=answers.n_documents,
        n_empty=count_empty(tested.documents.texts),
        views=parts,
        sectors=hierarchy_sectors(taxonomy.hierarchy, parts[: len(taxonomy.levels)]),
        mistakes={title: found for title, found in mistakes.items() if found},
        teaching=[_sentence(line) for line in taxonomy.identifiability().summary().splitlines()]
        if taxonomy.customers
        else [],
        audits=_audits(classifier, tested, taxonomy.customers),
        settings={**about, **_settings(classifier)},
    )


def report_for(classifier: HierarchicalTextClassifier, tested: Evaluated, *, customer: str) -> Contents:
    """The report that may be handed over to a customer: its own documents, its classes with their topics, no more.

    Args:
        classifier: The model.
        tested: What it was tested on, documents of others included: an audit needs them, and shows none.
        customer: Its name.

    Returns:
        What the page shows.
    """
    taxonomy, own = classifier.taxonomy_, tested.of(customer)
    parts = _parts(classifier, own)
    mistakes = _mistakes(own, customer, np.arange(own.answers.n_documents))
    topic = taxonomy.levels[-1]
    said = own.answers.topics
    topics = _part(Answers(taxonomy=taxonomy, topics=said, classes={topic: said}, truths=own.answers.truths), topic)
    return Contents(
        name=customer,
        customer=customer,
        n_documents=own.answers.n_documents,
        n_empty=count_empty(own.documents.texts),
        views=parts,
        sectors=class_sectors(parts[0], topics),
        mistakes={"In your classes": mistakes} if mistakes else {},
        teaching=_taught(taxonomy, customer),
        audits=_audits(classifier, tested, [customer]),
        settings=_settings(classifier),
    )


def _owned(taxonomy: Taxonomy, documents: Labelled, customer: str) -> np.ndarray:
    """Where a customer's documents are: those that name it, or name nobody and are labelled at its view alone."""
    return np.flatnonzero(owners_of(taxonomy, documents) == customer)


def _parts(classifier: HierarchicalTextClassifier, tested: Evaluated) -> list[ViewPart]:
    """A part for every view that is answered at."""
    own = {} if tested.training is None else _own_data(classifier, tested, tested.training)
    return [_part(tested.answers, name, **own.get(name, {})) for name in tested.answers.classes]


def _part(answers: Answers, name: str, **own: Any) -> ViewPart:
    """All scores and curves of one view."""
    taxonomy, logs, truth = answers.taxonomy, answers.classes[name], answers.truths[name]
    view, said = taxonomy.view(name), logs.argmax(axis=1)
    return ViewPart(
        view=view,
        is_level=name in taxonomy.levels,
        scores=evaluate_view(view, said, truth),
        probabilities=score_probabilities(logs, truth),
        confusion=confusion(said, truth, view=view, taxonomy=taxonomy),
        reliability=top_reliability(logs, truth),
        curves=_curves(answers, name),
        **own,
    )


def _curves(answers: Answers, name: str) -> dict[str, RiskCoverage]:
    """Risk by coverage; at the topics with coarser answers, too."""
    logs, truth = answers.classes[name], answers.truths[name]
    known = truth >= 0
    if name == answers.taxonomy.levels[-1] and known.any():
        both = caution(answers)
        return {COARSER: both.hierarchical, NONE: both.flat}
    said = logs[known]
    return {NONE: risk_coverage(said.max(axis=1), said.argmax(axis=1) != truth[known])}


def _own_data(
    classifier: HierarchicalTextClassifier, tested: Evaluated, training: Labelled
) -> dict[str, dict[str, object]]:
    """For each customer with training documents, what they alone give on the documents that are tested."""
    taxonomy, engine, answers = classifier.taxonomy_, classifier.scorer_.engine, tested.answers
    seed = classifier.random_state if isinstance(classifier.random_state, int) else 0
    clusters, found = thread_numbers(tested.documents), {}

    def encoded(documents: Labelled) -> Documents:
        texts = documents.texts
        return Documents(texts=texts, encodings=np.empty((len(texts), 0)) if engine is None else engine.encode(texts))

    for name in [name for name in answers.classes if name in taxonomy.customers]:
        hand = training.take(_owned(taxonomy, training, name))
        labels, truth = hand.labels.project(taxonomy.view(name)), answers.truths[name]
        taught, asked = np.flatnonzero(labels >= 0), np.flatnonzero(truth >= 0)
        if not len(taught) or not len(asked):
            continue
        test = encoded(tested.documents.take(asked))
        rights = _learning(encoded(hand.take(taught)), labels[taught], test, truth[asked], seed=seed)
        ours = answers.classes[name][asked].argmax(axis=1) == truth[asked]
        both = [paired.Answers(clusters=clusters[asked], right=one) for one in (ours, rights[len(taught)])]
        gain = paired.paired_difference(both[:1], both[1:])
        learning = {size: float(right.mean()) for size, right in rights.items()}
        found[name] = {"own": both[1].accuracy, "gain": gain.interval, "learning": learning}
    return found


def _learning(
    training: Documents, labels: np.ndarray, test: Documents, truth: np.ndarray, *, seed: int
) -> dict[int, np.ndarray]:
    """Where own data alone gives the right class, by how many of its documents there are, each part within the next."""
    n_all = len(labels)
    order = np.random.default_rng(seed).permutation(n_all)
    found = {}
    for size in (*(one for one in SIZES if one < n_all), n_all):
        part = np.sort(order[:size])
        found[size] = best_of_own_data(training.take(part), labels[part], test, truth, seed=seed)
    return found


def _mistakes(tested: Evaluated, name: str, places: np.ndarray) -> list[Mistake]:
    """The surest mistakes at a view among some documents, no text twice."""
    view, logs, truth = tested.answers.taxonomy.view(name), tested.answers.classes[name], tested.answers.truths[name]
    said = logs.argmax(axis=1)
    wrong = places[(truth[places] >= 0) & (said[places] != truth[places])]
    found: dict[str, Mistake] = {}
    for place in wrong[np.argsort(-logs[wrong].max(axis=1), kind="stable")].tolist():
        if len(found) == N_MISTAKES:
            break
        text = tested.documents.rows[place].text
        one = Mistake(
            text=text,
            truth=view.classes[truth[place]],
            answer=view.classes[said[place]],
            probability=float(np.exp(logs[place, said[place]])),
            of_truth=float(np.exp(logs[place, truth[place]])),
        )
        found.setdefault(text.strip(), one)
    return list(found.values())


def _audits(classifier: HierarchicalTextClassifier, tested: Evaluated, customers: Sequence[str]) -> list[Audited]:
    """The audits of customers that have filed documents here, where there are others to compare them with."""
    taxonomy, known = classifier.taxonomy_, frozenset(classifier.taxonomy_.customers)
    whole = zip(tested.documents.rows, tested.documents.labels.views, strict=True)
    clear = [row.customer is not None or len(views & known) < 2 for row, views in whole]  # it is known whose they are
    places = np.flatnonzero(clear)
    documents, topics, found = tested.documents.take(places), tested.answers.topics[places], []
    pooled = classifier.scorer_.mix.pooled
    for name in customers:
        own = _owned(taxonomy, documents, name)
        is_filed = any(view == name for place in own for view, _ in documents.labels.classes[place])
        if not is_filed or len(own) == len(documents.rows):
            continue
        audit, rows = audit_scored(taxonomy, documents.rows, documents.labels, topics, customer=name, pooled=pooled)
        quoted = tuple((one, tuple(rows[place].text for place in one.examples)) for one in audit.findings)
        found.append(
            Audited(
                customer=name,
                n_documents=audit.n_documents,
                findings=quoted,
                unaudited=audit.unaudited,
                confounded=audit.confounded,
            )
        )
    return found


def _taught(taxonomy: Taxonomy, customer: str) -> list[str]:
    """What the customer's own labels tell apart, and what everybody's do, of the topics that it names."""
    scope = {topic for topic, named in zip(taxonomy.topics, taxonomy.view(customer).scope, strict=True) if named}
    alone, together = taxonomy.identifiability([customer]), taxonomy.identifiability()
    n_apart = sum(not scope.isdisjoint(cell) for cell in alone.cells)
    left = [topic for group in together.confounded for topic in group if topic in scope]
    rest = f"leave open how probable {listed(left)} are" if left else "determine every one of them"
    return [
        f"Your own labels tell {n_apart} groups of your {len(scope)} topics apart.",
        f"Together with everybody else's they {rest}.",
    ]


def _sentence(line: str) -> str:
    """A line as a sentence."""
    return f"{line[:1].upper()}{line[1:]}."


def _settings(classifier: HierarchicalTextClassifier) -> dict[str, str]:
    """Versions and settings, none of which names a customer or a place."""
    params, calibration = classifier.get_params(deep=False), classifier.calibration_
    encoder = "none: words alone" if classifier.encoder is None else Path(classifier.encoder_config().name).name
    said = "none" if calibration is None else calibration.pooled.method
    shown = {name.replace("_", " "): _worded(params[name]) for name in SHOWN if params[name] is not None}
    versions = {f"{package} version": version(package) for package in PACKAGES}
    return {
        "hiercls version": __version__,
        "made on": date.today().isoformat(),
        "encoder": encoder,
        "calibration": said,
        **shown,
        **versions,
        "Python version": platform.python_version(),
    }


def _worded(setting: object) -> str:
    """A setting in words; of a config what is not left open."""
    if not dataclasses.is_dataclass(setting):
        return str(setting)
    values = {field.name: getattr(setting, field.name) for field in dataclasses.fields(setting)}
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values.items() if value is not None)
