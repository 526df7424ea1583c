"""What kind of answer a document has: one topic of all, or any number of them.

A task is the one place that knows how logits become probabilities, what teacher forcing tells, how a view's classes
follow from the topics and which of them are predicted. Knows tensors and views; knows no parameters, no text and no
optimiser.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hiercls.aggregation import Entries, aggregate, condition
from hiercls.taxonomy import View


class Task(ABC):
    """What heads, scoring and predictions ask of a task."""

    @abstractmethod
    def log_probabilities(self, logits: Tensor) -> Tensor:
        """Log-probabilities of a level's nodes from its logits, of the same shape."""

    @abstractmethod
    def scores(self, log_probabilities: Tensor) -> Tensor:
        """What a calibration multiplies and adds to, of the same shape; ``log_probabilities`` undoes it."""

    @abstractmethod
    def sureness(self, scores: Tensor) -> Tensor:
        """``−log(1 − p)`` of the likeliest answer, log 2 where it has a half.

        Args:
            scores: As :meth:`scores` gives them, shape (n_texts, n_topics).

        Returns:
            Shape (n_texts, 1), or (n_texts, n_topics) where each topic is a question by itself.
        """

    @abstractmethod
    def taught(self, log_probabilities: Tensor, allowed: Tensor) -> Tensor:
        """What teacher forcing feeds in place of a level's own log-probabilities; NaN where it feeds nothing.

        Args:
            log_probabilities: The level's own, detached, shape (batch, n_nodes).
            allowed: What the labels say of its nodes, as the task's targets give it, shape (batch, n_nodes).

        Returns:
            Shape (batch, n_nodes).
        """

    @abstractmethod
    def conditioned(self, topics: Tensor, view: View, *, shift: Tensor | None) -> Tensor:
        """The topics as one view has them.

        Args:
            topics: log p(t|x), shape (n_texts, n_topics).
            view: A level or a customer.
            shift: log π_c − log π where the view's own mix of topics is known, shape (n_topics,).

        Returns:
            Shape (n_texts, n_topics).
        """

    @abstractmethod
    def classes(self, conditioned: Tensor, view: View) -> Tensor:
        """Log p(k|x) of a view's classes from its topics, shape (n_texts, n_classes)."""

    @abstractmethod
    def shares(self, conditioned: Tensor, view: View, column: int) -> tuple[Tensor, Tensor]:
        """What the topics give to a class.

        Args:
            conditioned: The topics of one text as the view has them, shape (n_topics,).
            view: A level or a customer.
            column: The class.

        Returns:
            A probability for each topic, and its part of what makes the class probable, which sum to 1 over the class;
            both of shape (n_topics,), 0 outside the class.
        """

    @abstractmethod
    def log_odds(self, classes: Tensor, column: int) -> Tensor:
        """Log-odds of a class, finite where its probability is 0 or 1.

        Args:
            classes: log p(k|x), shape (n_texts, n_classes).
            column: The class.

        Returns:
            Shape (n_texts,).
        """

    @abstractmethod
    def nodes(self, conditioned: Tensor, view: View) -> Tensor:
        """Log P(some topic is in the class) of a view's classes, which may overlap, shape (n_texts, n_classes)."""

    @abstractmethod
    def scope(self, topics: Tensor, view: View) -> Tensor:
        """Log P(some topic is one that the view names), shape (n_texts,)."""

    @abstractmethod
    def answers(self, classes: Tensor, view: View) -> np.ndarray:
        """The predicted classes as scikit-learn has them.

        Args:
            classes: log p(k|x), shape (n_texts, n_classes).
            view: The view that the classes are of.

        Returns:
            Names, shape (n_texts,), or where there may be several an indicator matrix, shape (n_texts, n_classes).
        """

    @abstractmethod
    def chosen(self, classes: Tensor) -> np.ndarray:
        """The predicted classes.

        Args:
            classes: log p(k|x), shape (n_texts, n_classes).

        Returns:
            True for the predicted ones, shape (n_texts, n_classes).
        """

    @abstractmethod
    def named(self, classes: Tensor, view: View) -> np.ndarray:
        """The predicted classes by name, one object a text: its name, or a tuple of names where there may be several.

        Args:
            classes: log p(k|x), shape (n_texts, n_classes).
            view: The view that the classes are of.

        Returns:
            Shape (n_texts,), of objects.
        """


