"""What a customer does against what it declares: under which classes the documents of each topic are filed.

A model mistakes topics for each other, and every mistake looks like a document filed elsewhere. So what it takes for
what is measured at the other customers, whose classes are believed, and taken out. Its predictions must be of documents
that it was not trained on. Knows log-probabilities, labels and a view; no model and no text.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from hiercls.customers.em import Array, fit_membership, fit_shares, posterior
from hiercls.customers.mix import document_likelihoods, pooled_documents
from hiercls.errors import ConfigError
from hiercls.taxonomy import View

N_REPLICATES = 100
"""Weightings of the documents from which intervals are read."""

DECLARED_DOCUMENTS = 2.0
"""How many documents of each topic count as seen where the YAML says."""

FALSE_ALARMS, LEAST_SHARE, LEAST_DOCUMENTS, N_EXAMPLES = 0.02, 0.02, 3.0, 3
"""How often a customer that does as it declares may raise a finding; the share and the documents that a finding must
surely exceed; the documents shown with a finding."""

LEAST_REFERENCE, LEAST_TOLD = 10.0, 0.4
"""The documents of a topic that others must have; the part of them whose labels must tell it from a class's topics."""

UNKNOWN = 100.0
"""Documents as which a topic that others do not have counts as known for itself: it may not stand for all mistakes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Documents that are filed under a class where the YAML does not put them.

    Args:
        about: A topic; or a class, whose topics are filed so together where no one of them surely is.
        declared: The classes where the YAML puts it; none where it names the topic nowhere.
        filed: The class under which documents are found.
        share: The part of its documents that are.
        lower: Lower end of the 90 % interval of the share.
        upper: Upper end.
        n_documents: About how many documents that is.
        examples: Positions of documents filed so, the surest first.
    """

    about: str
    declared: tuple[str, ...]
    filed: str
    share: float
    lower: float
    upper: float
    n_documents: float
    examples: tuple[int, ...]

    def __str__(self) -> str:
        """The finding in a sentence."""
        said = " and ".join(f"'{name}'" for name in self.declared)
        told = f"the YAML says {said}" if said else "the YAML names it nowhere"
        share = f"{self.share:.0%} ({self.lower:.0%} to {self.upper:.0%})"
        return f"{share} of '{self.about}' documents are filed under '{self.filed}', {told}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Audit:
    """How a customer files the documents of each topic.

    Args:
        view: The customer's classes, as declared.
        shares: A_c as found, the part of each topic's documents under each class, shape (n_topics, n_classes).
        lower: Lower ends of 90 % intervals, of the same shape.
        upper: Upper ends, of the same shape.
        mix: The customer's mix of topics, from its texts alone, shape (n_topics,).
        n_documents: The documents that were audited.
        n_reference: About how many documents of each topic other customers had, shape (n_topics,).
        findings: What is surely filed elsewhere, most documents first.
        confounded: Topics and classes that are not judged together, since the labels of others seldom tell the topic
            from those of the class: what the model takes for what there, it alone would say.
    """

    view: View
    shares: Array
    lower: Array
    upper: Array
    mix: Array
    n_documents: int
    n_reference: Array
    findings: tuple[Finding, ...]
    confounded: tuple[tuple[str, str], ...]

    @property
    def unaudited(self) -> tuple[str, ...]:
        """Topics of which others have too few documents to say what the model takes them for."""
        few = np.flatnonzero(self.n_reference < LEAST_REFERENCE)
        return tuple(self.view.topics[topic] for topic in few.tolist())

    def proposal(self) -> dict[str, list[str]]:
        """The classes that the filing amounts to: topics moved to where most of their documents surely are.

        Returns:
            Class → topics, for a customer's YAML; as declared where nothing moves. A class without topics is left out.
        """
        members = self.view.membership.toarray() > 0
        for finding in self.findings:
            if finding.about in self.view.topics and finding.lower > 0.5:
                members[self.view.topics.index(finding.about)] = np.array(self.view.classes) == finding.filed
        names = np.array(self.view.topics, dtype=object)
        found = {name: names[members[:, place]].tolist() for place, name in enumerate(self.view.classes)}
        return {name: topics for name, topics in found.items() if topics}


