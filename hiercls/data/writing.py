"""Rows as they are written: the cells of a JSONL file or a data set, from which they are read again.

Knows rows and columns; knows no taxonomy.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hiercls.data.rows import Row
from hiercls.errors import require
from hiercls.files import replacing


def row_cells(row: Row) -> dict[str, Any]:
    """The columns of a row; what it has not is left out.

    Args:
        row: The row.

    Returns:
        Cells by column, from which ``read`` makes the same row.

    Example:
        >>> row_cells(Row(text="a document", labels=(("one", "ABC"),), customer="one"))
        {'text': 'a document', 'labels': [['one', 'ABC']], 'customer': 'one'}
    """
    cells: dict[str, Any] = {"text": row.text}
    if row.labels or row.complete is not None:  # an empty list would say that no class holds
        cells["labels"] = [list(label) for label in row.labels]
    named = {"customer": row.customer, "thread": row.thread}
    cells |= {column: value for column, value in named.items() if value is not None}
    if row.complete is not None:
        cells |= {"view": row.complete[0]} if row.complete else {"complete": False}
    return cells


def write_json_lines(path: str | Path, lines: Iterable[Mapping[str, Any]]) -> int:
    """Write JSONL, whole or not at all.

    Args:
        path: The file; one that is there is replaced, missing folders are made.
        lines: What each line holds, such as a row's cells.

    Returns:
        The number of lines.

    Example:
        >>> import tempfile
        >>> from hiercls.data import read
        >>> row = Row(text="a document", labels=(("one", "ABC"),))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     count = write_json_lines(f"{folder}/rows.jsonl", [row_cells(row)])
        ...     print(count, read(f"{folder}/rows.jsonl").rows[0].labels)
        1 (('one', 'ABC'),)
    """
    n_written = 0
    with replacing(Path(path)) as aside, aside.open("w", encoding="utf-8", newline="\n") as file:
        for cells in lines:
            file.write(json.dumps(cells, ensure_ascii=False) + "\n")
            n_written += 1
    return n_written


def to_dataset(rows: Iterable[Row]) -> Any:
    """Rows as a ``datasets.Dataset``, which ``read`` takes too; by the extra ``datasets``.

    Args:
        rows: The rows.

    Returns:
        The data set, with the columns that some row has.

    Raises:
        MissingExtraError: If ``datasets`` is not installed.
    """
    dataset = require("datasets", extra="datasets").Dataset
    cells = [row_cells(row) for row in rows]
    names = dict.fromkeys(name for one in cells for name in one)
    return dataset.from_dict({name: [one.get(name) for one in cells] for name in names})
