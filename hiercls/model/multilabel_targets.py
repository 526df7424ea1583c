"""What labels say at every level where a document may have several topics, ready to be cut into batches.

Knows views and the sayings of labels; knows no text, no encoder and no loss.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from hiercls.aggregation import Entries
from hiercls.model.targets import spans
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.multilabels import Multilabels


@dataclass(frozen=True, slots=True, kw_only=True)
class MultilabelTargets:
    """What the labels of a batch say at one level.

    Args:
        sets: The nodes of each set of which some node holds, with the sets as owners.
        documents: The document that each set is of, shape (n_sets,).
        absent: True for the nodes that do not hold, shape (batch, n_nodes).
    """

    sets: Entries
    documents: Tensor
    absent: Tensor

    def to(self, device: torch.device | str) -> MultilabelTargets:
        """The same targets on another device."""
        return MultilabelTargets(
            sets=self.sets.to(device), documents=self.documents.to(device), absent=self.absent.to(device)
        )

    def truth(self) -> Tensor:
        """1 for nodes that hold, 0 for those that do not, NaN where the labels leave it open, shape (batch, n_nodes).

        A set of several nodes says of none of them that it holds.
        """
        told = torch.where(self.absent, 0.0, torch.nan)
        sizes = torch.bincount(self.sets.owners, minlength=self.sets.n_owners)
        alone = sizes[self.sets.owners] == 1
        told[self.documents[self.sets.owners[alone]], self.sets.topics[alone]] = 1.0
        return told


class MultilabelTable:
    """The targets of all training documents, from which any batch is cut.

    At level l a listed class's set is the nodes with a topic in it, each distinct set once; a node is absent if all its
    topics are.

    Args:
        taxonomy: The map.
        labels: The documents' labels, met with the map.

    Source:
        The project's design, "Multi-label".
    """

    def __init__(self, taxonomy: Taxonomy, labels: Multilabels) -> None:
        self.n_topics = len(taxonomy.topics)
        self._saying_of = labels.saying_of
        self._base_of = labels.base_of
        views = [taxonomy.view(level) for level in taxonomy.levels]
        self._levels = [_LevelTable.of(labels, view.membership) for view in views]

    def take(self, documents: np.ndarray) -> MultilabelTable:
        """The table of some documents, by position; nothing but positions is copied."""
        taken = copy.copy(self)
        taken._saying_of = self._saying_of[documents]
        return taken

    def batch(self, documents: np.ndarray) -> tuple[MultilabelTargets, ...]:
        """The targets of some documents, level by level.

        Args:
            documents: Their positions, shape (batch,).

        Returns:
            One entry a level, the topics last.
        """
        sayings = self._saying_of[documents]
        return tuple(table.batch(sayings, self._base_of[sayings]) for table in self._levels)

    def allowed(self, documents: np.ndarray) -> tuple[Tensor, ...]:
        """For every level but the last, what teacher forcing may say of its nodes.

        Args:
            documents: Their positions, shape (batch,).

        Returns:
            :meth:`MultilabelTargets.truth` of each, of shape (batch, n_nodes).
        """
        return tuple(target.truth() for target in self.batch(documents)[:-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class _LevelTable:
    """One level's targets, by distinct saying."""

    sets: csr_array
    starts: np.ndarray
    bases: np.ndarray
    spared: csr_array

    @classmethod
    def of(cls, labels: Multilabels, membership: csr_array) -> _LevelTable:
        """The sayings of labels over the nodes of a level."""
        sets = csr_array(labels.sets @ membership)
        sets.sort_indices()
        saying = np.repeat(np.arange(len(labels.base_of)), np.diff(labels.starts)).tolist()
        keys = [
            (saying[row], sets.indices[sets.indptr[row] : sets.indptr[row + 1]].tobytes())
            for row in range(sets.shape[0])
        ]
        distinct = list({key: row for row, key in reversed(list(enumerate(keys)))}.values())[::-1]
        counts = np.bincount([saying[row] for row in distinct], minlength=len(labels.base_of))
        return cls(
            sets=sets[distinct],
            starts=np.concatenate([[0], counts.cumsum()]),
            bases=(labels.bases.astype(float) @ membership) == membership.sum(axis=0),
            spared=csr_array(labels.spared @ membership),
        )

    def batch(self, sayings: np.ndarray, bases: np.ndarray) -> MultilabelTargets:
        sets, documents = spans(self.starts, sayings)
        places, owners = spans(self.sets.indptr, sets)
        absent = self.bases[bases]
        spared, rows = spans(self.spared.indptr, sayings)
        absent[rows, self.spared.indices[spared]] = False
        return MultilabelTargets(
            sets=Entries(
                topics=torch.from_numpy(self.sets.indices[places].astype(np.int64)),
                owners=torch.from_numpy(owners),
                log_weights=torch.zeros(len(places)),
                n_owners=len(sets),
            ),
            documents=torch.from_numpy(documents),
            absent=torch.from_numpy(absent),
        )
