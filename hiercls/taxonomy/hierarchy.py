"""The hierarchy of nodes: who stands below whom, how deep, and the matrices between levels and topics.

Nodes are known by name alone. Knows no YAML and no customers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, kw_only=True)
class Hierarchy:
    """Nodes in a forest or, where some have several parents, in a directed acyclic graph.

    Args:
        roots: The nodes at the top.
        children: For each inner node the nodes below it. A node that is no key is a topic.

    Example:
        >>> tree = Hierarchy(roots=("X", "Y"), children={"X": ("A", "B"), "Y": ("C",)})
        >>> tree.topics, tree.depth["C"], tree.below("X")
        (('A', 'B', 'C'), 1, (0, 1))
    """

    roots: tuple[str, ...]
    children: Mapping[str, tuple[str, ...]]

    def __hash__(self) -> int:
        """A hash by the nodes in their order."""
        return hash((self.roots, self.nodes))

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """All nodes, each before what stands below it, in the order of the file."""
        seen: dict[str, None] = {}
        stack = list(reversed(self.roots))
        while stack:
            node = stack.pop()
            if node not in seen:
                seen[node] = None
                stack.extend(reversed(self.children.get(node, ())))
        return tuple(seen)

    @cached_property
    def topics(self) -> tuple[str, ...]:
        """The nodes with nothing below them, in order."""
        return tuple(node for node in self.nodes if node not in self.children)

    @cached_property
    def topic_index(self) -> Mapping[str, int]:
        """The position of each topic."""
        return {topic: index for index, topic in enumerate(self.topics)}

    @cached_property
    def depth(self) -> Mapping[str, int]:
        """How many nodes stand above each node; all paths to a node are equally long."""
        depth = dict.fromkeys(self.roots, 0)
        queue = deque(self.roots)
        while queue:
            node = queue.popleft()
            for child in self.children.get(node, ()):
                if child not in depth:
                    depth[child] = depth[node] + 1
                    queue.append(child)
        return depth

    @cached_property
    def is_even(self) -> bool:
        """Whether all paths to a node are equally long, as they must be; never so where nodes stand in a circle."""
        below = ((node, child) for node in self.nodes for child in self.children.get(node, ()))
        return all(self.depth[child] == self.depth[node] + 1 for node, child in below)

    @cached_property
    def parents(self) -> Mapping[str, tuple[str, ...]]:
        """The nodes right above each node; none for a node at the top."""
        parents: dict[str, list[str]] = {node: [] for node in self.nodes}
        for node in self.nodes:
            for child in self.children.get(node, ()):
                parents[child].append(node)
        return {node: tuple(above) for node, above in parents.items()}

    @cached_property
    def multi_parent(self) -> tuple[str, ...]:
        """The nodes with several parents, in order."""
        return tuple(node for node in self.nodes if len(self.parents[node]) > 1)

    @cached_property
    def _below(self) -> dict[str, tuple[int, ...]]:
        return {}

    def below(self, node: str) -> tuple[int, ...]:
        """The positions of the topics below a node, in order; a topic stands for itself."""
        known = self._below
        if node not in known:
            found, seen, stack = set(), {node}, [node]
            while stack:
                current = stack.pop()
                if current in self.topic_index:
                    found.add(self.topic_index[current])
                fresh = [child for child in self.children.get(current, ()) if child not in seen]
                seen.update(fresh)
                stack.extend(fresh)
            known[node] = tuple(sorted(found))
        return known[node]

    @cached_property
    def n_levels(self) -> int:
        """The number of depths."""
        return 1 + max(self.depth.values())

    @cached_property
    def levels(self) -> tuple[tuple[str, ...], ...]:
        """The nodes of each level from the top; a topic that ends early stands for itself on the deeper levels."""
        levels: list[list[str]] = [[] for _ in range(self.n_levels)]
        for node in self.nodes:
            last = self.depth[node] if node in self.children else self.n_levels - 1
            for level in range(self.depth[node], last + 1):
                levels[level].append(node)
        return tuple(map(tuple, levels))

    @cached_property
    def links(self) -> tuple[csr_array, ...]:
        """For each level after the first, n_nodes above × n_nodes of the level: 1 from parent to child."""
        return tuple(self._link(above, here) for above, here in zip(self.levels, self.levels[1:], strict=False))

    def _link(self, above: tuple[str, ...], here: tuple[str, ...]) -> csr_array:
        import numpy as np
        from scipy.sparse import csr_array

        position = {node: index for index, node in enumerate(here)}
        below = [self.children.get(node, (node,)) for node in above]
        rows = np.repeat(np.arange(len(above)), [len(nodes) for nodes in below])
        columns = np.array([position[node] for nodes in below for node in nodes], dtype=np.int64)
        return csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(above), len(here)))

    @cached_property
    def memberships(self) -> tuple[csr_array, ...]:
        """For each level, n_topics × n_nodes: 1 where the topic is the node or stands below it."""
        from scipy.sparse import csr_array, eye_array

        found = [csr_array(eye_array(len(self.topics), format="csr"))]
        for link in reversed(self.links):
            membership = csr_array(found[-1] @ link.T)
            membership.data[:] = 1.0
            found.append(membership)
        return tuple(reversed(found))
