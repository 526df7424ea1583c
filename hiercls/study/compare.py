"""hiercls beside the plain methods that a user would try first, on the user's own documents.

Knows methods and splits; how results are told, ``cli/compare`` knows.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hiercls.estimator import HierarchicalTextClassifier
from hiercls.model.heads import HeadConfig
from hiercls.study.baselines import OWN_DATA, Baseline, Documents, predict_from_own_data
from hiercls.study.labelled import Known, known_at
from hiercls.study.local import local_classifiers
from hiercls.study.paired import Answers
from hiercls.study.parallel import Backend, run_many
from hiercls.study.splits import Split
from hiercls.taxonomy import Taxonomy

HIERCLS, FINE_TUNED, MAJORITY = "hiercls", "flat fine-tuning of the same encoder", "majority class"

Predictions = Mapping[str, np.ndarray]
"""Classes of a split's test documents, shape (n_test,), by view, where a method can answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareConfig:
    """What is compared.

    Args:
        settings: Settings of ``HierarchicalTextClassifier`` beside taxonomy and seed.
        local: Whether hiclass is among the methods.
        fine_tuned: Whether a fine-tuned encoder with one flat head is, which is slow on a CPU.
    """

    settings: Mapping[str, Any]
    local: bool
    fine_tuned: bool

    def methods(self, taxonomy: Taxonomy) -> tuple[str, ...]:
        """The names of the methods, in the order of the table.

        Args:
            taxonomy: The map.

        Returns:
            hiercls first.
        """
        plain = [baseline.name.removeprefix("own data: ") for baseline in OWN_DATA]
        tuned = [FINE_TUNED] if self.fine_tuned else []
        local = [local_classifiers(taxonomy).name] if self.local else []
        return (HIERCLS, *tuned, *local, *plain)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitResult:
    """How one method did on one split.

    Args:
        method: Its name.
        seed: The split's seed.
        answers: Its answers by view, where it can answer.
        seconds: What training and prediction took, encodings being cached.
    """

    method: str
    seed: int
    answers: Mapping[str, Answers]
    seconds: float


def compare(
    splits: Sequence[Split],
    clusters: np.ndarray,
    config: CompareConfig,
    *,
    backend: Backend = "local",
    workers: int = 1,
) -> Iterator[SplitResult]:
    """Run all methods on all splits.

    Every method but hiercls learns each view from the documents alone whose class there is known; hiercls learns all
    views at once from all documents.

    Args:
        splits: The splits, of one taxonomy.
        clusters: A number per document that may be tested on; those of one thread share it.
        config: What is compared.
        backend: Where methods are run: processes of this machine, or a running cluster.
        workers: How many at once; one local worker is this process, in order.

    Returns:
        Each method's result on each split, as soon as it is there.
    """
    given = ((split, method, clusters, config) for split in splits for method in config.methods(split.taxonomy))
    return run_many(_one, given, backend=backend, workers=workers)


def _one(split: Split, method: str, clusters: np.ndarray, config: CompareConfig) -> SplitResult:
    """One method on one split, in whatever process."""
    start = time.perf_counter()
    predicted, answers = _methods(split, config)[method](split), {}
    for name in split.views:
        if name in predicted:
            truth = known_at(split.taxonomy, split.test.labels, name)
            right = predicted[name][truth.documents] == truth.classes
            answers[name] = Answers(clusters=clusters[split.places[truth.documents]], right=right)
    return SplitResult(method=method, seed=split.seed, answers=answers, seconds=time.perf_counter() - start)


def _methods(split: Split, config: CompareConfig) -> dict[str, Callable[[Split], Predictions]]:
    """How each method predicts."""
    settings = {**config.settings, "random_state": split.seed}
    runs: list[Callable[[Split], Predictions]] = [functools.partial(_union, settings=settings)]
    if config.fine_tuned:
        runs.append(functools.partial(_fine_tuned, settings=settings))
    if config.local:
        runs.append(_local)
    runs += [functools.partial(_plain, baseline=baseline, settings=settings) for baseline in OWN_DATA]
    return dict(zip(config.methods(split.taxonomy), runs, strict=True))


def _union(split: Split, *, settings: Mapping[str, Any]) -> Predictions:
    """hiercls: trained once on all documents, asked at every view."""
    classifier = HierarchicalTextClassifier(split.taxonomy, **settings).fit_rows(split.training.rows)
    scorer = classifier.scorer_
    topics = scorer.topics(split.test.texts)
    views = {name: split.taxonomy.view(name) for name in split.views}
    return {name: scorer.classes(topics, view).argmax(dim=-1).numpy() for name, view in views.items()}


def _local(split: Split) -> Predictions:
    """hiclass: trained once on the documents whose topic is known; a topic decides every view that names it."""
    taxonomy = split.taxonomy
    known = known_at(taxonomy, split.training.labels, taxonomy.levels[-1])
    if not len(known.documents):
        return {}
    documents = Documents.of(split.training.texts, None), Documents.of(split.test.texts, None)
    topics = _predict(local_classifiers(taxonomy), known, documents, seed=split.seed)
    predicted = {}
    for name in split.views:
        membership = taxonomy.view(name).membership.toarray()
        predicted[name] = np.where(membership.any(axis=1), membership.argmax(axis=1), -1)[topics]
    return predicted


def _plain(split: Split, *, baseline: Baseline, settings: Mapping[str, Any]) -> Predictions:
    """A plain classifier for each view, on the documents whose class there is known."""
    encode = None
    if baseline.features == "encodings":
        encode = HierarchicalTextClassifier(split.taxonomy, **settings).build_engine().encode
    documents = Documents.of(split.training.texts, encode), Documents.of(split.test.texts, encode)
    return {name: _predict(baseline, known, documents, seed=split.seed) for name, known in _learnable(split)}


def _fine_tuned(split: Split, *, settings: Mapping[str, Any]) -> Predictions:
    """The encoder trained whole under one flat softmax for each view, on the documents whose class there is known."""
    head = HeadConfig(hidden=0, dropout=0.1)
    predicted = {}
    for name, known in _learnable(split):
        classes = np.unique(known.classes)
        predicted[name] = np.full(len(split.test.rows), classes[0])
        if len(classes) > 1:
            names = {str(one): one for one in classes.tolist()}
            flat = Taxonomy.from_dict({"hiercls": 1, "name": "flat", "levels": ["class"], "topics": list(names)})
            classifier = HierarchicalTextClassifier(flat, **{**settings, "tune": "all", "lexical": False, "head": head})
            texts = [split.training.rows[place].text for place in known.documents]
            classifier.fit(texts, known.classes.astype(str).tolist())
            predicted[name] = np.array([names[one] for one in classifier.predict(split.test.texts)])
    return predicted


def _learnable(split: Split) -> Iterator[tuple[str, Known]]:
    """The views that are tested and that some training document's class is known at, with these documents."""
    for name in split.views:
        known = known_at(split.taxonomy, split.training.labels, name)
        if len(known.documents):
            yield name, known


def _predict(baseline: Baseline, known: Known, documents: tuple[Documents, Documents], *, seed: int) -> np.ndarray:
    """Tune, fit and predict."""
    training, test = documents
    return predict_from_own_data(baseline, training.take(known.documents), known.classes, test, seed=seed)
