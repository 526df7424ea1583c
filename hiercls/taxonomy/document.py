"""A read document with the place of everything in it, and the list in which its problems are gathered.

Knows plain data, paths and places; not what a taxonomy is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hiercls.errors import Problem
from hiercls.taxonomy.hints import Hints

Path = tuple[str | int, ...]
"""Where something stands inside a document: keys and list indices from the root."""

_SIMPLE_KEY = re.compile(r"[^\s.\[\]'\"]+\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The place of one key or value.

    Args:
        line: The line, from 1.
        column: The column, from 1.
        text: The scalar as it is written, ``None`` for a list or mapping.
        read_as: What YAML takes the scalar for, where that is no string.
    """

    line: int
    column: int
    text: str | None = None
    read_as: str | None = None


@dataclass(slots=True, kw_only=True)
class Document:
    """Plain data, where each part stands, and the problems found so far.

    Args:
        data: Nested dicts with string keys, lists and scalars.
        file: The file's name, ``None`` for a text or a dict.
        marks: The place of each value.
        key_marks: The place of each mapping key.
        problems: What was found to be wrong, in the order it was found.
        hints: Finds the nearest legal names.

    Example:
        >>> document = Document(data={"levels": ["area"]}, marks={("levels", 0): Mark(line=2, column=10)})
        >>> document.add(("levels", 0), "unknown level 'area'")
        >>> print(document.sorted_problems()[0])
        line:2:10: at levels[0]: unknown level 'area'
    """

    data: object
    file: str | None = None
    marks: dict[Path, Mark] = field(default_factory=dict)
    key_marks: dict[Path, Mark] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    hints: Hints = field(default_factory=Hints)

    def add(self, path: Path, message: str, *, hint: str | None = None, at_key: bool = False) -> None:
        """Note a problem at a path; with ``at_key`` the place is the mapping key's, for a missing key its mapping's."""
        first, second = (self.key_marks, self.marks) if at_key else (self.marks, self.key_marks)
        mark = first.get(path) or second.get(path) or self.marks.get(path[:-1])
        line, column = (mark.line, mark.column) if mark else (None, None)
        shown = spelled(path) or None
        self.problems.append(Problem(message=message, file=self.file, line=line, column=column, path=shown, hint=hint))

    def text(self, path: Path, value: object) -> str | None:
        """A scalar as a name, read as written even where YAML takes it for something else; ``None`` for no name."""
        if isinstance(value, str):
            return value
        if value is None or isinstance(value, Mapping | list):
            return None
        mark = self.marks.get(path)
        return mark.text if mark and mark.text else str(value)

    def first_line(self, path: Path) -> str:
        """Where something stands first, such as ``", first in line 4"``; empty where it has no place."""
        mark = self.key_marks.get(path) or self.marks.get(path)
        return f", first in line {mark.line}" if mark else ""

    def sorted_problems(self) -> tuple[Problem, ...]:
        """The problems in the order of the input, each once."""
        unique = list(dict.fromkeys(self.problems))
        return tuple(sorted(unique, key=lambda problem: (problem.line or 0, problem.column or 0)))


def spelled(path: Path) -> str:
    """A path as it is shown to a reader.

    Args:
        path: Keys and indices from the root.

    Returns:
        Such as ``customers.isp.'PC World'[1]``.

    Example:
        >>> spelled(("customers", "isp", "PC World", 1))
        "customers.isp.'PC World'[1]"
    """
    shown = ""
    for part in path:
        if isinstance(part, int):
            shown += f"[{part}]"
        else:
            shown += ("." if shown else "") + (part if _SIMPLE_KEY.match(part) else repr(part))
    return shown


def listed(names: Iterable[str], *, limit: int = 20) -> str:
    """Names in single quotes, the first few of many.

    Args:
        names: The names.
        limit: How many are shown.

    Returns:
        Such as ``"'A', 'B' and 3 more"``.

    Example:
        >>> listed(["A", "B", "C", "D", "E"], limit=2)
        "'A', 'B' and 3 more"
    """
    given = list(names)
    shown = ", ".join(f"'{name}'" for name in given[:limit])
    return f"{shown} and {len(given) - limit} more" if len(given) > limit else shown
