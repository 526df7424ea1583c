"""Rows, reading, splitting and the corpora: everything about documents before anybody's classes are known.

Knows no taxonomy and no models.
"""

from hiercls.data.rows import Row, make_rows
from hiercls.data.splitting import holdout

__all__ = ["Row", "holdout", "make_rows"]
