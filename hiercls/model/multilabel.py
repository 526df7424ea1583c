"""The task in which a document may have several topics, or none.

Knows tensors and views; knows no parameters, no text and no optimiser.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor
from torch.nn import functional

from hiercls.aggregation import Entries, log1mexp, noisy_or
from hiercls.errors import ConfigError
from hiercls.model.task import Task
from hiercls.taxonomy import View

MAX_LOG_ODDS = 50.0
"""The surest that is told apart: 2e-22 short of certain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeveralTopics(Task):
    """Topics are independent sigmoids; a class holds where any of its topics does.

    ``P(k|x) = 1 − Π_{t in k} (1 − σ(z_t))``: a class within another is never likelier than it, and since one threshold
    holds for all classes at all views, never predicted without it.

    Args:
        threshold: The probability from which a class is predicted.

    Raises:
        ConfigError: If the threshold is not between 0 and 1.

    Example:
        >>> import torch
        >>> SeveralTopics().log_probabilities(torch.zeros(1, 2)).exp()
        tensor([[0.5000, 0.5000]])
    """

    threshold: float = 0.5

    def __post_init__(self) -> None:
        if not 0.0 < self.threshold < 1.0:
            raise ConfigError(f"expected 0 < threshold < 1, got {self.threshold}")

    def log_probabilities(self, logits: Tensor) -> Tensor:
        """``log σ(z)``."""
        return functional.logsigmoid(logits)

    def scores(self, log_probabilities: Tensor) -> Tensor:
        """``log p / (1 − p)``, at most ±50."""
        return _log_odds(log_probabilities)

    def sureness(self, scores: Tensor) -> Tensor:
        """``−log min(p, 1 − p)`` of each topic: it may be as sure that one does not hold."""
        return functional.softplus(scores.abs())

    def taught(self, log_probabilities: Tensor, allowed: Tensor) -> Tensor:
        """The log of the truth, where the labels tell it of a node by itself."""
        return allowed.log()

    def conditioned(self, topics: Tensor, view: View, *, shift: Tensor | None) -> Tensor:
        """The topics as they are: without division among them there is neither prior nor scope."""
        return topics

    def classes(self, conditioned: Tensor, view: View) -> Tensor:
        """``log(1 − Π_{t in k} (1 − p(t|x)))``."""
        return noisy_or(conditioned, Entries.of_members(view))

    def shares(self, conditioned: Tensor, view: View, column: int) -> tuple[Tensor, Tensor]:
        """``p(t|x)``, and ``log(1 − p(t|x)) / log(1 − P(k|x))``: its part of ``−Σ log(1 − p)``."""
        inside = torch.from_numpy(view.membership[:, [column]].toarray().ravel() > 0)
        logs = conditioned.double().masked_fill(~inside, -math.inf)
        doubt = (-log1mexp(logs)).clamp_max(MAX_LOG_ODDS)
        # Where nothing shows beside 1, what is taken away is in proportion to p.
        return logs.exp(), torch.where(doubt.sum() > 0, doubt / doubt.sum(), logs.softmax(dim=-1))

    def log_odds(self, classes: Tensor, column: int) -> Tensor:
        """``log P(k|x) / (1 − P(k|x))``, at most ±50."""
        return _log_odds(classes[:, column])

    def nodes(self, conditioned: Tensor, view: View) -> Tensor:
        """The same as the classes'."""
        return self.classes(conditioned, view)

    def scope(self, topics: Tensor, view: View) -> Tensor:
        """``log(1 − Π_{t in scope} (1 − p(t|x)))``."""
        named = csr_array(view.scope[None, :].astype(float))
        return noisy_or(topics, Entries.of_matrix(named))[:, 0]

    def answers(self, classes: Tensor, view: View) -> np.ndarray:
        """1 for the classes at or above the threshold, else 0."""
        return self.chosen(classes).astype(np.int64)

    def chosen(self, classes: Tensor) -> np.ndarray:
        """The classes at or above the threshold; there may be none."""
        found: np.ndarray = (classes >= math.log(self.threshold)).numpy()
        return found

    def named(self, classes: Tensor, view: View) -> np.ndarray:
        """The names of the classes at or above the threshold, in the view's order."""
        names, found = np.asarray(view.classes), np.empty(len(classes), dtype=object)
        found[:] = [tuple(names[row].tolist()) for row in self.chosen(classes)]
        return found


def _log_odds(log_probabilities: Tensor) -> Tensor:
    """``log p / (1 − p)``, finite."""
    return (log_probabilities - log1mexp(log_probabilities)).clamp(-MAX_LOG_ODDS, MAX_LOG_ODDS)
