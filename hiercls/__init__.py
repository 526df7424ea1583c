"""Hierarchical label classification across customers: one model, everybody's classes.

Knows nothing itself: it is the front door. Every name loads the first time it is used, so that ``import hiercls`` is
quick, and torch is imported only by what computes with it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hiercls.estimator import HierarchicalClassifier as HierarchicalClassifier
    from hiercls.estimator import HierarchicalTextClassifier as HierarchicalTextClassifier
    from hiercls.taxonomy import Taxonomy as Taxonomy
    from hiercls.taxonomy import View as View

__version__ = "0.1.0"

# Where each public name lives. A name that stands here stands under TYPE_CHECKING above too; a test compares them.
_HOMES = {
    "HierarchicalClassifier": "hiercls.estimator",
    "HierarchicalTextClassifier": "hiercls.estimator",
    "Taxonomy": "hiercls.taxonomy",
    "View": "hiercls.taxonomy",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> object:
    """Load a public name from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module 'hiercls' has no attribute '{name}'; it has {', '.join(_HOMES)}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return sorted([*globals(), *_HOMES])
