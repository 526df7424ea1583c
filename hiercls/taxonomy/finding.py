"""Which class a label string names, and what is wrong with it where it names none.

Knows views, names and the places of rows; what a class says about the topics is settled in ``labels`` and
``multilabels``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from hiercls.errors import Problem
from hiercls.taxonomy.hints import Hints, shortened
from hiercls.taxonomy.taxonomy import Taxonomy
from hiercls.taxonomy.view import View

if TYPE_CHECKING:
    from hiercls.data.rows import Labels, Row

Key = TypeVar("Key", bound=Hashable)
NamedClass = tuple[View, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with a label, wherever it stands.

    Args:
        message: What was expected and what came.
        hint: What to do.
    """

    message: str
    hint: str | None = None


NO_LABEL = Fault(message="the row has no label", hint="leave unlabelled rows out here")


class LabelFinder:
    """Looks up labels: first as a class of their view, then written ``view:name``.

    Args:
        taxonomy: The map.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> finder = LabelFinder(Taxonomy.from_yaml(shipped("tiny")))
        >>> finder.label("one", "AB").hint
        "write 'three:AB', or did you mean 'ABC'?"
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy
        self.view_names = frozenset(taxonomy.views)
        self.hints = Hints()

    def labels(self, labels: Labels) -> tuple[list[NamedClass], list[Fault]]:
        """The distinct classes that labels name, and what is wrong with the others, each fault once."""
        found = [self.label(view, name) for view, name in labels]
        faults = list(dict.fromkeys(fault for fault in found if isinstance(fault, Fault)))
        named = {(pair[0].name, pair[0].index(pair[1])): pair for pair in found if not isinstance(pair, Fault)}
        return list(named.values()), faults

    def view(self, name: str | None) -> View | Fault:
        """The view of a name, the topics where none is given; or what is wrong with it."""
        name = self.taxonomy.levels[-1] if name is None else name
        if name in self.view_names:
            return self.taxonomy.view(name)
        return Fault(message=f"unknown view '{shortened(name)}'", hint=self.hints.nearest(name, self.taxonomy.views))

    def label(self, view_name: str | None, name: str) -> NamedClass | Fault:
        """The view and class of a label, or what is wrong with it."""
        view = self.view(view_name)
        if isinstance(view, Fault) or view.has(name):
            return view if isinstance(view, Fault) else (view, name)
        prefix, colon, rest = name.partition(":")
        if colon and prefix in self.view_names:
            named = self.taxonomy.view(prefix)
            if named.has(rest):
                return named, rest
            hint = self.hints.nearest(rest, named.classes)
            return Fault(message=f"'{shortened(rest)}' is no class of '{prefix}'", hint=hint)
        return Fault(message=f"'{shortened(name)}' is no class of '{view.name}'", hint=self._elsewhere(view, name))

    def customer(self, name: str) -> Fault:
        """The fault of a row whose customer the taxonomy does not know."""
        hint = self.hints.nearest(name, self.taxonomy.customers)
        return Fault(message=f"unknown customer '{shortened(name)}'", hint=hint or "the taxonomy has no such customer")

    def _elsewhere(self, view: View, name: str) -> str | None:
        """Where else a bare name would be a class, and the nearest names of the view."""
        others = (other for other in self.taxonomy.views if other != view.name)
        written = [f"'{other}:{name}'" for other in others if self.taxonomy.view(other).has(name)][:3]
        near = self.hints.nearest(name, view.classes)
        return (
            ", or ".join([*([f"write {' or '.join(written)}"] if written else []), *([near] if near else [])]) or None
        )


def settle(
    rows: Sequence[Row],
    finder: LabelFinder,
    *,
    key: Callable[[Row], Key],
    meaning: Callable[[Key], int | list[Fault]],
) -> tuple[list[int], list[int], tuple[Problem, ...]]:
    """Find what rows mean, each distinct one once, and report those that mean nothing.

    Args:
        rows: The rows.
        finder: Knows the customers.
        key: What of a row its meaning depends on.
        meaning: The number of a key's meaning, or what is wrong with it.

    Returns:
        The meanings of the good rows, the positions of these, and the problems of the others in the order of the rows.
    """
    known: dict[Key, int | list[Fault]] = {}
    customers = frozenset(finder.taxonomy.customers)
    meaning_of: list[int] = []
    kept: list[int] = []
    problems: list[Problem] = []
    for position, row in enumerate(rows):
        read = key(row)
        found = known.get(read)
        if found is None:
            found = known[read] = meaning(read)
        faults = list(found) if isinstance(found, list) else []
        if row.customer is not None and row.customer not in customers:
            faults.append(finder.customer(row.customer))
        if faults or isinstance(found, list):
            problems += [_problem(fault, row, position) for fault in faults]
        else:
            meaning_of.append(found)
            kept.append(position)
    return meaning_of, kept, tuple(problems)


def _problem(fault: Fault, row: Row, position: int) -> Problem:
    written = "" if row.customer is None else f"'{shortened(row.customer)}'"
    customer = "" if written in fault.message else f" (customer {written})"
    path = f"row {position + 1}" if row.file is None and row.line is None else None
    return Problem(message=fault.message + customer, file=row.file, line=row.line, path=path, hint=fault.hint)
