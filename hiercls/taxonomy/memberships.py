"""The customers of a table of memberships, checked and grouped by sorting numbers instead of walking names.

It says only whether all is well: what is wrong, the slow way says better. Knows numbers of names, and the hierarchy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from hiercls.names import REST, name_fault
from hiercls.taxonomy.costs import read_costs
from hiercls.taxonomy.customer_spec import CUSTOMER_FLAGS, CustomerFileSpec
from hiercls.taxonomy.document import Document
from hiercls.taxonomy.grouping import Grouping
from hiercls.taxonomy.hierarchy import Hierarchy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hiercls.taxonomy.validation import TaxonomyParts


@dataclass(frozen=True, slots=True, kw_only=True)
class Memberships:
    """The rows of all customers, by the numbers of their names.

    Args:
        customers: The customers' names in the order of their first rows.
        classes: The classes' names, of all customers together.
        nodes: The names of topics, inner nodes and ``rest``.
        customer_of: The customer of each row, shape (n_rows,).
        class_of: The class of each row, shape (n_rows,).
        node_of: The node of each row, shape (n_rows,).
    """

    customers: tuple[str, ...]
    classes: tuple[str, ...]
    nodes: tuple[str, ...]
    customer_of: NDArray[np.int64]
    class_of: NDArray[np.int64]
    node_of: NDArray[np.int64]

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """The rows by name: customer, class, node."""
        columns = (self.customer_of.tolist(), self.class_of.tolist(), self.node_of.tolist())
        for customer, group, node in zip(*columns, strict=True):
            yield self.customers[customer], self.classes[group], self.nodes[node]


def read_groupings(
    memberships: Memberships, written: Mapping[str, object], parts: TaxonomyParts
) -> tuple[Grouping, ...] | None:
    """The customers' groupings, where nothing is wrong with any of them.

    Args:
        memberships: The rows.
        written: Flags and costs of the customers that have some.
        parts: The levels and the hierarchy.

    Returns:
        The groupings in the order of the customers' first rows; None where anything is wrong.
    """
    if not set(written) <= set(memberships.customers) or set(parts.levels) & set(memberships.customers):
        return None
    if any(name_fault(name) for name in memberships.classes):
        return None
    stated = [_stated(name, written.get(name, {})) for name in memberships.customers]
    if None in stated:
        return None
    flags = [flag for flag in stated if flag is not None]
    owners = _owners(memberships)
    members = _members(memberships, owners, flags, parts.hierarchy)
    return None if members is None else _groupings(memberships, owners, members, flags, len(parts.hierarchy.topics))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Owners:
    """The classes of all customers, a customer's together: their customers and names, and the class of each row."""

    customer: NDArray[np.int64]
    name: NDArray[np.int64]
    of_row: NDArray[np.int64]


def _stated(name: str, body: object) -> CustomerFileSpec | None:
    """A customer's flags and costs; None where they, or its name, are not legal."""
    if not isinstance(body, Mapping) or not set(body) <= {*CUSTOMER_FLAGS, "costs"}:
        return None
    try:
        return CustomerFileSpec.model_validate({**body, "customer": name, "classes": {}})
    except ValidationError:
        return None


def _owners(memberships: Memberships) -> _Owners:
    import numpy as np

    n_classes = max(1, len(memberships.classes))
    pairs, first, of_row = np.unique(
        memberships.customer_of * n_classes + memberships.class_of, return_index=True, return_inverse=True
    )
    customer = pairs // n_classes
    order = np.lexsort((first, customer))
    rank = np.empty(len(pairs), dtype=np.int64)
    rank[order] = np.arange(len(pairs))
    return _Owners(customer=customer[order], name=(pairs % n_classes)[order], of_row=rank[of_row])


