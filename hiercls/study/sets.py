"""Whether promises are kept: sets over random halves, at every view, and coarser answers over random splits.

Knows log-probabilities of topics, true topics and the taxonomy; no model and no text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from hiercls.decoding import ROOT, conformal_rule, sets_at, specificities, stop
from hiercls.decoding.climbing import CONFIDENCE, answers_tried, lowest_sure
from hiercls.decoding.conformal import Score
from hiercls.errors import ConfigError
from hiercls.metrics import ancestor_matrix
from hiercls.taxonomy import Taxonomy, View

PROMISES = (0.8, 0.9, 0.95)
"""The coverages, and accuracies, that are promised."""

Rule = Literal["climbing", "threshold", "topic or nothing"]
Array = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetScores:
    """What became of one promise of coverage at one view, the mean over draws of the held-out documents.

    Args:
        view: The view where sets are looked at; documents of topics that it leaves out are not counted.
        calibrated_at: The view where their limit was found.
        promised: The promised coverage.
        coverage: The part of sets that hold the truth: every class that has the true topic.
        lowest: The same in the worst draw.
        size: Classes in a set.
        n_classes: Classes of the view.
        n_draws: Draws of the held-out documents.
    """

    view: str
    calibrated_at: str
    promised: float
    coverage: float
    lowest: float
    size: float
    n_classes: int
    n_draws: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClimbingScores:
    """What became of one promise of accuracy, the mean over random splits.

    Args:
        rule: ``climbing``: ``climbing_rule``'s threshold. ``threshold``: the promised accuracy itself as the threshold.
            ``topic or nothing``: ``climbing_rule``'s threshold where only topics are answers.
        promised: The promised accuracy of the answers, no answer (the root) left out.
        kept: The part of splits whose accuracy is at least what was promised; a split without answers keeps it.
        accuracy: The part of the answers that are right; NaN where there never is any.
        answered: The part of documents that get an answer.
        depth: Levels from the root to the answer, over all documents; 0 for no answer.
        specificity: From 0, no answer, to 1, a topic, over all documents.
        n_splits: The splits.
    """

    rule: Rule
    promised: float
    kept: float
    accuracy: float
    answered: float
    depth: float
    specificity: float
    n_splits: int


def coverage_over_halves(
    log_topics: ArrayLike,
    truth: ArrayLike,
    *,
    taxonomy: Taxonomy,
    seed: int,
    promises: Sequence[float] = PROMISES,
    n_halves: int = 50,
    score: Score = "lac",
) -> tuple[SetScores, ...]:
    """Coverage and size of conformal sets: limits on random halves of the documents, sets of the other halves.

    Args:
        log_topics: log p(t|x) of documents that the model was not trained on, shape (n_documents, n_topics).
        truth: n_documents topic indices.
        taxonomy: The map.
        seed: Seed of the halves.
        promises: The promised coverages.
        n_halves: How many random halves.
        score: How strange a topic is.

    Returns:
        For each promise, the sets of topics at the topics and mapped to every other view, and the sets calibrated at
        each of these.

    Raises:
        ConfigError: If the arrays do not fit the taxonomy or each other.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> tiny, random = Taxonomy.from_yaml(shipped("tiny")), np.random.default_rng(0)
        >>> probabilities = random.dirichlet(np.ones(6) / 2, size=400)
        >>> truth = [random.choice(6, p=row) for row in probabilities]
        >>> for scores in coverage_over_halves(np.log(probabilities), truth, taxonomy=tiny, seed=0, promises=[0.9])[:3]:
        ...     print(scores.view, scores.calibrated_at, round(scores.coverage, 2), round(scores.size, 1))
        topic topic 0.9 2.7
        area topic 0.99 1.7
        one topic 0.97 2.1
    """
    topics, true = _documents(log_topics, truth, taxonomy)
    draws = ((topics[a], true[a], topics[b], true[b]) for a, b in _halves(len(true), n_halves, seed))
    return _set_scores(draws, taxonomy, promises, score)


def coverage_elsewhere(
    heldout_topics: ArrayLike,
    heldout_truth: ArrayLike,
    log_topics: ArrayLike,
    truth: ArrayLike,
    *,
    taxonomy: Taxonomy,
    promises: Sequence[float] = PROMISES,
    score: Score = "lac",
) -> tuple[SetScores, ...]:
    """Coverage and size of conformal sets of documents that may be of another kind than those held out: no promise.

    Args:
        heldout_topics: log p(t|x) of the held-out documents, shape (n_heldout, n_topics).
        heldout_truth: n_heldout topic indices.
        log_topics: log p(t|x) of the others, such as later ones, shape (n_documents, n_topics).
        truth: n_documents topic indices.
        taxonomy: The map.
        promises: The coverages that would be promised if the documents were of one kind.
        score: How strange a topic is.

    Returns:
        As ``coverage_over_halves``, of one draw.

    Raises:
        ConfigError: If the arrays do not fit the taxonomy or each other.
    """
    heldout, others = _documents(heldout_topics, heldout_truth, taxonomy), _documents(log_topics, truth, taxonomy)
    return _set_scores(iter([(*heldout, *others)]), taxonomy, promises, score)


def climbing_over_splits(
    log_topics: ArrayLike,
    truth: ArrayLike,
    *,
    taxonomy: Taxonomy,
    seed: int,
    promises: Sequence[float] = PROMISES,
    n_splits: int = 200,
    confidence: float = CONFIDENCE,
) -> tuple[ClimbingScores, ...]:
    """How often promises of accuracy are kept: thresholds on random halves of the documents, answers on the others.

    Args:
        log_topics: log p(t|x) of documents that the model was not trained on, shape (n_documents, n_topics).
        truth: n_documents topic indices.
        taxonomy: The map.
        seed: Seed of the splits.
        promises: The promised accuracies.
        n_splits: How many random halves.
        confidence: How sure the promise shall be.

    Returns:
        For each promise the three rules.

    Raises:
        ConfigError: If the arrays do not fit the taxonomy or each other.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> tiny, random = Taxonomy.from_yaml(shipped("tiny")), np.random.default_rng(0)
        >>> probabilities = random.dirichlet(np.ones(6) / 4, size=800)
        >>> truth = [random.choice(6, p=row) for row in probabilities]
        >>> options = {"taxonomy": tiny, "seed": 0, "promises": [0.8], "n_splits": 20}
        >>> [scores.kept for scores in climbing_over_splits(np.log(probabilities), truth, **options)]
        [1.0, 1.0, 1.0]
    """
    topics, true = _documents(log_topics, truth, taxonomy)
    flat = Taxonomy.from_dict({"hiercls": 1, "levels": taxonomy.levels[-1:], "topics": list(taxonomy.topics)})
    climbing, nothing_else = (
        _outcomes(answers_tried(topics, taxonomy=world), world, true, taxonomy) for world in (taxonomy, flat)
    )
    plain = [
        _outcomes(stop(topics, taxonomy=taxonomy, threshold=promised)[:, None], taxonomy, true, taxonomy)
        for promised in promises
    ]
    found: dict[tuple[Rule, float], list[Array]] = {}
    for here, there in _halves(len(true), n_splits, seed):
        for promised, fixed in zip(promises, plain, strict=True):
            found.setdefault(("climbing", promised), []).append(climbing.learnt(here, there, promised, confidence))
            found.setdefault(("threshold", promised), []).append(fixed.at(0, there))
            found.setdefault(("topic or nothing", promised), []).append(
                nothing_else.learnt(here, there, promised, confidence)
            )
    return tuple(_climbing_scores(rule, promised, np.array(values)) for (rule, promised), values in found.items())


def _documents(log_topics: ArrayLike, truth: ArrayLike, taxonomy: Taxonomy) -> tuple[Array, Indices]:
    """Log-probabilities and true topics, checked."""
    topics, true = np.asarray(log_topics, dtype=float), np.asarray(truth, dtype=np.int64)
    n_topics = len(taxonomy.topics)
    if topics.shape != (len(true), n_topics) or (len(true) and not 0 <= true.min() <= true.max() < n_topics):
        raise ConfigError(
            f"expected log-probabilities of {n_topics} topics and a topic for each document, got the shapes "
            f"{topics.shape} and {true.shape}"
        )
    return topics, true


def _halves(n_documents: int, n_halves: int, seed: int) -> Iterator[tuple[Indices, Indices]]:
    """Random halves and what is left."""
    random = np.random.default_rng(seed)
    for _ in range(n_halves):
        order = random.permutation(n_documents)
        yield order[: n_documents // 2], order[n_documents // 2 :]


def _labels(true: Indices, taxonomy: Taxonomy) -> csr_array:
    """Topics as labels, n_documents × n_topics."""
    shape = (len(true), len(taxonomy.topics))
    return csr_array((np.ones(len(true)), (np.arange(len(true)), true)), shape=shape)


def _set_scores(
    draws: Iterator[tuple[Array, Indices, Array, Indices]],
    taxonomy: Taxonomy,
    promises: Sequence[float],
    score: Score,
) -> tuple[SetScores, ...]:
    """The scores of all draws of held-out documents and others."""
    fine, *others = [taxonomy.view(name) for name in (taxonomy.levels[-1], *taxonomy.levels[:-1], *taxonomy.customers)]
    found: dict[tuple[float, str, View], list[tuple[float, float]]] = {}
    for heldout, labelled, topics, true in draws:
        labels = _labels(labelled, taxonomy)
        for promised in promises:
            rule = conformal_rule(heldout, labels, coverage=promised, score=score)
            sets = rule.sets(topics)
            for view in (fine, *others):
                found.setdefault((promised, fine.name, view), []).append(_held(sets_at(sets, view=view), true, view))
            for view in others:
                rule = conformal_rule(heldout, labels, coverage=promised, score=score, view=view)
                found.setdefault((promised, view.name, view), []).append(_held(rule.sets(topics), true, view))
    return tuple(
        SetScores(
            view=view.name,
            calibrated_at=calibrated_at,
            promised=promised,
            coverage=float(np.mean([covered for covered, _ in values])),
            lowest=float(min(covered for covered, _ in values)),
            size=float(np.mean([size for _, size in values])),
            n_classes=len(view.classes),
            n_draws=len(values),
        )
        for (promised, calibrated_at, view), values in found.items()
    )


def _held(sets: NDArray[np.bool_], true: Indices, view: View) -> tuple[float, float]:
    """The part of sets that hold every class of the true topic, and their mean size, where the topic is in scope."""
    members = view.membership.toarray()[true] > 0
    counted = members.any(axis=1)
    holds = ~(members & ~sets).any(axis=1)
    return float(holds[counted].mean()), float(sets[counted].sum(axis=1).mean())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Outcomes:
    """What every document's answer is worth at each of some thresholds, all of shape (n_documents, n_thresholds)."""

    right: NDArray[np.float32]
    answered: NDArray[np.float32]
    depth: Indices
    specificity: Array

    def learnt(self, here: Indices, there: Indices, promised: float, confidence: float) -> Array:
        """What answers are worth at the threshold that other documents' answers make sure."""
        is_here = np.bincount(here, minlength=len(self.right)).astype(np.float32)
        n_right, n_answered = is_here @ self.right, is_here @ self.answered  # exact: whole numbers below 2^24
        place = lowest_sure(n_right, n_answered, accuracy=promised, confidence=confidence)
        return np.zeros(4) if place is None else self.at(place, there)

    def at(self, place: int, there: Indices) -> Array:
        """Right and answered, depth and specificity, the means over some documents."""
        parts = (self.right, self.answered, self.depth, self.specificity)
        return np.array([part[there, place].mean(dtype=float) for part in parts])


