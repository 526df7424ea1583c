"""The hierarchy as one graph of nodes, as structure encoders walk it.

Knows nodes by number; knows no logits and no text.
"""

from __future__ import annotations

from dataclasses import dataclass

import networkx
import numpy as np

from hiercls.model.levels import child_shares
from hiercls.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelGraph:
    """All nodes of a taxonomy in one graph; a topic that ends early is one node, though it stands on several levels.

    Args:
        n_nodes: Number of nodes.
        parents: The upper end of each edge, shape (n_edges,).
        children: The lower end of each edge, shape (n_edges,).
        generations: The nodes in groups, each after all groups that hold a parent of one of its nodes.
        levels: The nodes of each level, in the order of its classes; the topics last.
        below: The positions of the topics below each node.
    """

    n_nodes: int
    parents: np.ndarray
    children: np.ndarray
    generations: tuple[np.ndarray, ...]
    levels: tuple[np.ndarray, ...]
    below: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, taxonomy: Taxonomy) -> LabelGraph:
        """The graph of a taxonomy.

        Args:
            taxonomy: The map.

        Returns:
            Its nodes by number, parents before children.

        Example:
            >>> from hiercls.taxonomy import shipped
            >>> graph = LabelGraph.of(Taxonomy.from_yaml(shipped("tiny")))
            >>> graph.n_nodes, graph.levels[0].tolist(), graph.parents.tolist()
            (8, [0, 1], [0, 0, 0, 1, 1, 1])
        """
        graph = taxonomy.graph
        generations = [list(nodes) for nodes in networkx.topological_generations(graph)]
        number = {node: place for place, node in enumerate(node for nodes in generations for node in nodes)}
        edges = np.array([(number[parent], number[child]) for parent, child in graph.edges], dtype=np.int64)
        return cls(
            n_nodes=len(number),
            parents=edges.reshape(-1, 2)[:, 0],
            children=edges.reshape(-1, 2)[:, 1],
            generations=tuple(np.array([number[node] for node in nodes], dtype=np.int64) for nodes in generations),
            levels=tuple(
                np.array([number[name] for name in taxonomy.view(level).classes], dtype=np.int64)
                for level in taxonomy.levels
            ),
            below=tuple(taxonomy.hierarchy.below(node) for node in number),
        )

    def shares(self, mix: np.ndarray) -> np.ndarray:
        """``ν(child|parent)`` of each edge: the child's share of the documents of all children of the parent.

        Args:
            mix: The mix of topics, shape (n_topics,), positive.

        Returns:
            Shape (n_edges,).
        """
        mass = np.array([mix[list(topics)].sum() for topics in self.below])
        return child_shares(self.parents, self.children, mass)
