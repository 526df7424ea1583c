"""A customer's classes from its labelled documents alone: which topics each class holds, and how sure that is.

Knows log-probabilities, classes by position and vectors of names; no model and no text.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hiercls.customers.em import Array, fit_membership, fit_shares, posterior
from hiercls.customers.mix import document_likelihoods, pooled_documents
from hiercls.errors import ConfigError
from hiercls.taxonomy.writing import to_yaml

N_REPLICATES = 100
"""Weightings of the documents from which the posterior is read."""

PRIOR_DOCUMENTS = 1.0
"""How many documents of each topic its name counts as."""

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
        membership: A_c as found, the part of each topic's documents under each class, shape (n_topics, n_classes).
        posterior: How probably each class is where most of a topic's documents go, of the same shape, rows sum to 1.
        mix: The customer's mix of topics, from its texts alone, shape (n_topics,).
        n_documents: The labelled documents.
    """

    topics: tuple[str, ...]
    classes: tuple[str, ...]
    membership: Array
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

    π_c is found from the texts alone, and then, with π_c fixed, ``maximise Σ_i log Σ_t p_c(t|x_i) · A_c[t,y_i]`` by EM
    beside a prior of one document a topic. Documents and prior are weighted at random 100 times; the posterior is how
    often each class has most of a topic, so that a topic without documents is as uncertain as its prior.

    Args:
        topics: log p(t|x) of the labelled documents, shape (n_documents, n_topics).
        filed: Their classes by position, shape (n_documents,).
        names: The topics.
        classes: The classes.
        pooled: π, shape (n_topics,).
        prior: What names say, shape (n_topics, n_classes), rows sum to 1; None: nothing.
        seed: Seed of the weights.

    Returns:
        The classes of the topics.

    Raises:
        ConfigError: If there is no document.

    Example:
        >>> sure = np.log(np.eye(3)[[0, 1, 2] * 5] * 0.97 + 0.01)
        >>> found = infer_classes(sure, [0, 0, 1] * 5, names=("A", "B", "C"), classes=("AB", "C"), pooled=[1 / 3] * 3)
        >>> found.grouping()
        {'AB': ['A', 'B'], 'C': ['C']}
    """
    logs, mix = np.asarray(topics, dtype=np.float64), np.asarray(pooled, dtype=np.float64)
    if not len(logs):
        raise ConfigError("expected labelled documents to infer classes from, got none")
    labels = np.eye(len(classes))[np.asarray(filed, dtype=np.int64)]
    said = np.full((len(mix), len(classes)), 1.0 / len(classes)) if prior is None else np.asarray(prior)
    likelihoods, weights = document_likelihoods(logs, pooled=mix), np.ones((1, len(logs)))
    own = fit_shares(likelihoods, weights=weights, pseudo=pooled_documents(mix)[None], start=mix, tolerance=1e-7)[0]
    told, pseudo = posterior(likelihoods, own), PRIOR_DOCUMENTS * said
    random, most = np.random.default_rng(seed), np.zeros((len(mix), len(classes)))
    for _ in range(N_REPLICATES):
        weighted = random.standard_exponential((len(logs), 1)) * labels
        drawn = np.maximum(random.standard_gamma(pseudo), 1e-12)
        found = fit_membership(told, weighted, pseudo=drawn, tolerance=1e-4)
        most[np.arange(len(mix)), found.argmax(axis=1)] += 1.0 / N_REPLICATES
    return InferredClasses(
        topics=names,
        classes=classes,
        membership=fit_membership(told, labels, pseudo=pseudo),
        posterior=most,
        mix=own,
        n_documents=len(logs),
    )


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
        >>> half = InferredClasses(topics=("A", "B"), classes=("1", "2"), membership=np.eye(2), mix=np.full(2, 0.5),
        ...                        posterior=np.array([[1.0, 0.0], [0.5, 0.5]]), n_documents=3)
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
