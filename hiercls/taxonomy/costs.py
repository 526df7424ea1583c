"""What a customer's wrong filings cost: read from a document with everything that is wrong, and as a matrix.

Knows a customer's classes; not its topics.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from hiercls.taxonomy.document import Document, Path

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WrittenCost = tuple[str, str | None, float]
"""The class that is true, the class that a document is filed under (None: any other), and what that costs."""


def read_costs(document: Document, path: Path, costs: object, classes: Sequence[str]) -> tuple[WrittenCost, ...]:
    """Read what a customer says of costs, and note what is wrong with it.

    Args:
        document: The document; problems are added to it.
        path: Where the costs stand in it.
        costs: For each true class a cost, or the costs by the class that a document is filed under.
        classes: The customer's classes.

    Returns:
        The costs in the order in which they are written.

    Example:
        >>> read_costs(Document(data={}), ("costs",), {"D": {"ABC": 5}, "EF": 2}, ["ABC", "D", "EF"])
        (('D', 'ABC', 5), ('EF', None, 2))
    """
    found: list[WrittenCost] = []
    for truth, value in costs.items() if isinstance(costs, Mapping) else ():
        here = (*path, truth)
        if not _is_class(document, here, truth, classes):
            continue
        if not isinstance(value, Mapping):
            found += [(truth, None, value)] if _is_number(value) else []
            continue
        for filed, cost in value.items():
            if not _is_class(document, (*here, filed), filed, classes):
                continue
            if filed == truth:
                hint = "take it out: what is filed rightly costs nothing"
                document.add((*here, filed), f"'{truth}' filed under '{truth}' is right", hint=hint, at_key=True)
            elif _is_number(cost):
                found.append((truth, filed, cost))
    return tuple(found)


def plain_costs(costs: Iterable[WrittenCost]) -> dict[str, object]:
    """Costs as plain data, which reads back as the same costs.

    Args:
        costs: The costs in the order in which they are written.

    Returns:
        For each true class a cost, or the costs by the class that a document is filed under.

    Example:
        >>> plain_costs([("D", "ABC", 5.0), ("EF", None, 2.0)])
        {'D': {'ABC': 5.0}, 'EF': 2.0}
    """
    plain: dict[str, object] = {}
    by_truth: dict[str, dict[str, object]] = {}
    for truth, filed, cost in costs:
        if filed is None:
            plain[truth] = cost
        else:
            plain[truth] = by_truth.setdefault(truth, {})
            by_truth[truth][filed] = cost
    return plain


def cost_matrix(costs: Iterable[WrittenCost], classes: Sequence[str]) -> NDArray[np.float64]:
    """The cost of each filing: 0 where it is right, 1 where nothing is said.

    Args:
        costs: The costs as written.
        classes: The customer's classes.

    Returns:
        The class that a document is filed under by the class that is true, shape (n_classes, n_classes).

    Example:
        >>> cost_matrix([("D", "ABC", 5.0)], ["ABC", "D"]).tolist()
        [[0.0, 5.0], [1.0, 0.0]]
    """
    import numpy as np

    matrix, index = 1 - np.eye(len(classes)), {name: place for place, name in enumerate(classes)}
    for truth, filed, cost in costs:
        column = index[truth]
        rows = np.arange(len(classes)) != column if filed is None else index[filed]
        matrix[rows, column] = cost
    return matrix


def _is_class(document: Document, path: Path, name: str, classes: Sequence[str]) -> bool:
    """Whether there is such a class; notes it where there is none."""
    if name not in classes:
        document.add(path, f"unknown class '{name}'", hint=document.hints.nearest(name, tuple(classes)), at_key=True)
    return name in classes


def _is_number(value: object) -> bool:
    """Whether the shape is right; where it is not, the schema has noted it."""
    return isinstance(value, int | float) and not isinstance(value, bool)