def _members(
    memberships: Memberships, owners: _Owners, flags: list[CustomerFileSpec], hierarchy: Hierarchy
) -> NDArray[np.int64] | None:
    """Sorted numbers ``class · n_topics + topic``; None where a rule is broken."""
    import numpy as np

    n_topics = len(hierarchy.topics)
    if any(name not in hierarchy.depth for name in memberships.nodes if name != REST):
        return None
    if len(_distinct(owners.of_row * len(memberships.nodes) + memberships.node_of)) < len(owners.of_row):
        return None
    below = [() if name == REST else hierarchy.below(name) for name in memberships.nodes]
    sizes = np.array([len(topics) for topics in below], dtype=np.int64)
    flat = np.array([topic for topics in below for topic in topics], dtype=np.int64)
    lengths = sizes[memberships.node_of]
    skipped = np.repeat((np.cumsum(sizes) - sizes)[memberships.node_of] - (np.cumsum(lengths) - lengths), lengths)
    topics = flat[np.arange(lengths.sum()) + skipped]
    members = _distinct(np.repeat(owners.of_row, lengths) * n_topics + topics)
    if REST in memberships.nodes:
        filled = _rest(memberships, owners, members, n_topics)
        if filled is None:
            return None
        members = np.sort(np.concatenate([members, filled]))
    holder = owners.customer[members // n_topics]
    held = np.sort(holder * n_topics + members % n_topics)
    again = np.bincount(held[1:][held[1:] == held[:-1]] // n_topics, minlength=len(flags))
    n_held = np.bincount(holder, minlength=len(flags)) - again
    overlapping = np.array([flag.overlapping for flag in flags], dtype=bool)
    partial = np.array([flag.partial for flag in flags], dtype=bool)
    is_wrong = ((again > 0) & ~overlapping) | ((n_held < n_topics) & ~partial)
    return None if is_wrong.any() else members


def _distinct(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Values sorted, each once; numpy's own takes longer for many distinct numbers."""
    import numpy as np

    values = np.sort(values)
    once: NDArray[np.int64] = values[np.concatenate([[True], values[1:] != values[:-1]])[: len(values)]]
    return once


def _rest(
    memberships: Memberships, owners: _Owners, members: NDArray[np.int64], n_topics: int
) -> NDArray[np.int64] | None:
    """What ``rest`` stands for; None where it stands twice for a customer, or for nothing."""
    import numpy as np

    takers = owners.of_row[memberships.node_of == memberships.nodes.index(REST)]
    if len(np.unique(owners.customer[takers])) < len(takers):
        return None
    bounds = np.searchsorted(
        owners.customer[members // n_topics], [owners.customer[takers], owners.customer[takers] + 1]
    )
    found = []
    for taker, start, end in zip(takers.tolist(), *bounds.tolist(), strict=True):
        left = np.setdiff1d(np.arange(n_topics), members[start:end] % n_topics)
        if not len(left):
            return None
        found.append(taker * n_topics + left)
    return np.concatenate(found)


def _groupings(
    memberships: Memberships,
    owners: _Owners,
    members: NDArray[np.int64],
    stated: list[CustomerFileSpec],
    n_topics: int,
) -> tuple[Grouping, ...] | None:
    """The groupings; None where costs name no class."""
    import numpy as np

    ids = np.arange(len(owners.name) + 1)
    order = np.argsort(owners.of_row, kind="stable")
    topics = _cut(
        np.array(range(n_topics), dtype=object)[members % n_topics], np.searchsorted(members // n_topics, ids)
    )
    nodes = np.array([*memberships.nodes, ""], dtype=object)[memberships.node_of[order]]
    written = _cut(nodes, np.searchsorted(owners.of_row[order], ids))
    classes = [memberships.classes[name] for name in owners.name.tolist()]
    ends = np.searchsorted(owners.customer, np.arange(len(stated) + 1)).tolist()
    scratch, groupings = Document(data={}), []
    for one, (start, end) in zip(stated, pairwise(ends), strict=True):
        groupings.append(
            Grouping(
                name=one.customer,
                classes=tuple(classes[start:end]),
                members=tuple(topics[start:end]),
                written=tuple(written[start:end]),
                partial=one.partial,
                overlapping=one.overlapping,
                costs=read_costs(scratch, (), one.costs, tuple(classes[start:end])),
            )
        )
    return None if scratch.problems else tuple(groupings)


def _cut(values: NDArray[np.object_], ends: NDArray[np.int64]) -> list[tuple[Any, ...]]:
    """The parts of an array between neighbouring ends."""
    plain, bounds = values.tolist(), ends.tolist()
    return [tuple(plain[start:end]) for start, end in pairwise(bounds)]
