"""The levels of a taxonomy as the heads see them: sizes and links.

Knows no logits and no loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
