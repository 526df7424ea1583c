"""Probabilities that can be believed: the topics' are scaled until held-out labels, coarse ones too, are likeliest.

``log p'(t|x) = log_softmax_t( a_t · s(x) · log p(t|x) + b_t )``, where s may differ with how sure the model is; where a
document may have several topics ``log σ( a_t · s(z_t) · z_t + b_t )`` of their log-odds z. Since the topics are scaled,
labels of any view teach it, and no view contradicts another. Knows topic log-probabilities and labels as sets of
topics; knows no text and no model.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor

from hiercls.errors import ConfigError, DataError, Problem
from hiercls.losses import Targets, label_loss
from hiercls.model.multilabel_targets import MultilabelTable
from hiercls.model.targets import TargetTable
from hiercls.model.task import ONE_TOPIC, Task

Method = Literal["adaptive", "temperature", "vector", "bias_corrected"]
"""One slope, and a power of how sure the model is; one slope alone; a slope and a bias for every topic; one slope and a
bias for every topic."""

DEFAULT_METHOD: Method = "adaptive"
"""What is taken where nobody asks for another: two numbers, which few documents can teach."""

PRECISION = 30.0
"""How strongly every parameter is held at no change: 1/σ². Chosen on held-out training documents of 20 Newsgroups and
the docstrings, so that a calibration on 50 of them is hardly ever worse than none."""

SURENESS_AT_HALF, MOST_SURE = math.log(2), 50.0
"""``−log(1 − p)`` of the likeliest topic: where it has a half; and the most that is told apart."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scaling:
    """A scaling of topic log-probabilities, and what it was fitted on.

    Args:
        method: What was free.
        slopes: a, positive, shape (n_topics,).
        biases: b, shape (n_topics,).
        n_documents: The documents that it was fitted on.
        loss_before: ``−log p(label)`` of these before, in nats a document.
        loss_after: The same after.
        power: q, positive: ``s(x) = ((1 + c) / (1 + log 2))^(q − 1)`` with ``c = −log(1 − max_t p(t|x))``. At 1 all
            documents are scaled alike; below it, the surer the model, the more it is restrained. Where a document may
            have several topics, c is each topic's own ``−log min(p, 1 − p)``.

    Example:
        >>> Scaling.identity(2).apply(torch.tensor([[0.25, 0.75]]).log()).exp()
        tensor([[0.2500, 0.7500]])
    """

    method: Method
    slopes: Array
    biases: Array
    n_documents: int
    loss_before: float
    loss_after: float
    power: float = 1.0

    @classmethod
    def identity(cls, n_topics: int) -> Scaling:
        """The scaling that changes nothing."""
        ones, zeros = np.ones(n_topics), np.zeros(n_topics)
        return cls(method="temperature", slopes=ones, biases=zeros, n_documents=0, loss_before=0.0, loss_after=0.0)

    @property
    def temperature(self) -> float:
        """What the logits are divided by, the geometric mean over topics; above 1 the model was too sure.

        Where ``power`` is not 1, of documents whose likeliest topic has a half.
        """
        return float(np.exp(-np.log(self.slopes).mean()))

    def apply(self, topics: Tensor, *, task: Task = ONE_TOPIC) -> Tensor:
        """The scaled log-probabilities of the topics.

        Args:
            topics: log p(t|x), shape (n_texts, n_topics).
            task: What kind of probabilities they are.

        Returns:
            log p'(t|x), of the same shape and type; where a document has one topic, rows sum to 1 in probability.
        """
        slopes, biases = (torch.from_numpy(part).to(topics) for part in (self.slopes, self.biases))
        scores = task.scores(topics)
        return task.log_probabilities(scores * slopes * _stretch(scores, self.power, task) + biases)

    def to_dict(self) -> dict[str, Any]:
        """The scaling as plain data."""
        return {**dataclasses.asdict(self), "slopes": self.slopes.tolist(), "biases": self.biases.tolist()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, n_topics: int) -> Scaling:
        """A scaling from what ``to_dict`` gave.

        Args:
            data: Plain data.
            n_topics: Topics that it must be for.

        Returns:
            The scaling.

        Raises:
            ValueError: If it is for another number of topics.
        """
        arrays = {name: np.array(data[name], dtype=np.float64) for name in ("slopes", "biases")}
        if any(array.shape != (n_topics,) for array in arrays.values()):
            raise ValueError(f"expected a calibration of {n_topics} topics")
        return cls(**{**data, **arrays})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """One scaling for all, and on top of it those of the customers who have one of their own.

    A customer's own starts from the one for all, so a customer of few documents stays near the others.

    Args:
        pooled: The scaling for all.
        customers: The customers' own, by name.
    """

    pooled: Scaling
    customers: Mapping[str, Scaling] = field(default_factory=dict)

    def of_view(self, topics: Tensor, name: str, *, task: Task = ONE_TOPIC) -> Tensor:
        """The topics as one view has them: a customer's own scaling, where it has one, after the one for all.

        Args:
            topics: log p(t|x) after the scaling for all, shape (n_texts, n_topics).
            name: A level or a customer.
            task: What kind of probabilities they are.

        Returns:
            Shape (n_texts, n_topics).
        """
        return self.customers[name].apply(topics, task=task) if name in self.customers else topics

    def without(self, customer: str) -> Calibration:
        """The same without a customer's own scaling."""
        left = {name: scaling for name, scaling in self.customers.items() if name != customer}
        return dataclasses.replace(self, customers=left)

    def to_dict(self) -> dict[str, Any]:
        """The calibration as plain data."""
        own = {name: scaling.to_dict() for name, scaling in self.customers.items()}
        return {"pooled": self.pooled.to_dict(), "customers": own}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, n_topics: int) -> Calibration:
        """A calibration from what ``to_dict`` gave.

        Args:
            data: Plain data.
            n_topics: Topics that it must be for.

        Returns:
            The calibration.

        Raises:
            ValueError: If it is for another number of topics.
        """
        own = {name: Scaling.from_dict(part, n_topics=n_topics) for name, part in data["customers"].items()}
        return cls(pooled=Scaling.from_dict(data["pooled"], n_topics=n_topics), customers=own)


