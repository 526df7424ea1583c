"""What all routes of one application share.

Knows who holds what; does nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from hiercls.serving.batching import Batcher
from hiercls.serving.metrics import Metrics
from hiercls.serving.service import Service
from hiercls.serving.tokens import Tokens


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class State:
    """The parts of a running application.

    Args:
        service: The model with its customers.
        batcher: The thread that scores.
        tokens: Who may ask.
        metrics: What is counted.
    """

    service: Service
    batcher: Batcher
    tokens: Tokens
    metrics: Metrics
