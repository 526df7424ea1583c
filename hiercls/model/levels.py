"""The levels of a taxonomy as the heads see them: sizes, links, and how parents' documents are shared out.

Knows no logits and no loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hiercls.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True, kw_only=True)
class Hierarchy:
    """The levels of a taxonomy as a head sees them.

    Args:
        sizes: Number of nodes of each level, the topics last.
        links: For every level but the first, a sparse 0/1 array of shape (n_nodes above, n_nodes).
    """

    sizes: tuple[int, ...]
    links: tuple[Any, ...]

    @classmethod
    def of(cls, taxonomy: Taxonomy) -> Hierarchy:
        """The levels of a taxonomy.

        Args:
            taxonomy: The map.

        Returns:
            Sizes and links, first level first.
        """
        return cls(
            sizes=tuple(len(taxonomy.view(level).classes) for level in taxonomy.levels),
            links=tuple(taxonomy.level_links(level) for level in taxonomy.levels[1:]),
        )

    def shares(self, mix: np.ndarray) -> tuple[np.ndarray, ...]:
        """What share of its siblings' documents a node has, ``ν(n|parent)``, level by level.

        Args:
            mix: The mix of topics, shape (n_topics,), positive.

        Returns:
            For the first level the nodes' own shares, shape (n_nodes,); for each other one entry for each of its
            links, parent by parent.

        Example:
            >>> from hiercls.taxonomy import shipped
            >>> hierarchy = Hierarchy.of(Taxonomy.from_yaml(shipped("tiny")))
            >>> [shares.round(2).tolist() for shares in hierarchy.shares(np.array([1, 1, 2, 1, 1, 2]) / 8)]
            [[0.5, 0.5], [0.25, 0.25, 0.5, 0.25, 0.25, 0.5]]
        """
        below = np.eye(self.sizes[-1])
        found = []
        for links in reversed(self.links):
            parents, children = links.tocsr().nonzero()
            found.append(child_shares(parents, children, mix @ below))
            below = ((below @ links.T) > 0).astype(float)
        top = mix @ below
        return (top / top.sum(), *reversed(found))


def child_shares(parents: np.ndarray, children: np.ndarray, mass: np.ndarray) -> np.ndarray:
    """The share of each child among the children of its parent.

    ``ν(c|p) = mass_c / Σ_{c' below p} mass_c'``

    Args:
        parents: The parent of each edge, shape (n_edges,).
        children: The child of each edge, shape (n_edges,).
        mass: Share of the documents below each child, shape (n_children,), positive.

    Returns:
        Shape (n_edges,); the shares of a parent's children sum to 1.
    """
    shares: np.ndarray = mass[children] / np.bincount(parents, mass[children])[parents]
    return shares