def audit_filing(
    topics: ArrayLike,
    filed: ArrayLike,
    *,
    view: View,
    reference: ArrayLike,
    weights: ArrayLike,
    pooled: ArrayLike,
    seed: int = 0,
) -> Audit:
    """Find how a customer files the documents of each topic, by what the same model takes for what elsewhere.

    With ŝ the likeliest topic of a document, and by thirds how sure the model is of it: ``C[t,s] = P(ŝ = s | t)`` from
    the other customers' documents; π_c from how often each ŝ is found, ``P(ŝ = s) = Σ_t π_c(t) · C[t,s]``, without a
    look at the labels, so that it cannot explain away what they do; then A_c by EM with π_c fixed,
    ``P(k | ŝ = s) ∝ Σ_t π_c(t) · C[t,s] · A_c[t,k]``, near the declared one. All three are drawn again 100 times for
    intervals. A finding must exceed 2 % of the documents, and 3 documents, by so much that a customer who does as it
    declares rarely has any: z of the score test, whose deviation is that of the share to be exceeded, by Bonferroni
    over all cells. A topic and a class are judged where two fifths of the others' documents of the topic have labels
    that tell it from all topics of the class.

    Args:
        topics: log p(t|x) of the customer's documents under the pooled mix, shape (n_documents, n_topics).
        filed: Their classes, by position in the view, shape (n_documents,).
        view: The customer's classes, as declared.
        reference: log p(t|x) of other customers' documents, by the same model, shape (n_reference, n_topics).
        weights: What their labels say of each topic, shape (n_reference, n_topics).
        pooled: π, shape (n_topics,).
        seed: Seed of the draws.

    Returns:
        The shares with intervals, and what is surely filed elsewhere.

    Raises:
        ConfigError: If the customer, or the others, have no document.

    Source:
        Dawid and Skene, Applied Statistics 1979 (EM under a known confusion); Lipton et al., ICML 2018 (the mix);
        Wilson, JASA 1927 (the score test).
    """
    logs, labels = np.asarray(topics, dtype=np.float64), np.asarray(filed, dtype=np.int64)
    others, told = np.asarray(reference, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    mix = np.asarray(pooled, dtype=np.float64)
    if not len(logs) or not len(others):
        raise ConfigError(
            f"expected documents of '{view.name}' and of other customers, got {len(logs)} and {len(others)}: what the "
            "model takes for what is measured at the others"
        )
    tables = _Tables.of(logs, labels, others, told, pooled=mix, n_classes=len(view.classes))
    units = _units(view)
    estimate = _Estimate.of(tables, units, view, mix, seed=seed)
    expected = (units @ view.membership.toarray()) > 0
    confounded = tables.confounded(view)
    z = norm.isf(FALSE_ALARMS / max((~expected).sum(), 1))
    sure = (estimate.scores(len(logs)) > z).all(axis=0) & ~expected & (units @ confounded == 0)
    sure[units @ np.where(tables.n_reference < LEAST_REFERENCE, 1, 0) > 0] = False
    n_topics = len(view.topics)
    open_cells = np.argwhere(confounded & ~expected[:n_topics])
    return Audit(
        view=view,
        shares=estimate.shares[:n_topics],
        lower=estimate.lower[:n_topics],
        upper=estimate.upper[:n_topics],
        mix=estimate.mix,
        n_documents=len(logs),
        n_reference=tables.n_reference,
        findings=_findings(sure, units, view, estimate, logs, labels),
        confounded=tuple((view.topics[topic], view.classes[place]) for topic, place in open_cells.tolist()),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Estimate:
    """How units are filed: topics, and classes as declared.

    Args:
        mix: π_c, shape (n_topics,).
        shares: The part of a unit's documents that is under a class, shape (n_units, n_classes).
        lower: Lower ends of 90 % intervals, of the same shape.
        upper: Upper ends, of the same shape.
        deviation: Standard deviations, of the same shape.
        parts: The part of all documents that is of the unit and under the class, of the same shape.
        deviation_of_parts: Their standard deviations, of the same shape.
    """

    mix: Array
    shares: Array
    lower: Array
    upper: Array
    deviation: Array
    parts: Array
    deviation_of_parts: Array

    @classmethod
    def of(cls, tables: _Tables, units: Array, view: View, pooled: Array, *, seed: int) -> _Estimate:
        """Estimate once, and again from counts drawn anew."""
        declared = np.where(view.scope[:, None], view.weights.toarray(), 1.0 / len(view.classes))
        mix, membership = tables.filing(declared, pooled)
        shares, parts = _of_units(units, mix, membership)
        random = np.random.default_rng(seed)
        draws = [tables.drawn(random).filing(declared, pooled) for _ in range(N_REPLICATES)]
        drawn = np.stack([_of_units(units, *draw) for draw in draws])
        lower, upper = np.quantile(drawn[:, 0], [0.05, 0.95], axis=0)
        deviation, deviation_of_parts = drawn.std(axis=0)
        return cls(
            mix=mix,
            shares=shares,
            lower=np.minimum(lower, shares),
            upper=np.maximum(upper, shares),
            deviation=deviation,
            parts=parts,
            deviation_of_parts=deviation_of_parts,
        )

    def scores(self, n_documents: int) -> Array:
        """By how many standard errors shares and documents exceed the least, shape (2, n_units, n_classes).

        The standard error is what it would be at the least share: of a larger share, its draws vary more.
        """
        of_unit = n_documents * self.parts / np.maximum(self.shares, 1e-12)
        return np.stack(
            [
                _score(self.shares, self.deviation, LEAST_SHARE, np.maximum(of_unit, 1.0)),
                _score(
                    self.parts, self.deviation_of_parts, min(LEAST_DOCUMENTS / n_documents, 1.0), np.array(n_documents)
                ),
            ]
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Tables:
    """What is counted: topics by what they are taken for, elsewhere; and what was filed by what it is taken for, here.

    A kind of document is its likeliest topic, and the third by how sure the model is of it.

    Args:
        confused: By topic and kind, other customers' documents, shape (n_topics, n_kinds).
        filed: By kind and class, the customer's documents, shape (n_kinds, n_classes).
        n_reference: Other customers' documents of each topic, shape (n_topics,).
        told: The part of these whose labels tell the topic from another, shape (n_topics, n_topics).
    """

    confused: Array
    filed: Array
    n_reference: Array
    told: Array

    @classmethod
    def of(
        cls, logs: Array, labels: NDArray[np.int64], others: Array, told: Array, *, pooled: Array, n_classes: int
    ) -> _Tables:
        """Count."""
        n_topics = len(pooled)
        shared = posterior(document_likelihoods(others, pooled=pooled, weights=told), pooled)
        edges = np.quantile(others.max(axis=1), [1 / 3, 2 / 3])
        n_kinds = n_topics * (len(edges) + 1)
        confused = np.zeros((n_kinds, n_topics))
        np.add.at(confused, _kinds(others, edges), shared)
        filed = np.zeros((n_kinds, n_classes))
        np.add.at(filed, (_kinds(logs, edges), labels), 1.0)
        smoothed, n_reference = confused.T + 1.0 / n_kinds, shared.sum(axis=0)
        own = np.repeat(np.eye(n_topics), len(edges) + 1, axis=1)
        smoothed[n_reference < LEAST_REFERENCE] += UNKNOWN * own[n_reference < LEAST_REFERENCE]
        apart = shared.T @ (told == 0) / np.maximum(n_reference, 1e-12)[:, None]
        return cls(confused=smoothed, filed=filed, n_reference=n_reference, told=apart)

    def drawn(self, random: np.random.Generator) -> _Tables:
        """The same counts of other documents of the same kind."""
        confused, filed = random.standard_gamma(self.confused), random.standard_gamma(self.filed)
        return dataclasses.replace(self, confused=np.maximum(confused, 1e-12), filed=filed)

    def confounded(self, view: View) -> NDArray[np.bool_]:
        """Where labels seldom tell a topic from some topic of a class, shape (n_topics, n_classes)."""
        close = (self.told < LEAST_TOLD) & (self.n_reference >= LEAST_REFERENCE)[:, None]
        found: NDArray[np.bool_] = close @ (view.membership.toarray() > 0)
        return found

    def filing(self, declared: Array, pooled: Array) -> tuple[Array, Array]:
        """The mix of topics, and then how each topic's documents are filed."""
        likelihoods = (self.confused / self.confused.sum(axis=1, keepdims=True)).T
        seen, pseudo = self.filed.sum(axis=1)[None], pooled_documents(pooled)[None]
        mix = fit_shares(likelihoods, weights=seen, pseudo=pseudo, start=pooled, tolerance=1e-6)[0]
        told = posterior(likelihoods, mix)
        return mix, fit_membership(told, self.filed, pseudo=DECLARED_DOCUMENTS * declared, tolerance=1e-5)


def _score(share: Array, deviation: Array, least: float, n_documents: Array) -> Array:
    """(p − p₀) / σ₀, with σ₀² = σ² − (p(1 − p) − p₀(1 − p₀)) / n, and at least the binomial part p₀(1 − p₀) / n."""
    at_least, excess = least * (1 - least), np.maximum(share * (1 - share) - least * (1 - least), 0)
    variance = np.maximum(deviation**2 - excess / n_documents, at_least / n_documents)
    score: Array = (share - least) / np.sqrt(np.maximum(variance, 1e-12))
    return score


def _kinds(logs: Array, edges: Array) -> NDArray[np.int64]:
    """The kind of each document, shape (n_documents,)."""
    found: NDArray[np.int64] = logs.argmax(axis=1) * (len(edges) + 1) + np.digitize(logs.max(axis=1), edges)
    return found


def _units(view: View) -> Array:
    """What is audited: every topic, and every class of several, shape (n_units, n_topics)."""
    classes = view.membership.toarray().T
    return np.vstack([np.eye(len(view.topics)), classes])


def _of_units(units: Array, mix: Array, shares: Array) -> Array:
    """The share of each unit's documents under each class, and the part of all documents that is, shape (2, …)."""
    parts = units @ (mix[:, None] * shares)
    return np.stack([parts / (units @ mix)[:, None], parts])


def _findings(
    sure: NDArray[np.bool_],
    units: Array,
    view: View,
    estimate: _Estimate,
    logs: Array,
    labels: NDArray[np.int64],
) -> tuple[Finding, ...]:
    """The sure cells in words, those of classes where none of their topics is sure; most documents first."""
    n_topics = len(view.topics)
    names = (*view.topics, *view.classes)
    found = []
    for unit, place in zip(*np.nonzero(sure), strict=True):
        members = np.flatnonzero(units[unit])
        if unit >= n_topics and sure[members, place].any():
            continue
        here = np.flatnonzero(labels == place)
        order = np.argsort(-np.logaddexp.reduce(logs[np.ix_(here, members)], axis=1), kind="stable")
        declared = view.classes[unit - n_topics : unit - n_topics + 1] if unit >= n_topics else _classes(view, unit)
        examples = tuple(here[order[:N_EXAMPLES]].tolist())
        found.append(
            Finding(
                about=names[unit],
                declared=declared,
                filed=view.classes[place],
                share=float(estimate.shares[unit, place]),
                lower=float(estimate.lower[unit, place]),
                upper=float(estimate.upper[unit, place]),
                n_documents=float(estimate.parts[unit, place]) * len(logs),
                examples=examples,
            )
        )
    return tuple(sorted(found, key=lambda finding: -finding.n_documents))


def _classes(view: View, topic: int) -> tuple[str, ...]:
    """The classes where the YAML puts a topic."""
    row = view.membership.toarray()[topic]
    return tuple(np.array(view.classes, dtype=object)[row > 0].tolist())
