"""What is measured of customers who are onboarded, on stored probabilities alone: each draw takes a moment.

Knows topic log-probabilities, true topics and the map; knows no text and no training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp

from hiercls.customers import adapt_customer, audit_filing, black_box_mix, estimate_mix, infer_classes
from hiercls.study.baselines import OWN_DATA, Documents, predict_from_own_data
from hiercls.study.halves import calibration_on
from hiercls.study.posteriors import Posteriors
from hiercls.taxonomy import Taxonomy, View

N_GROUPINGS, N_CLASSES = 20, (6, 7, 8)
"""Random groupings that are answered without a document, and how many classes they have."""

SKEW, SMALLEST_SHARE = 0.3, 0.001
"""The Dirichlet distribution that skewed mixes are drawn from; and the part of a mix that is even."""

MIX_DOCUMENTS, AUDIT_DOCUMENTS, AUDIT_CLASS = 500, 2828, 250
"""A customer's documents that a mix is found from; those that are audited; the least in a class that is re-filed."""

FEW, N_SCRATCH = (20, 50, 100), 1000
"""Labelled documents that a grouping is inferred from; documents that what learns from scratch is tested on."""

ADAPT_DOCUMENTS = (50, 100, 200)
"""Labelled documents that are adapted to."""

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Values = dict[str, list[float]]
"""What each draw gave, by what was measured."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bench:
    """Calibrated probabilities of test documents, in two halves: one to learn from, one to be answered.

    Args:
        logs: log p(t|x), calibrated on the held-out training documents, shape (n_documents, n_topics).
        topics: Their true topics, shape (n_documents,).
        pooled: π of the held-out training documents, shape (n_topics,).
        random: Draws all that is drawn.
        documents: The documents, where something shall learn from them from scratch.
    """

    logs: Array
    topics: Indices
    pooled: Array
    random: np.random.Generator
    documents: Documents | None = None

    @classmethod
    def of(cls, said: Posteriors, taxonomy: Taxonomy, *, seed: int, documents: Documents | None = None) -> Bench:
        """Calibrate one model's stored probabilities on its held-out training documents' coarse labels."""
        calibration = calibration_on(
            said.heldout, said.heldout_topics, said.heldout_customers, taxonomy=taxonomy, method="bias_corrected"
        )
        n_topics = len(taxonomy.topics)
        return cls(
            logs=calibration.pooled.apply(torch.from_numpy(said.test)).double().numpy(),
            topics=said.test_topics,
            pooled=(np.bincount(said.heldout_topics, minlength=n_topics) + 1.0) / (len(said.heldout) + n_topics),
            random=np.random.default_rng(seed),
            documents=documents,
        )

    @property
    def usual(self) -> Array:
        """The mix of topics of the test documents."""
        shares: Array = np.bincount(self.topics, minlength=len(self.pooled)) / len(self.topics)
        return shares

    def skewed(self) -> Array:
        """A skewed mix of topics."""
        n_topics = len(self.pooled)
        drawn = self.random.dirichlet(np.full(n_topics, SKEW))
        mix: Array = (1 - SMALLEST_SHARE) * drawn + SMALLEST_SHARE / n_topics
        return mix

    def halves(self) -> tuple[Indices, Indices]:
        """Documents to draw from, and documents to be answered."""
        order = self.random.permutation(len(self.topics))
        return order[: len(order) // 2], order[len(order) // 2 :]

    def drawn(self, places: Indices, mix: Array, *, n_documents: int) -> Indices:
        """Documents of a mix, drawn from some with replacement."""
        return self.random.choice(places, n_documents, p=self.weights(places, mix))

    def weights(self, places: Indices, mix: Array) -> Array:
        """What documents count for their topics to have the shares of a mix; sums to 1."""
        counts = np.bincount(self.topics[places], minlength=len(mix))
        found = (mix / np.maximum(counts, 1))[self.topics[places]]
        weights: Array = found / found.sum()
        return weights

    def accuracy(self, places: Indices, filing: Array, *, truth: Array, mix: Array, own: Array | None = None) -> float:
        """Accuracy over documents of a mix.

        Args:
            places: The documents that are answered.
            filing: A_c that answers are found by.
            truth: How documents are in fact filed, of the same shape.
            mix: The mix of the documents.
            own: π_c that answers are found by; None: the pooled one.

        Returns:
            The share that is right, exactly: over the mix, and over how documents are filed.
        """
        shift = 0.0 if own is None else np.log(np.maximum(own, 1e-12)) - np.log(self.pooled)
        logs = self.logs[places] + shift
        shares = np.exp(logs - logsumexp(logs, axis=1, keepdims=True))
        answers = (shares @ filing).argmax(axis=1)
        return float(self.weights(places, mix) @ truth[self.topics[places], answers])


def partition(view: View) -> Array:
    """A partition's membership, shape (n_topics, n_classes)."""
    members: Array = view.weights.toarray()
    return members


