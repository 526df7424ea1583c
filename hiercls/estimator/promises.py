"""What the model said of held-out documents beside what their labels allow: all that promises are made from.

Knows rows, a trained scorer and the map; joins them with the rules of ``decoding``; knows no scikit-learn and no file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from hiercls.data.rows import Row
from hiercls.decoding import (
    ClimbingRule,
    ConformalRule,
    NodeRule,
    RecallRule,
    climbing_rule,
    climbing_rule_several,
    conformal_rule,
    mix_ratios,
    node_rule,
    recall_rule,
)
from hiercls.decoding.conformal import Score
from hiercls.errors import ConfigError, DataError, Problem
from hiercls.estimator.labelled import groups_of
from hiercls.estimator.tasks import need_one_topic, resolve_all
from hiercls.metrics import ancestor_matrix
from hiercls.scoring import Scorer
from hiercls.taxonomy import Taxonomy, View
from hiercls.taxonomy.multilabels import Multilabels

NAME = "heldout."
"""What the names of the held-out documents' tensors begin with in a model's folder."""
LISTS = "lists."
"""What comes next, where documents may have several topics."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeldOut:
    """Held-out documents without their texts; any promise can be made from them later.

    Args:
        topics: log p(t|x) as the model gives it before it is calibrated, shape (n_documents, n_topics), float32.
        labels: 1 for the topics that each label allows, n_documents × n_topics; where a document may have several
            topics, what its labels say.
        customers: The customer of each document, or the labelled view where there is none, shape (n_documents,).
    """

    topics: Tensor
    labels: csr_array | Multilabels
    customers: np.ndarray

    @classmethod
    def of(cls, taxonomy: Taxonomy, scorer: Scorer, rows: Sequence[Row], *, progress: bool = False) -> HeldOut:
        """What a model says of labelled rows that it was not trained on.

        Args:
            taxonomy: The map.
            scorer: A trained scorer.
            rows: The rows.
            progress: Whether to show a bar on standard error.

        Returns:
            The held-out documents.

        Raises:
            DataError: If there are no rows, or labels that are illegal.
        """
        labels = resolve_all(taxonomy, rows, scorer.task)
        if not rows:
            raise DataError([Problem(message="expected labelled held-out documents, got none")], subject="the rows")
        allowed = labels
        if not isinstance(labels, Multilabels):
            allowed = labels.weights.copy()
            allowed.data = np.ones(len(allowed.data))
        bare = dataclasses.replace(scorer, calibration=None)
        topics = bare.topics([row.text for row in rows], progress=progress)
        return cls(topics=topics, labels=allowed, customers=groups_of(taxonomy, rows, labels))

    def __len__(self) -> int:
        """The number of documents."""
        return len(self.customers)

    def of_customer(self, customer: str) -> HeldOut:
        """The documents of one customer.

        Args:
            customer: Its name.

        Returns:
            Its documents.

        Raises:
            ConfigError: If there are none.
        """
        own = np.flatnonzero(self.customers == customer)
        if not len(own):
            known = ", ".join(f"'{name}'" for name in sorted(set(self.customers.tolist())))
            raise ConfigError(f"no held-out document is of '{customer}', so nothing can be promised to it; of: {known}")
        labels = self.labels.take(own) if isinstance(self.labels, Multilabels) else self.labels[own]
        return HeldOut(topics=self.topics[own], labels=labels, customers=self.customers[own])

    def to_tensors(self) -> dict[str, Tensor]:
        """The numbers, by name, for a model's folder; ``names`` are to be kept beside them."""
        customers = torch.from_numpy(np.searchsorted(self.names, self.customers).astype(np.int64))
        parts = {"topics": self.topics, "customers": customers}
        if isinstance(self.labels, Multilabels):
            arrays = {f"{LISTS}{name}": array for name, array in self.labels.to_arrays().items()}
        else:
            arrays = {"allowed": self.labels.indices.astype(np.int64), "starts": self.labels.indptr.astype(np.int64)}
        parts |= {name: torch.from_numpy(array) for name, array in arrays.items()}
        return {f"{NAME}{name}": part for name, part in parts.items()}

    @property
    def names(self) -> list[str]:
        """The customers, sorted."""
        return sorted(set(self.customers.tolist()))

    @classmethod
    def from_tensors(
        cls, tensors: Mapping[str, Tensor], *, names: Sequence[str] | None, n_topics: int
    ) -> HeldOut | None:
        """The documents of a model's folder.

        Args:
            tensors: All tensors of the folder.
            names: The customers, sorted; None: nothing was held out.
            n_topics: Topics that the documents must be for.

        Returns:
            The documents, or None.

        Raises:
            ValueError: If they are for other topics, or of unknown customers.
        """
        if names is None:
            return None
        topics, place = (tensors[f"{NAME}{part}"] for part in ("topics", "customers"))
        if topics.shape != (len(place), n_topics) or (
            len(place) and not 0 <= int(place.min()) <= int(place.max()) < len(names)
        ):
            raise ValueError(f"expected held-out documents of {n_topics} topics and {len(names)} customers")
        labels = _labels(tensors, len(place), n_topics)
        return cls(topics=topics, labels=labels, customers=np.array(list(names))[place.numpy()])


