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
        explainer: Another, for requests that ask for explanations: each of these is hundreds of predictions, and
            would keep everybody else waiting.
        tokens: Who may ask.
        metrics: What is counted.
    """

    service: Service
    batcher: Batcher
    explainer: Batcher
    tokens: Tokens
    metrics: Metrics

    @property
    def is_open(self) -> bool:
        """Whether requests are taken."""
        return self.batcher.is_open and self.explainer.is_open

    @property
    def n_waiting(self) -> int:
        """Documents that wait, those of explanations counted with the words that are tried."""
        return self.batcher.n_waiting + self.explainer.n_waiting

    def close(self) -> None:
        """Take no more requests, and answer what waits."""
        self.batcher.close()
        self.explainer.close()