def calibrate(
    topics: Tensor,
    targets: TargetTable | MultilabelTable,
    *,
    method: Method = DEFAULT_METHOD,
    groups: Mapping[str, NDArray[np.int64]],
    task: Task = ONE_TOPIC,
) -> Calibration:
    """Fit one scaling for all documents, and one more for each group of them.

    Args:
        topics: log p(t|x) of held-out documents, shape (n_documents, n_topics).
        targets: What their labels say, with the customers' priors and scopes.
        method: ``adaptive``, ``temperature``, ``vector`` or ``bias_corrected``.
        groups: Positions of the documents of customers who get a scaling of their own, by name.
        task: What kind of probabilities, and labels, they are.

    Returns:
        The calibration.

    Raises:
        ConfigError: If there is no such method.
        DataError: If there is no document.
    """
    everything = np.arange(len(topics))
    pooled = fit_scaling(topics, targets.batch(everything)[-1], method=method, task=task)
    own = {
        name: fit_scaling(pooled.apply(topics[places], task=task), targets.batch(places)[-1], method=method, task=task)
        for name, places in groups.items()
    }
    return Calibration(pooled=pooled, customers=own)


def fit_scaling(
    topics: Tensor, targets: Targets, *, method: Method = DEFAULT_METHOD, task: Task = ONE_TOPIC
) -> Scaling:
    """The scaling under which the labels are likeliest, whatever view they are of.

    ``minimise Σ_i −log Σ_t A[t,y_i] · p'_c(t|x_i) + Σ v² / 2σ²`` by L-BFGS in float64, where v are the logarithms of
    slopes and power, and the biases, as far as the method has them free. The last term is a prior around no change: few
    documents change little, the slope stays finite where every label was foreseen, and what coarse labels leave open is
    settled. Where a document may have several topics, the loss is that of lists of labels.

    Args:
        topics: log p(t|x) of held-out documents, shape (n_documents, n_topics).
        targets: What their labels say at the topics, with the customers' priors and scopes.
        method: ``adaptive``, ``temperature``, ``vector`` or ``bias_corrected``.
        task: What kind of probabilities, and labels, they are.

    Returns:
        The scaling, and the loss before and after it.

    Raises:
        ConfigError: If there is no such method.
        DataError: If there is no document.

    Source:
        Guo et al., On Calibration of Modern Neural Networks, ICML 2017 (temperature, vector); Alexandari et al.,
        Maximum Likelihood with Bias-Corrected Calibration, ICML 2020; Balanya, Maroñas and Ramos, Adaptive Temperature
        Scaling for Robust Calibration of Deep Neural Networks, 2022, whose temperature follows the entropy; here
        through the likelihood of set labels. Of sigmoids ``vector`` is Platt's scaling of each topic (1999).
    """
    if method not in get_args(Method):
        raise ConfigError(f"expected the method to be one of {', '.join(get_args(Method))}, got {method!r}")
    n_documents, n_topics = topics.shape
    if not n_documents:
        raise DataError([Problem(message="expected labelled documents to calibrate on, got none")], subject="the rows")
    scores = task.scores(topics.detach().double())
    unpack, n_parameters = _parameters(method, n_topics)

    def loss(parameters: Tensor) -> Tensor:
        slopes, biases, power = unpack(parameters)
        return label_loss(scores * slopes * _stretch(scores, power, task) + biases, targets).mean()

    def objective(values: Array) -> tuple[float, Array]:
        parameters = torch.tensor(values, requires_grad=True)
        total = loss(parameters) + PRECISION * (parameters**2).sum() / (2 * n_documents)
        (gradient,) = torch.autograd.grad(total, parameters)
        return float(total.detach()), gradient.numpy()

    start = np.zeros(n_parameters)
    best = minimize(
        objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 500, "gtol": 1e-8, "ftol": 1e-14}
    )
    slopes, biases, power = unpack(torch.from_numpy(best.x))
    return Scaling(
        method=method,
        slopes=slopes.expand(n_topics).numpy().copy(),
        biases=biases.expand(n_topics).numpy().copy(),
        n_documents=n_documents,
        loss_before=float(loss(torch.from_numpy(start))),
        loss_after=float(loss(torch.from_numpy(best.x))),
        power=float(power),
    )


def _parameters(method: Method, n_topics: int) -> tuple[Callable[[Tensor], tuple[Tensor, Tensor, Tensor]], int]:
    """How a vector of parameters is cut into slopes, biases and power, and how long it is."""
    zero, one = torch.zeros(1, dtype=torch.float64), torch.ones((), dtype=torch.float64)
    if method == "adaptive":
        return lambda vector: (vector[:1].exp(), zero, vector[1].exp()), 2
    if method == "temperature":
        return lambda vector: (vector.exp(), zero, one), 1
    n_slopes = n_topics if method == "vector" else 1
    return lambda vector: (vector[:n_slopes].exp(), vector[n_slopes:], one), n_slopes + n_topics


def _stretch(scores: Tensor, power: Tensor | float, task: Task) -> Tensor:
    """What the slopes are multiplied by, by how sure the model is, shape (n_texts, 1) or (n_texts, n_topics)."""
    sureness = task.sureness(scores).clamp(min=0.0, max=MOST_SURE)
    return ((1 + sureness) / (1 + SURENESS_AT_HALF)) ** (power - 1)
