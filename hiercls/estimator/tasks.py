"""What a task asks of the settings, the labels and the answers of an estimator.

Knows both tasks; knows no training and no file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import numpy as np
from torch import Tensor

from hiercls.calibration import DEFAULT_METHOD, Method
from hiercls.data.rows import Row
from hiercls.decoding import least_cost, least_cost_several, stop, stop_several
from hiercls.errors import ConfigError, DataError
from hiercls.model.head import Composition, HeadSettings
from hiercls.model.multilabel import SeveralTopics
from hiercls.model.multilabel_targets import MultilabelTable
from hiercls.model.priors import Priors
from hiercls.model.targets import TargetTable
from hiercls.model.task import OneTopic, Task
from hiercls.scoring import Scorer
from hiercls.taxonomy import Taxonomy, View
from hiercls.taxonomy.labels import ResolvedLabels, resolve
from hiercls.taxonomy.multilabels import UNKNOWN, Multilabels, resolve_multilabels
from hiercls.training.prior import pooled_mix
from hiercls.training.threshold import choose_threshold

TaskName = Literal["multiclass", "multilabel"]
"""scikit-learn's words: one topic a document, or any number of them."""


def task_of(name: Any, *, threshold: float = 0.5) -> Task:
    """A task by the name that the estimator knows it by.

    Args:
        name: ``multiclass`` or ``multilabel``.
        threshold: The probability from which a class is predicted, where there may be several.

    Returns:
        The task.

    Raises:
        ConfigError: If there is no such task.
    """
    if name not in get_args(TaskName):
        raise ConfigError(f"expected the task to be one of {', '.join(get_args(TaskName))}, got {name!r}")
    return OneTopic() if name == "multiclass" else SeveralTopics(threshold=threshold)


def name_of(task: Task) -> TaskName:
    """The name that the estimator knows a task by."""
    return "multilabel" if isinstance(task, SeveralTopics) else "multiclass"


def default_method(task: Task) -> Method:
    """What is free in a calibration where nothing is said.

    Sigmoids share no unit of probability, so each may be too high or too low by itself; the log has the figures.
    """
    return "bias_corrected" if isinstance(task, SeveralTopics) else DEFAULT_METHOD


def check_settings(task: Task, *, encoder: Any, head: HeadSettings, priors: Any) -> None:
    """Refuse settings that mean nothing where a document may have several topics.

    Args:
        task: The task.
        encoder: The estimator's encoder.
        head: How its head is built.
        priors: The customers' mixes of topics.

    Raises:
        ConfigError: If there are any; all of them are named.
    """
    if not isinstance(task, SeveralTopics):
        return
    wrong = {
        "encoder=None (words alone)": encoder is None,
        f"composition={head.composition!r}": head.composition != "topic",
        "logit_adjustment": head.mix_adjustment != 0,
        "priors": bool(priors),
    }
    found = [name for name, is_wrong in wrong.items() if is_wrong]
    if found:
        raise ConfigError(f"task='multilabel' knows no {', no '.join(found)}; leave them out")


def need_one_topic(scorer: Scorer, what: str) -> None:
    """Refuse what only makes sense where every document has one topic.

    Args:
        scorer: A trained scorer.
        what: What was asked for.

    Raises:
        ConfigError: If documents may have several.
    """
    if isinstance(scorer.task, SeveralTopics):
        raise ConfigError(
            f"{what} is for one topic a document; this model was trained with task='multilabel': "
            "use predict, predict_labels, predict_proba or predict_set"
        )


def resolve_all(taxonomy: Taxonomy, rows: Sequence[Row], task: Task) -> ResolvedLabels | Multilabels:
    """Meet all labels with the map, or report every row that does not fit.

    Args:
        taxonomy: The map.
        rows: Labelled rows.
        task: What several labels of one row mean.

    Returns:
        The labels, one entry a row.

    Raises:
        DataError: If any row's labels are illegal; all of them are listed.
    """
    if not isinstance(task, SeveralTopics):
        return resolve_one_topic(taxonomy, rows)
    resolution = resolve_multilabels(taxonomy, rows)
    if resolution.problems:
        raise DataError(resolution.problems, subject="the labels")
    return resolution.labels


def resolve_one_topic(taxonomy: Taxonomy, rows: Sequence[Row]) -> ResolvedLabels:
    """The same where every document has one topic.

    Args:
        taxonomy: The map.
        rows: Labelled rows.

    Returns:
        The labels, one entry a row.

    Raises:
        DataError: If any row's labels are illegal; all of them are listed.
    """
    resolution = resolve(taxonomy, rows)
    if resolution.problems:
        raise DataError(resolution.problems, subject="the labels")
    return resolution.labels


def targets_of(
    taxonomy: Taxonomy,
    labels: ResolvedLabels | Multilabels,
    *,
    composition: Composition,
    priors: Priors | None,
) -> TargetTable | MultilabelTable:
    """What labels say at every level.

    Args:
        taxonomy: The map.
        labels: The documents' labels.
        composition: How the heads compose p(topic).
        priors: The customers' own mixes of topics.

    Returns:
        The table from which batches are cut.
    """
    if isinstance(labels, Multilabels):
        return MultilabelTable(taxonomy, labels)
    return TargetTable(taxonomy, labels, composition=composition, priors=priors)