def random_grouping(n_topics: int, random: np.random.Generator) -> Array:
    """A random partition of the topics into 6 to 8 classes, none empty, shape (n_topics, n_classes)."""
    n_classes = int(random.choice(N_CLASSES))
    classes = np.concatenate([np.arange(n_classes), random.integers(n_classes, size=n_topics - n_classes)])
    members: Array = np.eye(n_classes)[random.permutation(classes)]
    return members


def groupings(said: Mapping[str, Posteriors], taxonomy: Taxonomy, seed: int) -> dict[str, Any]:
    """Known groupings and no document: random ones, and each customer left out, beside the fine-label oracle.

    Args:
        said: What models say: by the customer that each was trained without, and ``oracle``.
        taxonomy: The map.
        seed: Seed of the groupings.

    Returns:
        Accuracies by customer: of the union, of the oracle, and both on what the others' classes determine.
    """
    random, oracle = np.random.default_rng(seed), said["oracle"]
    cells: dict[str, Any] = {}
    for name in taxonomy.customers:
        if name not in said:
            continue
        others = np.hstack([partition(taxonomy.view(other)) for other in taxonomy.customers if other != name])
        own = partition(taxonomy.view(name))
        determined = np.abs(others @ np.linalg.lstsq(others, own, rcond=None)[0] - own).max(axis=0) < 1e-8
        inside = (own[:, determined].sum(axis=1) > 0)[oracle.test_topics]
        union, best = _right(said[name], own), _right(oracle, own)
        cells[name] = {
            "rank": int(np.linalg.matrix_rank(others)),
            "classes determined": int(determined.sum()),
            "all": [float(union.mean()), float(best.mean())],
            "determined": [float(union[inside].mean()), float(best[inside].mean())],
        }
    drawn = [random_grouping(len(taxonomy.topics), random) for _ in range(N_GROUPINGS)]
    pairs = [[float(_right(one, members).mean()) for one in (said["newcomer"], oracle)] for members in drawn]
    return {"customers": cells, "random": pairs}


def _right(said: Posteriors, members: Array) -> NDArray[np.bool_]:
    """Whether each test document's class is right, shape (n_documents,)."""
    right: NDArray[np.bool_] = (np.exp(said.test) @ members).argmax(axis=1) == members.argmax(axis=1)[said.test_topics]
    return right


def mixes(bench: Bench, taxonomy: Taxonomy, *, draws: int) -> Values:
    """What a customer's own mix gains over the pooled one, in accuracy at its classes, every customer in turn."""
    values: Values = {}
    for name in _in_turn(taxonomy, draws):
        own = partition(taxonomy.view(name))
        for kind, mix in (("equal", bench.usual), ("skewed", bench.skewed())):
            few, new = bench.halves()
            places = bench.drawn(few, mix, n_documents=MIX_DOCUMENTS)
            logs, labels = bench.logs[places], own.argmax(axis=1)[bench.topics[places]]
            settings: dict[str, Any] = {"names": taxonomy.topics, "pooled": bench.pooled}
            found = {
                "without labels": estimate_mix(logs, **settings).shares,
                "with labels": estimate_mix(logs, weights=own.T[labels], **settings).shares,
                "known": mix,
            }
            held = {"heldout": bench.logs[few], "truth": bench.topics[few], "pooled": bench.usual}
            found["black box"] = 0.999 * black_box_mix(logs, **held) + 0.001 / len(mix)
            before = bench.accuracy(new, own, truth=own, mix=mix)
            values.setdefault(f"{kind}, accuracy by the pooled mix", []).append(before)
            for how, shares in found.items():
                gain = bench.accuracy(new, own, truth=own, mix=mix, own=shares) - before
                values.setdefault(f"{kind}, {how}", []).append(gain)
    return values


def audits(bench: Bench, taxonomy: Taxonomy, *, draws: int) -> Values:
    """How often documents that are filed elsewhere are found, and how often nothing is made something of."""
    values: Values = {}
    for name in _in_turn(taxonomy, draws):
        view = taxonomy.view(name)
        own, order = partition(view), bench.random.permutation(len(bench.topics))
        here, there = order[:AUDIT_DOCUMENTS], order[AUDIT_DOCUMENTS:]
        labels = own.argmax(axis=1)[bench.topics[here]]
        others = [partition(taxonomy.view(other)) for other in taxonomy.customers if other != name]
        weights = _labels_of(others, bench.topics[there])
        size = np.bincount(labels, minlength=len(view.classes))
        old = int(bench.random.choice(np.flatnonzero(size >= AUDIT_CLASS)))
        new = int(bench.random.choice([place for place in range(len(view.classes)) if place != old]))
        for share in (0.0, 0.1, 0.25):
            filed = np.where((labels == old) & (bench.random.random(len(here)) < share), new, labels)
            found = audit_filing(
                bench.logs[here], filed, view=view, reference=bench.logs[there], weights=weights, pooled=bench.pooled
            )
            if share == 0.0:
                values.setdefault("clean, any finding", []).append(float(bool(found.findings)))
                continue
            about = {view.classes[old], *view.topics_of(view.classes[old])}
            hit = any(one.filed == view.classes[new] and one.about in about for one in found.findings)
            members = own[:, old] * found.mix
            estimate = float(members @ found.shares[:, new] / members.sum())
            true = float((filed[labels == old] == new).mean())
            values.setdefault(f"{share:.0%} found", []).append(float(hit))
            values.setdefault(f"{share:.0%} error of the share", []).append(abs(estimate - true))
    return values


