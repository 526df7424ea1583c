"""A Parquet file that is written table by table, and is there when it is whole.

Knows Arrow tables and the results' folder; not what is in a column.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hiercls.errors import require
from hiercls.scale.storage import Storage

ROWS, BYTES = 1 << 16, 1 << 25
"""What is held back for a row group: so many rows or bytes, whichever is reached first."""


class Sink:
    """Writes tables of one schema to one file, in row groups of a good size.

    Args:
        storage: The folder.
        name: The file's name in it.
        even_empty: Whether there is a file, too, where there are no rows; else one of that name is removed.
    """

    def __init__(self, storage: Storage, name: str, *, even_empty: bool) -> None:
        self.storage, self.name, self.even_empty = storage, name, even_empty
        self.size, self.sha256 = 0, ""
        self._stack = ExitStack()
        self._aside: Path | None = None
        self._writer: Any = None
        self._held: list[Any] = []

    def __enter__(self) -> Self:
        return self

    def write(self, table: Any) -> None:
        """Add the rows of a table."""
        if not (table.num_rows or self.even_empty):
            return
        if self._writer is None:
            parquet = require("pyarrow.parquet", extra="tables")
            self._aside = self._stack.enter_context(self.storage.replacing(self.name))
            self._writer = parquet.ParquetWriter(self._aside, table.schema, compression="zstd")
        self._held.append(table)
        if sum(one.num_rows for one in self._held) >= ROWS or sum(one.nbytes for one in self._held) >= BYTES:
            self._flush()

    def _flush(self) -> None:
        """Write what was held back as one row group."""
        arrow = require("pyarrow", extra="tables")
        held = arrow.concat_tables(self._held)
        if held.num_rows:
            self._writer.write_table(held, row_group_size=held.num_rows)
        self._held.clear()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Put the file in place; after an error, leave what stood there."""
        if kind is None and self._held:
            self._flush()
        if self._writer is not None:
            self._writer.close()
        if kind is None and self._aside is not None:
            self.size = self._aside.stat().st_size
            with self._aside.open("rb") as file:
                self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        self._stack.__exit__(kind, error, traceback)
        if kind is None and self._aside is None:
            self.storage.remove(self.name)
