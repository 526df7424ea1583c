"""What ``hiercls check`` finds in a taxonomy, in words and as plain data.

Knows taxonomies; not how a result is printed.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from hiercls.cli.app import aligned, counted
from hiercls.errors import Problem

if TYPE_CHECKING:
    from hiercls.taxonomy import Identifiability, Taxonomy


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The result of a check.

    Args:
        file: The file that was checked.
        problems: What is wrong with it; where there is something, the rest is empty.
        taxonomy: What was read.
        identifiability: What documents labelled by the customers can teach; ``None`` without customers.
        warnings: What is legal but may not be meant.
    """

    file: str
    problems: tuple[Problem, ...] = ()
    taxonomy: Taxonomy | None = None
    identifiability: Identifiability | None = None
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, taxonomy: Taxonomy, *, file: str) -> Findings:
        """Look at a taxonomy that could be read.

        Args:
            taxonomy: What was read.
            file: Where from.

        Returns:
            Its findings, without problems.
        """
        if not taxonomy.customers:
            return cls(file=file, taxonomy=taxonomy)
        found = taxonomy.identifiability()
        return cls(file=file, taxonomy=taxonomy, identifiability=found, warnings=found.gaps)

    def lines(self) -> list[str]:
        """The findings as lines of text: the problems one a line, or what is in the taxonomy."""
        if self.taxonomy is None:
            return [str(problem) for problem in self.problems]
        lines = [f"'{self.taxonomy.name}' is fine: {counted(len(self.taxonomy.topics), 'topic')}", ""]
        lines += aligned([("level", "nodes"), *_cells(self._levels())])
        if self.taxonomy.customers:
            lines += ["", *aligned([("customer", "classes", "topics", "kind"), *_cells(self._customers())])]
        if self.identifiability is not None:
            lines += ["", self.identifiability.verdict]
        return lines

    def to_dict(self) -> dict[str, object]:
        """The findings as plain data; the keys are always the same."""
        return {
            "file": self.file,
            "is_fine": not self.problems,
            "problems": [{**dataclasses.asdict(problem), "text": str(problem)} for problem in self.problems],
            "warnings": list(self.warnings),
            "name": self.taxonomy.name if self.taxonomy else None,
            "n_topics": len(self.taxonomy.topics) if self.taxonomy else None,
            "levels": self._levels(),
            "customers": self._customers(),
            "identifiability": _plain(self.identifiability) if self.identifiability else None,
        }

    def _levels(self) -> list[dict[str, str | int]]:
        taxonomy = self.taxonomy
        if taxonomy is None:
            return []
        return [{"name": name, "n_nodes": len(taxonomy.view(name).classes)} for name in taxonomy.levels]

    def _customers(self) -> list[dict[str, str | int]]:
        views = [self.taxonomy.view(name) for name in self.taxonomy.customers] if self.taxonomy else []
        return [
            {
                "name": view.name,
                "n_classes": len(view.classes),
                "n_topics": int(view.scope.sum()),
                "kind": view.kind,
            }
            for view in views
        ]


def _cells(rows: list[dict[str, str | int]]) -> list[tuple[str, ...]]:
    return [tuple(str(cell) for cell in row.values()) for row in rows]


def _plain(found: Identifiability) -> dict[str, object]:
    condition = found.condition_number
    return {
        "rank": found.rank,
        "n_topics": found.n_topics,
        "is_determined": found.is_determined,
        "is_separated": found.is_separated,
        "condition_number": condition if math.isfinite(condition) else None,
        "cells": [list(cell) for cell in found.cells],
        "confounded": [list(group) for group in found.confounded],
        "unnamed": list(found.unnamed),
    }
