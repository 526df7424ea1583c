"""The tasks of the pooling study: which topic is told from which, beside which other.

Knows the taxonomy; knows no document and no network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Literal

from hiercls.errors import ConfigError
from hiercls.taxonomy import Taxonomy

Task = tuple[str, str]
"""Two topics to be told apart: the class 0 and the class 1."""

Kind = Literal["related", "unrelated"]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Pair:
    """A main task, and the auxiliary task that is learnt beside it.

    Args:
        main: Topics A and B.
        auxiliary: Topics C and D, C a sibling of A and D a sibling of B.
    """

    main: Task
    auxiliary: Task

    @property
    def roles(self) -> tuple[Task, Task]:
        """The main task and the auxiliary."""
        return self.main, self.auxiliary

    @property
    def tasks(self) -> tuple[Task, Task]:
        """Both tasks, in an order that does not depend on which is main: one joint run serves both roles."""
        return min(self.main, self.auxiliary), max(self.main, self.auxiliary)


def pairs(taxonomy: Taxonomy, kind: Kind) -> tuple[Pair, ...]:
    """All pairs of a main and an auxiliary task.

    A main task tells topic A from topic B of different groups (nodes of the level above the topics); its auxiliary
    tells a sibling of A from a sibling of B.

    Args:
        taxonomy: A hierarchy of three levels.
        kind: ``related``: both groups are under one node of the first level; ``unrelated``: any two groups.

    Returns:
        The pairs, in the taxonomy's order.

    Raises:
        ConfigError: If the hierarchy has not three levels.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> taxonomy = Taxonomy.from_yaml(shipped("newsgroups"))
        >>> len(pairs(taxonomy, "related")), len(pairs(taxonomy, "unrelated"))
        (52, 516)
    """
    if len(taxonomy.levels) != 3:
        raise ConfigError(f"expected a hierarchy of three levels, got {len(taxonomy.levels)}: {taxonomy.levels}")
    domains, groups = (taxonomy.view(level) for level in taxonomy.levels[:2])
    found = []
    for one, other in combinations(groups.classes, 2):
        firsts, seconds = groups.topics_of(one), groups.topics_of(other)
        if kind == "unrelated" or any({*firsts, *seconds} <= set(domains.topics_of(node)) for node in domains.classes):
            for main, auxiliary in product(product(firsts, seconds), repeat=2):
                if main[0] != auxiliary[0] and main[1] != auxiliary[1]:
                    found.append(Pair(main=main, auxiliary=auxiliary))
    return tuple(found)


def joint_runs(chosen: Sequence[Pair]) -> tuple[tuple[Task, Task], ...]:
    """The joint runs that serve these pairs: one for both roles.

    Args:
        chosen: Pairs of tasks.

    Returns:
        Each run's two tasks.

    Example:
        >>> ab, cd = ("A", "B"), ("C", "D")
        >>> joint_runs([Pair(main=ab, auxiliary=cd), Pair(main=cd, auxiliary=ab)])
        ((('A', 'B'), ('C', 'D')),)
    """
    return tuple(dict.fromkeys(pair.tasks for pair in chosen))


def by_main(chosen: Sequence[Pair]) -> Mapping[Task, list[int]]:
    """The positions of the pairs of each main task."""
    found: dict[Task, list[int]] = {}
    for place, pair in enumerate(chosen):
        found.setdefault(pair.main, []).append(place)
    return found


def main_tasks(chosen: Sequence[Pair]) -> Iterator[Task]:
    """Every main task once."""
    return iter(dict.fromkeys(pair.main for pair in chosen))