def _outcomes(answers: Indices, asked: Taxonomy, true: Indices, taxonomy: Taxonomy) -> _Outcomes:
    """The outcomes of answers that are nodes of one taxonomy, as another sees them that has these nodes too."""
    positions = {node: place for place, node in enumerate(taxonomy.hierarchy.nodes)}
    nodes = np.array([*(positions[node] for node in asked.hierarchy.nodes), ROOT])[answers]
    depths = np.array([*(1 + taxonomy.hierarchy.depth[node] for node in taxonomy.hierarchy.nodes), 0])
    holds = ancestor_matrix(taxonomy).toarray() > 0
    return _Outcomes(
        right=((nodes != ROOT) & holds[true[:, None], nodes]).astype(np.float32),
        answered=(nodes != ROOT).astype(np.float32),
        depth=depths[nodes],
        specificity=np.append(specificities(taxonomy), 0.0)[nodes],
    )


def _climbing_scores(rule: Rule, promised: float, values: Array) -> ClimbingScores:
    """The means over splits."""
    right, answered, depth, said = values.T
    some = answered > 0
    return ClimbingScores(
        rule=rule,
        promised=promised,
        kept=float((right >= promised * answered - 1e-12).mean()),
        accuracy=float((right[some] / answered[some]).mean()) if some.any() else math.nan,
        answered=float(answered.mean()),
        depth=float(depth.mean()),
        specificity=float(said.mean()),
        n_splits=len(values),
    )
