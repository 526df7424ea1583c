"""A customer's classes from its labelled documents alone: which topics each class holds, and how sure that is.

Knows log-probabilities, classes by position and vectors of names; no model and no text.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiercls.customers.em import Array, fit_membership, fit_shares, posterior
from hiercls.customers.mix import document_likelihoods, pooled_documents
from hiercls.errors import ConfigError
from hiercls.taxonomy.writing import to_yaml

N_SWEEPS, N_KEPT = 150, 100
"""Rounds in which each topic's class is drawn anew; the last ones, from which the posterior is read."""

MISFILED = 0.05
"""The share of documents that may lie under any class, whatever their topic."""

NAME_TEMPERATURE = 0.1
"""What likenesses of names, cosines, are divided by."""

SURE = 0.9
"""From which probability a topic's class is taken for settled."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InferredClasses:
    """Which class each topic is filed under, as far as documents tell.

    Args:
        topics: The topics.
        classes: The classes.
        posterior: How probably a topic belongs to a class, shape (n_topics, n_classes), rows sum to 1; to predict with,
            it is A_c.
        mix: The customer's mix of topics, from its texts alone, shape (n_topics,).
        n_documents: The labelled documents.
    """

    topics: tuple[str, ...]
    classes: tuple[str, ...]
    posterior: Array
    mix: Array
    n_documents: int

    @property
    def uncertain(self) -> tuple[str, ...]:
        """Topics whose likeliest class is less than 90 % probable, the least certain first."""
        best = self.posterior.max(axis=1)
        order = np.argsort(best, kind="stable")
        return tuple(self.topics[place] for place in order.tolist() if best[place] < SURE)

    def grouping(self) -> dict[str, list[str]]:
        """Each topic under its likeliest class; a class that no topic is likeliest for is left out."""
        likeliest = self.posterior.argmax(axis=1)
        found = {
            name: [self.topics[topic] for topic in np.flatnonzero(likeliest == place).tolist()]
            for place, name in enumerate(self.classes)
        }
        return {name: topics for name, topics in found.items() if topics}

    def yaml(self, customer: str) -> str:
        """The grouping as a customer's YAML, to be read and corrected: what is uncertain stands in comments.

        Args:
            customer: The customer's name.

        Returns:
            YAML as ``add_customer`` takes it.
        """
        notes = [f"inferred from {self.n_documents:,} labelled documents"]
        for topic in self.uncertain:
            row = self.posterior[self.topics.index(topic)]
            best = [place for place in np.argsort(-row, kind="stable")[:3].tolist() if row[place] >= 0.05]
            notes.append(f"uncertain: {topic}: " + ", ".join(f"{self.classes[p]} {row[p]:.0%}" for p in best))
        left = [name for name in self.classes if name not in self.grouping()]
        notes += [f"without a topic, so left out: {name}" for name in left]
        return to_yaml({"customer": customer, "classes": self.grouping()}, comment="\n".join(notes))


def infer_classes(
    topics: ArrayLike,
    filed: ArrayLike,
    *,
    names: tuple[str, ...],
    classes: tuple[str, ...],
    pooled: ArrayLike,
    prior: ArrayLike | None = None,
    seed: int = 0,
) -> InferredClasses:
    """Find which topics each class holds.

    Each topic is taken to belong to one class, a(t). With π_c found from the texts alone,
    ``P(a | y) ∝ Π_t P(a(t)) · Π_i ( .95 · Σ_t p_c(t|x_i) · [a(t) = y_i] + .05 / n_classes )``; from it, all a(t) are
    drawn again and again, one at a time, given the others.

    Args:
        topics: log p(t|x) of the labelled documents, shape (n_documents, n_topics).
        filed: Their classes by position, shape (n_documents,).
        names: The topics.
        classes: The classes.
        pooled: π, shape (n_topics,).
        prior: What names say, shape (n_topics, n_classes), rows sum to 1; None: nothing.
        seed: Seed of the draws.

    Returns:
        The classes of the topics.

    Raises:
        ConfigError: If there is no document.

    Example:
        >>> sure = np.log(np.eye(3)[[0, 1, 2] * 5] * 0.97 + 0.01)
        >>> found = infer_classes(sure, [0, 0, 1] * 5, names=("A", "B", "C"), classes=("AB", "C"), pooled=[1 / 3] * 3)
        >>> found.grouping()
        {'AB': ['A', 'B'], 'C': ['C']}

    Source:
        Geman and Geman, IEEE PAMI 1984 (Gibbs sampling).
    """
    logs, mix = np.asarray(topics, dtype=np.float64), np.asarray(pooled, dtype=np.float64)
    if not len(logs):
        raise ConfigError("expected labelled documents to infer classes from, got none")
    labels = np.asarray(filed, dtype=np.int64)
    said = np.full((len(mix), len(classes)), 1.0 / len(classes)) if prior is None else np.asarray(prior)
    likelihoods, weights = document_likelihoods(logs, pooled=mix), np.ones((1, len(logs)))
    own = fit_shares(likelihoods, weights=weights, pseudo=pooled_documents(mix)[None], start=mix, tolerance=1e-7)[0]
    return InferredClasses(
        topics=names,
        classes=classes,
        posterior=_drawn(posterior(likelihoods, own), labels, said, np.random.default_rng(seed)),
        mix=own,
        n_documents=len(logs),
    )


def _drawn(told: Array, labels: NDArray[np.int64], said: Array, random: np.random.Generator) -> Array:
    """How probably each topic belongs to each class, by Gibbs sampling from where EM ends."""
    n_topics, n_classes = said.shape
    member = fit_membership(told, np.eye(n_classes)[labels], pseudo=said, tolerance=1e-4).argmax(axis=1)
    columns, log_prior = np.ascontiguousarray(told.T), np.log(np.maximum(said, 1e-12))
    explained, found = (told * (member == labels[:, None])).sum(axis=1), np.zeros_like(said)
    for sweep in range(N_SWEEPS):
        for topic in random.permutation(n_topics):
            column = columns[topic]
            explained -= column * (member[topic] == labels)
            either = np.log((1 - MISFILED) * np.stack([explained + column, explained]) + MISFILED / n_classes)
            scores = log_prior[topic] + np.bincount(labels, weights=either[0] - either[1], minlength=n_classes)
            chances = np.exp(scores - scores.max())
            chances /= chances.sum()
            member[topic] = random.choice(n_classes, p=chances)
            explained += column * (member[topic] == labels)
            if sweep >= N_SWEEPS - N_KEPT:
                found[topic] += chances / N_KEPT
    return found


def name_prior(topics: ArrayLike, classes: ArrayLike) -> Array:
    """What likeness of names says about where topics are filed.

    ``softmax_k( cos(topic, class) / 0.1 )``

    Args:
        topics: Encodings of the topics' names and descriptions, shape (n_topics, width).
        classes: Encodings of the classes' names, shape (n_classes, width).

    Returns:
        Shape (n_topics, n_classes), rows sum to 1.

    Example:
        >>> name_prior([[1.0, 0.0]], [[1.0, 0.0], [0.8, 0.6]]).round(2)
        array([[0.88, 0.12]])
    """
    left, right = (np.asarray(part, dtype=np.float64) for part in (topics, classes))
    left, right = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (left, right))
    scores = left @ right.T / NAME_TEMPERATURE
    likeness: Array = np.exp(scores - scores.max(axis=1, keepdims=True))
    likeness /= likeness.sum(axis=1, keepdims=True)
    return likeness


def worth_labelling(topics: ArrayLike, inferred: InferredClasses, *, n_documents: int) -> tuple[int, ...]:
    """Unlabelled documents whose labels would settle most, the best first.

    Greedily ``argmax_i Σ_t p(t|x_i) · H_t``, where H is the entropy of a topic's posterior, halved in proportion to
    p(t|x) once a document of it is chosen, so that not all are of one topic.

    Args:
        topics: log p(t|x) of the documents to choose from, shape (n_documents, n_topics).
        inferred: What is known of the classes.
        n_documents: How many to choose.

    Returns:
        Their positions.

    Example:
        >>> half = InferredClasses(topics=("A", "B"), classes=("1", "2"), mix=np.full(2, 0.5), n_documents=3,
        ...                        posterior=np.array([[1.0, 0.0], [0.5, 0.5]]))
        >>> worth_labelling(np.log([[0.9, 0.1], [0.2, 0.8]]), half, n_documents=1)
        (1,)
    """
    said, rows = np.exp(np.asarray(topics, dtype=np.float64)), inferred.posterior
    open_ = -(rows * np.log(np.maximum(rows, 1e-12))).sum(axis=1)
    left, chosen = np.ones(len(said), dtype=bool), []
    for _ in range(min(n_documents, len(said))):
        best = int(np.where(left, said @ open_, -np.inf).argmax())
        chosen.append(best)
        left[best] = False
        open_ = open_ * (1 - said[best] / 2)
    return tuple(chosen)
