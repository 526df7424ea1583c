"""Rows, reading, splitting and the corpora: everything about documents before anybody's classes are known.

Knows no taxonomy and no models.
"""

from hiercls.data.reading import Table, read, read_stream
from hiercls.data.rejects import Reject, reject_row, write_rejects
from hiercls.data.rows import Row, make_rows
from hiercls.data.splitting import holdout
from hiercls.data.writing import row_cells, to_dataset, write_json_lines

__all__ = [
    "Reject",
    "Row",
    "Table",
    "holdout",
    "make_rows",
    "read",
    "read_stream",
    "reject_row",
    "row_cells",
    "to_dataset",
    "write_json_lines",
    "write_rejects",
]