def _labels(tensors: Mapping[str, Tensor], n_documents: int, n_topics: int) -> csr_array | Multilabels:
    """The labels of a model's folder, of whichever kind there are."""
    lists = f"{NAME}{LISTS}"
    arrays = {name.removeprefix(lists): part.numpy() for name, part in tensors.items() if name.startswith(lists)}
    if not arrays:
        allowed, starts = (tensors[f"{NAME}{part}"].numpy() for part in ("allowed", "starts"))
        return csr_array((np.ones(len(allowed)), allowed, starts), shape=(n_documents, n_topics))
    labels = Multilabels.from_arrays(arrays, n_topics=n_topics)
    if len(labels) != n_documents:
        raise ValueError(f"expected labels of {n_documents} held-out documents")
    return labels


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Promises:
    """Rules that keep a promise to documents like those held out, as a scorer sees them now.

    Args:
        taxonomy: The map.
        scorer: A trained scorer, calibrated or not.
        heldout: The held-out documents.
    """

    taxonomy: Taxonomy
    scorer: Scorer
    heldout: HeldOut

    def sets(
        self, *, at: View, calibrated_at: View, coverage: float, score: Score, customer: str | None = None
    ) -> ConformalRule | RecallRule:
        """The rule for sets at a view.

        Args:
            at: The view whose calibration, mix of topics and scope the probabilities have.
            calibrated_at: The view where the coverage is exact.
            coverage: The promise.
            score: How strange a class is.
            customer: Whose held-out documents count; None: everybody's, weighted where the view's mix is known.

        Returns:
            The rule.

        Raises:
            ConfigError: If there is no such score or coverage, or no document of the customer, or the score is for one
                topic a document and documents may have several.
        """
        heldout = self.heldout if customer is None else self.heldout.of_customer(customer)
        topics, exact = self.topics(heldout, at), _within(calibrated_at, at)
        if isinstance(heldout.labels, Multilabels):
            if score != "lac":
                need_one_topic(self.scorer, f"score='{score}'")
            truth = heldout.labels.truth(exact.membership)
            holding = heldout.labels.truth(csr_array(exact.scope[:, None].astype(float)))[:, 0]
            return recall_rule(topics, truth, coverage=coverage, view=exact, holding=holding)
        mix = None if customer is not None else self.scorer.mix.customers.get(at.name)
        return conformal_rule(
            topics,
            heldout.labels,
            coverage=coverage,
            score=score,
            view=exact,
            ratios=None if mix is None else mix_ratios(topics, heldout.labels, mix=mix),
        )

    def nodes(self, *, coverage: float, max_nodes: int) -> NodeRule:
        """The rule for sets of at most some nodes.

        Args:
            coverage: The promise.
            max_nodes: The most nodes of a set.

        Returns:
            The rule.

        Raises:
            ConfigError: If documents may have several topics.
        """
        need_one_topic(self.scorer, "predict_nodes")
        topics = self.topics(self.heldout, self.taxonomy.view(self.taxonomy.levels[-1]))
        return node_rule(topics, self.heldout.labels, taxonomy=self.taxonomy, coverage=coverage, max_nodes=max_nodes)

    def climbing(self, *, accuracy: float) -> ClimbingRule:
        """The rule for coarser answers.

        Args:
            accuracy: The promise.

        Returns:
            The rule.

        Raises:
            ConfigError: If the accuracy is not between 0 and 1.
        """
        topics, labels = self.topics(self.heldout, self.taxonomy.view(self.taxonomy.levels[-1])), self.heldout.labels
        if isinstance(labels, Multilabels):
            truth = labels.truth(ancestor_matrix(self.taxonomy))
            return climbing_rule_several(topics, truth, taxonomy=self.taxonomy, accuracy=accuracy)
        return climbing_rule(topics, labels, taxonomy=self.taxonomy, accuracy=accuracy)

    def topics(self, heldout: HeldOut, view: View) -> np.ndarray:
        """Log p_c(t|x) of held-out documents as a view has them, shape (n_documents, n_topics)."""
        return self.scorer.conditioned(self.scorer.calibrated(heldout.topics), view).numpy()


def _within(calibrated_at: View, at: View) -> View:
    """A view without the topics that another leaves out."""
    if not at.is_partial or calibrated_at.name == at.name:
        return calibrated_at
    kept: Any = {
        name: [topic for topic in calibrated_at.members(name).tolist() if at.scope[topic]]
        for name in calibrated_at.classes
    }
    return View.from_members(calibrated_at.name, topics=at.topics, members=kept)
