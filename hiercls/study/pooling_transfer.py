"""Cheap measurements that may foretell a gain: how hard a task is alone, and how far its auxiliary serves it.

Knows training documents as features with labels; trains no network and reads no test document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from hiercls.study.pooling_documents import Documents, TaskData
from hiercls.study.pooling_tasks import Pair, Task

PRECISIONS = (1e-5, 1e5)
"""Between these LogME's two are sought: where documents are few, the evidence may have no largest value."""

OF_THE_TASK = ("LogME", "H-score", "held-out AUC", "held-out loss")
OF_THE_PAIR = ("LEEP", "AUC of the auxiliary's classifier", "cosine of the directions")


def leep(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Log expected empirical prediction: mean of log Σ_z P(label | z) θ(x)_z, where P is counted on the documents.

    Args:
        probabilities: A source classifier's θ(x), shape (n_documents, n_source_classes).
        labels: Target classes, shape (n_documents,).

    Returns:
        At most 0; the higher, the better the source's classes tell the target's.

    Example:
        >>> sure = np.array([[1.0, 0.0], [0.0, 1.0]])
        >>> leep(sure, np.array([0, 1])), round(leep(np.full((2, 2), 0.5), np.array([0, 1])), 3)
        (0.0, -0.693)

    Source:
        Nguyen et al., LEEP: A New Measure to Evaluate Transferability of Learned Representations, ICML 2020.
    """
    joint = np.eye(labels.max() + 1)[labels].T @ probabilities
    given = joint / np.maximum(joint.sum(axis=0), np.finfo(float).tiny)
    return float(np.log((given[labels] * probabilities).sum(axis=1)).mean())


def h_score(encodings: np.ndarray, labels: np.ndarray, *, shrinkage: float = 0.1) -> float:
    """The share of the encodings' variance, whitened, that lies between classes: tr(cov(f)⁻¹ cov(E[f | label])).

    Args:
        encodings: Shape (n_documents, width).
        labels: Shape (n_documents,).
        shrinkage: How far the covariance is drawn to a multiple of the identity; there are few documents.

    Returns:
        The higher, the better the encodings tell the classes apart.

    Source:
        Bao et al., An Information-Theoretic Approach to Transferability in Task Transfer Learning, ICIP 2019.
    """
    centred = encodings - encodings.mean(axis=0)
    means = np.stack([centred[labels == label].mean(axis=0) for label in np.unique(labels)])[labels]
    covariance = centred.T @ centred / len(labels)
    width = len(covariance)
    covariance = (1 - shrinkage) * covariance + shrinkage * np.trace(covariance) / width * np.eye(width)
    return float(np.trace(np.linalg.solve(covariance, means.T @ means / len(labels))))


def log_me(encodings: np.ndarray, labels: np.ndarray, *, n_rounds: int = 100) -> float:
    """The largest log evidence, by document, of a Bayesian linear model of the labels on the encodings.

    Args:
        encodings: Shape (n_documents, width).
        labels: Classes 0 and 1, shape (n_documents,).
        n_rounds: Rounds of the search for the two precisions at most.

    Returns:
        The higher, the better a linear model explains the labels.

    Source:
        You et al., LogME: Practical Assessment of Pre-trained Models for Transfer Learning, ICML 2021.
    """
    left, values, _ = np.linalg.svd(encodings.astype(float), full_matrices=False)
    squares, target, n = values**2, labels.astype(float), len(labels)
    projected = (left.T @ target) ** 2
    outside = max(0.0, float(target @ target - projected.sum()))
    prior, noise = 1.0, 1.0
    for _ in range(n_rounds):
        shrunk = prior + noise * squares
        effective = float((noise * squares / shrunk).sum())
        length = float((noise**2 * squares * projected / shrunk**2).sum())
        residual = outside + float((prior**2 * projected / shrunk**2).sum())
        before, (prior, noise) = prior, np.clip([effective / length, (n - effective) / residual], *PRECISIONS)
        if abs(prior - before) < 1e-4 * before:
            break
    shrunk, width = prior + noise * squares, encodings.shape[1]
    length = float((noise**2 * squares * projected / shrunk**2).sum())
    residual = outside + float((prior**2 * projected / shrunk**2).sum())
    spread = np.log(shrunk).sum() + (width - len(squares)) * np.log(prior)
    evidence = width * np.log(prior) + n * np.log(noise) - noise * residual - prior * length - spread
    return float(evidence - n * np.log(2 * np.pi)) / (2 * n)


def transfer_features(
    documents: Documents, encodings: np.ndarray, pairs: Sequence[Pair], *, per_class: int, repeat: int
) -> Mapping[str, np.ndarray]:
    """What can be measured on the training documents of both tasks of each pair, without a network.

    Args:
        documents: The corpus.
        encodings: Encodings of its training documents, shape (n_documents, width).
        pairs: The pairs.
        per_class: Training documents of each topic.
        repeat: Which repeat.

    Returns:
        Arrays of one row a pair: ``headroom`` of the main task, ``encoder`` scores, and ``transfer``.
    """
    tasks = dict.fromkeys(task for pair in pairs for task in pair.tasks)
    data = {task: documents.draw(task, per_class=per_class, repeat=repeat) for task in tasks}
    encoded = {task: encodings[drawn.training_rows] for task, drawn in data.items()}
    alone = {task: _alone(data[task], encoded[task]) for task in tasks}
    classifiers = {
        task: (
            LogisticRegression(C=10.0).fit(drawn.training, drawn.labels),
            LogisticRegression().fit(encoded[task], drawn.labels),
        )
        for task, drawn in data.items()
    }
    across = np.array([_across(pair, data, encoded, classifiers) for pair in pairs])
    mains, auxiliaries = (
        np.stack([alone[task] for task in some]) for some in zip(*(p.roles for p in pairs), strict=True)
    )
    n_encoder = len(OF_THE_TASK)
    return {
        "headroom": mains[:, n_encoder:],
        "encoder": np.hstack([mains[:, :n_encoder], auxiliaries[:, :n_encoder], across[:, len(OF_THE_PAIR) :]]),
        "transfer": np.hstack([mains, auxiliaries, across]),
    }


def _alone(task: TaskData, encoded: np.ndarray) -> np.ndarray:
    """A task's scores on encodings, then what held-out fifths say of it on words."""
    return np.array(
        [
            log_me(encoded, task.labels),
            h_score(encoded, task.labels),
            *_held_out(encoded, task.labels, strength=1.0),
            *_held_out(task.training, task.labels, strength=10.0),
        ]
    )


def _held_out(inputs: np.ndarray, labels: np.ndarray, *, strength: float) -> tuple[float, float]:
    """AUC and loss of logistic regression on held-out fifths of the training documents."""
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    said = cross_val_predict(LogisticRegression(C=strength), inputs, labels, cv=folds, method="predict_proba")
    return float(roc_auc_score(labels, said[:, 1])), float(log_loss(labels, said[:, 1]))


def _across(
    pair: Pair,
    data: Mapping[Task, TaskData],
    encoded: Mapping[Task, np.ndarray],
    classifiers: Mapping[Task, tuple[LogisticRegression, LogisticRegression]],
) -> list[float]:
    """How an auxiliary's classifiers do on the main task's training documents: on words, then on encodings."""
    found: list[float] = []
    labels = data[pair.main].labels
    for place, inputs in enumerate((data[pair.main].training, encoded[pair.main])):
        own, other = classifiers[pair.main][place], classifiers[pair.auxiliary][place]
        said = other.predict_proba(inputs)
        directions = own.coef_[0], other.coef_[0]
        cosine = float(directions[0] @ directions[1] / np.prod([np.linalg.norm(one) for one in directions]))
        found += [leep(said, labels), float(roc_auc_score(labels, said[:, 1])), cosine]
    return found
