"""Rejects: rows that cannot be used, as they came, and the file that keeps them.

Knows nothing of why a row is bad: it keeps the reasons that it is given.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hiercls.data.rows import Row, is_missing
from hiercls.data.writing import row_cells
from hiercls.errors import Problem
from hiercls.files import replacing


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A row that cannot be used, and why.

    Args:
        raw: The row's cells by column; where they could not be told apart, the line or lines as they came.
        problems: What is wrong with it, at least one.

    Example:
        >>> Reject(raw="{text: a}", problems=(Problem(message="not valid JSON", file="a.jsonl", line=3),)).raw
        '{text: a}'
    """

    raw: Mapping[str, Any] | str
    problems: tuple[Problem, ...]


def reject_row(row: Row, *problems: Problem) -> Reject:
    """A row that was read well and turned out to be unusable later, such as for an unknown class.

    Args:
        row: The row.
        *problems: What is wrong with it.

    Returns:
        The reject, with the row's columns as a JSONL file would hold them.

    Example:
        >>> row = Row(text="a document", labels=(("one", "Q"),), file="a.csv", line=2)
        >>> reject_row(row, Problem(message="'Q' is no class of 'one'")).raw
        {'text': 'a document', 'labels': [['one', 'Q']]}
    """
    return Reject(raw=row_cells(row), problems=problems)


def write_rejects(path: str | Path, rejects: Iterable[Reject]) -> int:
    """Write rejects as JSONL, whole or not at all: aside first, then renamed.

    Each line holds the row's own columns and ``reasons``, so that the file can be mended and read again; a row whose
    columns could not be told apart stands as it came under ``raw``.

    Args:
        path: The file; one that is there is replaced, missing folders are made.
        rejects: The rows to keep.

    Returns:
        The number of rows written.

    Example:
        >>> import tempfile
        >>> row = Reject(raw={"text": None}, problems=(Problem(message="no text", file="a.jsonl", line=3),))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     count = write_rejects(f"{folder}/rejects.jsonl", [row])
        ...     print(count, Path(folder, "rejects.jsonl").read_text())
        1 {"text": null, "reasons": ["a.jsonl:3: no text"]}
        <BLANKLINE>
    """
    n_written = 0
    with (
        replacing(Path(path)) as aside,
        aside.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file,
    ):
        for reject in rejects:
            file.write(_line(reject) + "\n")
            n_written += 1
    return n_written


def _line(reject: Reject) -> str:
    """One reject as a line of JSON; half a surrogate pair is left for the file to write as its escape."""
    raw = {"raw": reject.raw} if isinstance(reject.raw, str) else dict(reject.raw)
    cells = {str(name): None if is_missing(value) else value for name, value in raw.items()}
    cells["reasons"] = [str(problem) for problem in reject.problems]
    return json.dumps(cells, ensure_ascii=False, default=str)
