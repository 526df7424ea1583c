"""A customer's own mix of topics, as it is written: a mapping of topics to shares, with everything that is wrong in it.

Knows the hierarchy, whose topics may be named; not what a model makes of the mix.
"""

from __future__ import annotations

import math

from hiercls.errors import TaxonomyError
from hiercls.taxonomy.document import Document, listed
from hiercls.taxonomy.hierarchy import Hierarchy
from hiercls.taxonomy.reading import read_document
from hiercls.taxonomy.shape import described
from hiercls.taxonomy.validation import Source


def read_shares(source: Source, *, hierarchy: Hierarchy) -> dict[str, float]:
    """Read and check shares of topics, such as ``{A: 3, D: 1}``; they need not sum to 1.

    Args:
        source: A file in YAML or JSON, its text or a mapping: topics to numbers.
        hierarchy: The nodes, whose topics may be named.

    Returns:
        The share of each topic that is named, ≥ 0, some > 0.

    Raises:
        TaxonomyError: If anything is wrong with it; all problems at once.

    Example:
        >>> tree = Hierarchy(roots=("X", "D"), children={"X": ("A", "B")})
        >>> read_shares("{A: 3, D: 1}", hierarchy=tree)
        {'A': 3.0, 'D': 1.0}
        >>> read_shares("{A: a lot, X: 1, C: -1}", hierarchy=tree)
        Traceback (most recent call last):
        hiercls.errors.TaxonomyError: 4 problems in the shares of topics:
          line:1:5: at A: expected a number, got 'a lot'
          line:1:12: at X: 'X' is no topic; give shares to the topics below it: 'A', 'B'
          line:1:18: at C: unknown topic 'C'; one of 'A', 'B', 'D'
          line:1:21: at C: expected a number of 0 or more, got a number (-1)
    """
    document = read_document(source)
    data = document.data if isinstance(document.data, dict) else {}
    shares = {topic: _share(document, topic, value, hierarchy) for topic, value in data.items()}
    if not document.problems and not isinstance(document.data, dict):
        got = described(document, (), document.data)
        document.add((), f"expected a mapping of topics to shares, got {got}", hint="such as 'A: 3'")
    elif not document.problems and not any(shares.values()):
        document.add((), "expected a share above 0 for some topic, got none")
    if document.problems:
        raise TaxonomyError(document.sorted_problems(), subject=document.file or "the shares of topics")
    return shares


def _share(document: Document, topic: str, value: object, hierarchy: Hierarchy) -> float:
    """One topic's share; what is wrong with it is noted."""
    path = (topic,)
    if topic in hierarchy.children:
        below = listed(hierarchy.topics[index] for index in hierarchy.below(topic))
        document.add(path, f"'{topic}' is no topic", hint=f"give shares to the topics below it: {below}", at_key=True)
    elif topic not in hierarchy.depth:
        hint = document.hints.nearest(topic, hierarchy.topics)
        document.add(path, f"unknown topic '{topic}'", hint=hint, at_key=True)
    if not isinstance(value, int | float) or isinstance(value, bool):
        document.add(path, f"expected a number, got {described(document, path, value)}")
    elif not (math.isfinite(value) and value >= 0):
        document.add(path, f"expected a number of 0 or more, got {described(document, path, value)}")
    else:
        return float(value)
    return math.nan
