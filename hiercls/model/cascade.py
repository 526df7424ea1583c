"""What goes into the cascaded heads beside encodings, and what comes out of them.

Knows tensors by level; knows no parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Forcing:
    """What teacher forcing knows of a batch, level by level (the last level feeds nobody and has none).

    Args:
        allowed: For each level but the last what the task's targets tell of its nodes: True for those in the label's
            set, or 1, 0 and NaN where a document may have several topics, shape (batch, n_nodes).
        documents: True for the documents that are forced in this step, shape (batch,).
    """

    allowed: tuple[Tensor, ...]
    documents: Tensor


@dataclass(frozen=True, slots=True)
class CascadeOutput:
    """What the heads say, level by level.

    Args:
        logits: z_l, each of shape (batch, n_nodes).
        log_probabilities: Each level's own log-softmax or log-sigmoid (``topic``) or composed log-probabilities
            (``path``); the topics' alone where there is no other head (``flat``).
        adjusted: Log p(t|x) with adjusted logits, shape (batch, n_topics); None: they are not adjusted.
    """

    logits: tuple[Tensor, ...]
    log_probabilities: tuple[Tensor, ...]
    adjusted: Tensor | None = None

    @property
    def topics(self) -> Tensor:
        """Log p(t|x), shape (batch, n_topics)."""
        return self.log_probabilities[-1]

    @property
    def taught(self) -> Tensor:
        """Log p(t|x) as labels are held against it, shape (batch, n_topics)."""
        return self.topics if self.adjusted is None else self.adjusted
