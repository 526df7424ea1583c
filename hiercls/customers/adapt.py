"""A known grouping and a few labelled documents: the customer's own mix of topics and its own filing of them.

Both are laid over what the model says of topics, so nobody else's answers change, and a hundred documents take
milliseconds. Whether they help is tried on the documents themselves; where it is not sure, the customer is left as it
was. Knows log-probabilities, labels and a view; no model and no text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from hiercls.customers.audit import DECLARED_DOCUMENTS
from hiercls.customers.em import Array, fit_membership, fit_shares, posterior
from hiercls.customers.mix import document_likelihoods, pooled_documents
from hiercls.errors import ConfigError
from hiercls.taxonomy import View

Method = Literal["prior", "filing"]
"""The mix of topics alone; or that, and then how the documents of each topic are filed."""

MISFILED = 0.05
"""The part of the labels that may say anything: one document that contradicts its class decides nothing."""

N_FOLDS, LEAST_DOCUMENTS = 5, 10
"""Parts that the documents are divided into, for each to be foreseen by the others; and the least to try it with."""

SMALLEST = 0.01
"""Shares of a topic's documents below this are taken for none."""

Fit = Callable[[Array, NDArray[np.int64]], tuple[Array, Array]]
"""From topics and classes of documents to a mix and a filing."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Adaptation:
    """What a customer's few documents say, and whether that helps to foresee others of them.

    Args:
        view: The customer's classes, as declared.
        method: What was free.
        mix: π_c as found, shape (n_topics,).
        filing: A_c as found, the part of each topic's documents under each class, shape (n_topics, n_classes).
        gain: How much likelier the labels are with it, in nats a document, each foreseen from other documents.
        error: The standard error of the gain.
        n_documents: The documents.
    """

    view: View
    method: Method
    mix: Array
    filing: Array
    gain: float
    error: float
    n_documents: int

    @property
    def helps(self) -> bool:
        """Whether the gain is more than its standard error; if not, the customer is better left as it was."""
        return self.gain > self.error

    @property
    def moved(self) -> tuple[tuple[str, str, float], ...]:
        """Topics, classes where the YAML does not put them, and the part filed there; the largest part first."""
        elsewhere = np.where(self.view.membership.toarray() > 0, 0.0, self.filing)
        cells = sorted(zip(*np.nonzero(elsewhere), strict=True), key=lambda cell: -float(elsewhere[cell]))
        return tuple((self.view.topics[t], self.view.classes[k], float(elsewhere[t, k])) for t, k in cells)

    def __str__(self) -> str:
        """What was found in a sentence."""
        tried = f"{self.gain:+.3f} ± {self.error:.3f} nats a document, on {self.n_documents:,} documents"
        if self.n_documents < LEAST_DOCUMENTS:
            return f"'{self.view.name}' was left as it was: {LEAST_DOCUMENTS} documents or more are needed"
        if not self.helps:
            return f"'{self.view.name}' was left as it was: it is not sure that adapting helps ({tried})"
        return f"adapting to '{self.view.name}' by '{self.method}' helps: labels are foreseen better ({tried})"


def adapt_customer(
    topics: ArrayLike, filed: ArrayLike, *, view: View, pooled: ArrayLike, method: Method = "filing", seed: int = 0
) -> Adaptation:
    """Find a customer's own mix of topics, then its own filing of them, and try both on documents left out.

    ``π_c``: the mix under which texts and labels are likeliest, the classes as declared, beside four documents a topic
    of the pooled mix; 5 % of the labels may say anything. ``A_c``: with π_c fixed, the filing under which the labels
    are likeliest, beside two documents of each topic that are filed as declared. ``p(k|x) = Σ_t A_c[t,k] · p_c(t|x)``.

    Args:
        topics: log p(t|x) under the pooled mix, shape (n_documents, n_topics).
        filed: The documents' classes, by position in the view, shape (n_documents,).
        view: The customer's classes, as declared.
        pooled: π, shape (n_topics,), positive, sums to 1.
        method: ``prior``: the mix alone; ``filing``: both.
        seed: Seed of the division into folds.

    Returns:
        What was found, and whether it helps.

    Raises:
        ConfigError: If there is no such method, or no document.

    Example:
        >>> from hiercls.taxonomy import View
        >>> view = View.from_members("two", topics=("A", "B"), members={"a": [0], "b": [1]})
        >>> sure = np.log(np.eye(2)[[0, 1] * 20] * 0.96 + 0.02)
        >>> found = adapt_customer(sure, [0, 0] * 20, view=view, pooled=[0.5, 0.5])  # B is filed under a
        >>> found.helps, found.filing.round(1).tolist()
        (True, [[1.0, 0.0], [0.9, 0.1]])

    Source:
        MAP EM with Dirichlet priors: Dempster, Laird and Rubin, JRSS B 1977; the noise in labels as in Dawid and Skene,
        Applied Statistics 1979.
    """
    logs, labels = np.asarray(topics, dtype=np.float64), np.asarray(filed, dtype=np.int64)
    mix = np.asarray(pooled, dtype=np.float64)
    if method not in get_args(Method):
        raise ConfigError(f"expected the method to be one of {', '.join(get_args(Method))}, got {method!r}")
    if not len(logs):
        raise ConfigError(f"expected labelled documents of '{view.name}' to adapt to, got none")
    logs = np.where(view.scope, logs, -np.inf)
    logs -= logsumexp(logs, axis=1, keepdims=True)
    declared = view.weights.toarray()
    inside = np.where(view.scope, mix, 0.0)
    inside /= inside.sum()

    def fit(own: Array, classes: NDArray[np.int64]) -> tuple[Array, Array]:
        return _fit(own, classes, declared=declared, pooled=mix, start=inside, method=method)

    gains = _gains(logs, labels, fit, start=(inside, declared), pooled=mix, seed=seed)
    found, filing = fit(logs, labels)
    return Adaptation(
        view=view,
        method=method,
        mix=found,
        filing=filing,
        gain=float(gains.mean()),
        error=float(gains.std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else 0.0,
        n_documents=len(logs),
    )


def _fit(
    logs: Array, labels: NDArray[np.int64], *, declared: Array, pooled: Array, start: Array, method: Method
) -> tuple[Array, Array]:
    """The mix, under the declared classes, and then the filing, the mix as it is."""
    n_classes = declared.shape[1]
    believed = (1 - MISFILED) * declared + MISFILED / n_classes
    likelihoods = document_likelihoods(logs, pooled=pooled, weights=np.where(start > 0, believed[:, labels].T, 0.0))
    once, pseudo = np.ones((1, len(logs))), pooled_documents(start)[None]
    mix = fit_shares(likelihoods, weights=once, pseudo=pseudo, start=start, tolerance=1e-6)[0]
    if method == "prior":
        return mix, declared
    told = posterior(document_likelihoods(logs, pooled=pooled, weights=start > 0), mix)
    counts = np.eye(n_classes)[labels]
    filing = fit_membership(told, counts, pseudo=DECLARED_DOCUMENTS * declared, tolerance=1e-5)
    filing = np.where((start > 0)[:, None] & (filing >= SMALLEST), filing, 0.0)
    return mix, filing / np.maximum(filing.sum(axis=1, keepdims=True), SMALLEST)


def _gains(
    logs: Array, labels: NDArray[np.int64], fit: Fit, *, start: tuple[Array, Array], pooled: Array, seed: int
) -> Array:
    """How much likelier each label is when found from the other folds than as it was, in nats, shape (n_documents,)."""
    gains = np.zeros(len(logs))
    if len(logs) < LEAST_DOCUMENTS:
        return gains
    folds = np.random.default_rng(seed).permutation(len(logs)) % N_FOLDS
    for fold in range(N_FOLDS):
        here, there = folds == fold, folds != fold
        after = _foreseen(logs[here], labels[here], *fit(logs[there], labels[there]), pooled=pooled)
        gains[here] = after - _foreseen(logs[here], labels[here], *start, pooled=pooled)
    return gains


def _foreseen(logs: Array, labels: NDArray[np.int64], mix: Array, filing: Array, *, pooled: Array) -> Array:
    """Log-probability of each label, 5 % of which may say anything, shape (n_documents,)."""
    shares = posterior(document_likelihoods(logs, pooled=pooled, weights=mix > 0), mix)
    said = (shares @ filing)[np.arange(len(labels)), labels]
    found: Array = np.log((1 - MISFILED) * said + MISFILED / filing.shape[1])
    return found