@dataclass(frozen=True, slots=True)
class OneTopic(Task):
    """Every document has one topic: probabilities are sums of a softmax, and the likeliest class is predicted.

    Example:
        >>> OneTopic().log_probabilities(torch.zeros(1, 4)).exp()
        tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """

    def log_probabilities(self, logits: Tensor) -> Tensor:
        """``log_softmax(z)``."""
        return logits.log_softmax(dim=-1)

    def scores(self, log_probabilities: Tensor) -> Tensor:
        """``log p`` itself."""
        return log_probabilities

    def sureness(self, scores: Tensor) -> Tensor:
        """``−log(1 − max_t p(t|x))``, from the mass of the others."""
        likeliest = functional.one_hot(scores.argmax(dim=-1), scores.shape[-1]).bool()
        others = scores.masked_fill(likeliest, -math.inf).logsumexp(dim=-1, keepdim=True)
        return -others

    def taught(self, log_probabilities: Tensor, allowed: Tensor) -> Tensor:
        """The level's own softmax, restricted to the nodes that the label allows."""
        return log_probabilities.masked_fill(~allowed, -torch.inf).log_softmax(dim=-1)

    def conditioned(self, topics: Tensor, view: View, *, shift: Tensor | None) -> Tensor:
        """``log p_c(t|x)``: the view's own mix of topics, and only the topics that it names."""
        scope = torch.from_numpy(view.scope.copy()) if view.is_partial else None
        return topics if shift is None and scope is None else condition(topics, prior_shift=shift, scope=scope)

    def classes(self, conditioned: Tensor, view: View) -> Tensor:
        """``log Σ_t A[t,k] · p_c(t|x)``."""
        return aggregate(conditioned, Entries.of_view(view))

    def shares(self, conditioned: Tensor, view: View, column: int) -> tuple[Tensor, Tensor]:
        """``A[t,k] · p_c(t|x)``, and that as a part of its sum."""
        weights = torch.from_numpy(view.weights[:, [column]].toarray().ravel())
        scores = weights.log() + conditioned.double()
        return scores.exp(), scores.softmax(dim=-1)

    def log_odds(self, classes: Tensor, column: int) -> Tensor:
        """``log p(k|x) − log Σ_{j ≠ k} p(j|x)``."""
        others = torch.cat([classes[:, :column], classes[:, column + 1 :]], dim=-1)
        lowest = torch.finfo(torch.float32).min / 4
        return classes[:, column].clamp_min(lowest) - others.logsumexp(dim=-1).clamp_min(lowest)

    def nodes(self, conditioned: Tensor, view: View) -> Tensor:
        """``log Σ_{t in k} p_c(t|x)``."""
        return aggregate(conditioned, Entries.of_members(view))

    def scope(self, topics: Tensor, view: View) -> Tensor:
        """``log Σ_{t in scope} p(t|x)``."""
        return topics[:, torch.from_numpy(view.scope.copy())].logsumexp(dim=-1)

    def answers(self, classes: Tensor, view: View) -> np.ndarray:
        """The name of the likeliest class."""
        found: np.ndarray = np.asarray(view.classes)[classes.argmax(dim=-1).numpy()]
        return found

    def chosen(self, classes: Tensor) -> np.ndarray:
        """The likeliest class alone."""
        chosen = torch.zeros_like(classes, dtype=torch.bool)
        found: np.ndarray = chosen.scatter_(1, classes.argmax(dim=-1, keepdim=True), True).numpy()
        return found

    def named(self, classes: Tensor, view: View) -> np.ndarray:
        """The name of the likeliest class."""
        return self.answers(classes, view).astype(object)


ONE_TOPIC = OneTopic()
"""The task where none is given."""