def with_threshold(
    task: Task,
    taxonomy: Taxonomy,
    topics: Tensor,
    labels: ResolvedLabels | Multilabels,
    *,
    classes: Callable[[Tensor, View], Tensor] | None = None,
    seed: int = 0,
) -> Task:
    """The task, its threshold chosen on held-out documents where it has one.

    Args:
        task: The task.
        taxonomy: The map.
        topics: log p(t|x) of documents that were not trained on, shape (n_documents, n_topics).
        labels: Their labels.
        classes: log p(k|x) of a view's classes from the topics; None: as the task has them.
        seed: Seed of the choice.

    Returns:
        The task with it.
    """
    if not isinstance(labels, Multilabels) or not len(labels):
        return task
    return SeveralTopics(threshold=choose_threshold(topics, labels, taxonomy=taxonomy, seed=seed, classes=classes))


def has_topic(labels: ResolvedLabels | Multilabels) -> np.ndarray:
    """Whether labels say of each document that some topic holds; shape (n_documents,)."""
    if not isinstance(labels, Multilabels):
        return np.ones(len(labels), dtype=bool)
    found: np.ndarray = (np.diff(labels.starts) > 0)[labels.saying_of]
    return found


def cheapest(task: Task, classes: Tensor, view: View, *, costs: np.ndarray) -> np.ndarray:
    """The class that each document is best filed under.

    Args:
        task: The task.
        classes: log p(k|x), shape (n_documents, n_classes).
        view: The view that the classes are of.
        costs: What it costs to answer a row where a column is true, shape (n_classes, n_classes).

    Returns:
        Names of classes, shape (n_documents,).
    """
    decide = least_cost_several if isinstance(task, SeveralTopics) else least_cost
    found: np.ndarray = np.asarray(view.classes)[decide(classes.numpy(), costs=costs)]
    return found


def coarser(task: Task, topics: Tensor, *, taxonomy: Taxonomy, threshold: float) -> np.ndarray:
    """The most specific nodes that are probable enough.

    Args:
        task: The task.
        topics: log p(t|x), shape (n_documents, n_topics).
        taxonomy: The map.
        threshold: The probability that a node must have at least.

    Returns:
        True for the nodes, shape (n_documents, n_nodes): one or none, or where there may be several topics any number.
    """
    if isinstance(task, SeveralTopics):
        return stop_several(topics.numpy(), taxonomy=taxonomy, threshold=threshold)
    answers = stop(topics.numpy(), taxonomy=taxonomy, threshold=threshold)
    return np.asarray(answers[:, None] == np.arange(len(taxonomy.hierarchy.nodes)))


def mix_of(taxonomy: Taxonomy, labels: ResolvedLabels | Multilabels, visits: np.ndarray) -> np.ndarray:
    """The pooled mix of topics; where a document may have several there is none, and it is uniform.

    Args:
        taxonomy: The map.
        labels: The documents' labels.
        visits: How often the sampler visits each document, times its weight, shape (n_documents,).

    Returns:
        π, shape (n_topics,).
    """
    if isinstance(labels, Multilabels):
        return np.full(len(taxonomy.topics), 1.0 / len(taxonomy.topics))
    return pooled_mix(labels.weights, visits)


def all_right(taxonomy: Taxonomy, scorer: Scorer, rows: Sequence[Row], *, progress: bool) -> np.ndarray:
    """Whether all labels of each row are predicted, and no class that its labels rule out.

    Args:
        taxonomy: The map.
        scorer: A trained scorer.
        rows: Labelled rows.
        progress: Whether to show a bar on standard error.

    Returns:
        Shape (n_rows,).

    Raises:
        DataError: If any row's labels are illegal; all of them are listed.
    """
    labels = resolve_all(taxonomy, rows, scorer.task)
    topics = scorer.topics([row.text for row in rows], progress=progress)
    right = np.ones(len(rows), dtype=bool)
    for name in sorted(frozenset().union(*labels.views)):
        view = taxonomy.view(name)
        asked = np.array([row for row, views in enumerate(labels.views) if name in views], dtype=np.int64)
        chosen = scorer.task.chosen(scorer.classes(topics[asked], view))
        truth = _truth(labels, asked, view)
        right[asked] &= ((chosen == truth) | (truth == UNKNOWN)).all(axis=1)
    return right


def _truth(labels: ResolvedLabels | Multilabels, documents: np.ndarray, view: View) -> np.ndarray:
    """What the labels of documents say of a view's classes: 1, 0 or −1, shape (n_documents, n_classes)."""
    if isinstance(labels, Multilabels):
        return labels.take(documents).truth(view.membership)
    truth = np.zeros((len(documents), len(view.classes)), dtype=np.int8)
    for row, document in enumerate(documents.tolist()):
        listed = [position for name, position in labels.classes[document] if name == view.name]
        truth[row, listed] = 1
    return truth
