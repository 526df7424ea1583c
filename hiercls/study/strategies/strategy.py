"""What every strategy is asked.

Knows what it is given; no strategy.
"""

from __future__ import annotations

from typing import Protocol

from hiercls.study.baselines import Documents
from hiercls.study.strategies.setting import Answer, Filed, Pool


class Strategy(Protocol):
    """A way to serve a customer that has few labelled documents."""

    def fit(self, pool: Pool, own: Filed, unlabelled: Documents) -> Answer:
        """Learn; what is not needed is not read."""