def _labels_of(others: list[Array], topics: Indices) -> Array:
    """The columns of the classes that other customers, in turn, give to documents, shape (n_documents, n_topics)."""
    rows = [others[place % len(others)] for place in range(len(topics))]
    return np.array([own[:, own[topic].argmax()] for own, topic in zip(rows, topics, strict=True)])


def inferred(bench: Bench, taxonomy: Taxonomy, *, draws: int) -> Values:
    """Unknown random groupings from few labelled documents: accuracy, and topics put into their class."""
    values: Values = {}
    for _ in range(draws):
        own = random_grouping(len(taxonomy.topics), bench.random)
        few, new = bench.halves()
        names = tuple(str(place) for place in range(own.shape[1]))
        for n_documents in FEW:
            places = bench.drawn(few, bench.usual, n_documents=n_documents)
            labels = own.argmax(axis=1)[bench.topics[places]]
            found = infer_classes(bench.logs[places], labels, names=taxonomy.topics, classes=names, pooled=bench.pooled)
            right = bench.accuracy(new, found.posterior, truth=own, mix=bench.usual)
            values.setdefault(f"{n_documents} documents, accuracy", []).append(right)
            topics = float((found.posterior.argmax(axis=1) == own.argmax(axis=1)).mean())
            values.setdefault(f"{n_documents} documents, topics in their class", []).append(topics)
            for name, right in _from_scratch(bench, places, new[:N_SCRATCH], own.argmax(axis=1)):
                values.setdefault(f"{n_documents} documents, accuracy of {name}", []).append(right)
        best = bench.accuracy(new, own, truth=own, mix=bench.usual)
        values.setdefault("grouping known, accuracy", []).append(best)
    return values


def _from_scratch(bench: Bench, few: Indices, new: Indices, classes: Indices) -> Iterator[tuple[str, float]]:
    """The accuracy of plain classifiers that learn from the few documents alone, where there are documents."""
    if bench.documents is not None:
        training, test = bench.documents.take(few), bench.documents.take(new)
        labels, truth = classes[bench.topics[few]], classes[bench.topics[new]]
        for baseline in OWN_DATA:
            if baseline.features != "none":
                found = predict_from_own_data(baseline, training, labels, test, seed=0)
                yield baseline.name, float((found == truth).mean())


def adapted(bench: Bench, taxonomy: Taxonomy, *, draws: int) -> Values:
    """What adapting to few documents gains, for customers of four kinds, and what knowing everything would gain."""
    values: Values = {}
    for name in _in_turn(taxonomy, draws):
        view = taxonomy.view(name)
        for kind, mix, truth in _customers(bench, view):
            few, new = bench.halves()
            before = bench.accuracy(new, partition(view), truth=truth, mix=mix)
            values.setdefault(f"{kind}, accuracy by the YAML alone", []).append(before)
            known = bench.accuracy(new, truth, truth=truth, mix=mix, own=mix)
            values.setdefault(f"{kind}, everything known", []).append(known - before)
            for n_documents in ADAPT_DOCUMENTS:
                places = bench.drawn(few, mix, n_documents=n_documents)
                rows = truth[bench.topics[places]].cumsum(axis=1)
                labels = (rows < bench.random.random((n_documents, 1))).sum(axis=1).clip(max=rows.shape[1] - 1)
                found = adapt_customer(bench.logs[places], labels, view=view, pooled=bench.pooled)
                gain = 0.0
                if found.helps:
                    gain = bench.accuracy(new, found.filing, truth=truth, mix=mix, own=found.mix) - before
                values.setdefault(f"{kind}, {n_documents} documents", []).append(gain)
    return values


def _customers(bench: Bench, view: View) -> Iterator[tuple[str, Array, Array]]:
    """Kinds of customers: their mix of topics, and how they in fact file them."""
    own = partition(view)
    yield "as declared", bench.usual, own
    yield "skewed mix", bench.skewed(), own
    old = int(bench.random.choice(np.flatnonzero(own.sum(axis=0) >= 2)))
    new = int(bench.random.choice([place for place in range(own.shape[1]) if place != old]))
    members = bench.random.permutation(np.flatnonzero(own[:, old]))
    whole, part = own.copy(), own.copy()
    chosen = members[: max(1, round(len(members) / 4))]
    whole[chosen, old], whole[chosen, new] = 0.0, 1.0
    yield "a quarter of a class's topics re-filed", bench.usual, whole
    part[members, old], part[members, new] = 0.75, 0.25
    yield "a quarter of a class's documents re-filed at random", bench.usual, part


def _in_turn(taxonomy: Taxonomy, draws: int) -> Iterator[str]:
    """The customers in turn, so many of them."""
    names = taxonomy.customers
    yield from (names[draw % len(names)] for draw in range(draws))
