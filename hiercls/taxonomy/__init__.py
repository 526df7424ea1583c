"""The map: topics, their hierarchy, and every customer's classes over them.

Knows no documents but their labels, and no torch. Reading a taxonomy and finding its problems needs no matrices: what
does, loads the first time it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from hiercls.taxonomy.shipped import shipped
from hiercls.taxonomy.spec import json_schema
from hiercls.taxonomy.taxonomy import Taxonomy

if TYPE_CHECKING:
    from hiercls.taxonomy.identifiability import Identifiability as Identifiability
    from hiercls.taxonomy.labels import Resolution as Resolution
    from hiercls.taxonomy.labels import ResolvedLabels as ResolvedLabels
    from hiercls.taxonomy.labels import resolve as resolve
    from hiercls.taxonomy.view import View as View

# Where the names live that load later. A name that stands here stands under TYPE_CHECKING above too; a test compares.
_HOMES = {
    "Identifiability": "hiercls.taxonomy.identifiability",
    "Resolution": "hiercls.taxonomy.labels",
    "ResolvedLabels": "hiercls.taxonomy.labels",
    "View": "hiercls.taxonomy.view",
    "resolve": "hiercls.taxonomy.labels",
}

__all__ = ["Taxonomy", "json_schema", "shipped", *_HOMES]


def __getattr__(name: str) -> object:
    """Load a name from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module 'hiercls.taxonomy' has no attribute '{name}'; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(_HOMES[name]), name)
