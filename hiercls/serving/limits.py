"""How much a server takes: of one request, and of all that wait together.

Knows numbers; knows no model and no HTTP.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from hiercls.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one request may ask for, and what may wait to be scored.

    Args:
        n_body_bytes: Bytes of a request's body.
        n_documents: Documents of a request.
        n_characters: Characters of a document. The model reads a document's beginning alone, but all of it is carried.
        n_views: Views of a request.
        n_explained: Explanations of a request: its documents times its views.
        n_words: Words of a document that are taken out in turn to explain it; each costs as much as a document.
        n_batch: Documents that are scored together.
        n_waiting: Documents that may wait to be scored; a request that finds more is refused.
        linger: Seconds of silence that documents wait for others to be scored with.
        deadline: Seconds after which a request that still waits is given up.

    Example:
        >>> Limits(n_documents=8).n_documents
        8
    """

    n_body_bytes: int = 4 * 2**20
    n_documents: int = 256
    n_characters: int = 100_000
    n_views: int = 64
    n_explained: int = 4
    n_words: int = 100
    n_batch: int = 256
    n_waiting: int = 2048
    linger: float = 0.002
    deadline: float = 30.0

    def __post_init__(self) -> None:
        """Refuse limits that let nothing through."""
        wrong = []
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not math.isfinite(value) or value < 0 or (value == 0 and field.name != "linger"):
                wrong.append(f"{field.name}={value}")
        if wrong:
            raise ConfigError(f"expected limits above 0, got {', '.join(wrong)}")
        if self.n_waiting < self.n_documents:
            raise ConfigError(
                f"a request may bring {self.n_documents:,} documents but only {self.n_waiting:,} may wait; "
                "raise n_waiting or lower n_documents"
            )
