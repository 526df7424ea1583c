"""What a customer's documents are about: its mix of topics, from its labels at any view, or from documents alone.

Knows the topics' log-probabilities and labels as weights over topics; no model and no text. The customer's classes are
taken as declared: where labels contradict them, its mix is found from the documents alone, without them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls

from hiercls.customers.em import Array, fit_shares
from hiercls.errors import ConfigError

N_REPLICATES = 200
"""Weightings of the documents from which intervals are read."""

DOCUMENTS_A_TOPIC = 4.0
"""How many documents of the pooled mix count as seen for each topic: what few documents say is not taken at its word.
Chosen on held-out training documents of 20 Newsgroups, so that a customer of the pooled mix loses next to nothing."""

FLOOR = -200.0
"""Logarithm of the least that a topic is likely beside the likeliest, so that no document is impossible."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MixEstimate:
    """A customer's mix of topics, with intervals.

    Args:
        topics: The topics.
        shares: π_c, shape (n_topics,), sums to 1.
        lower: Lower ends of the intervals, shape (n_topics,).
        upper: Upper ends, shape (n_topics,).
        pooled: π, the mix that the model was trained under, shape (n_topics,).
        n_documents: The documents it was found from.
        n_labelled: How many of them have labels.
        level: How often an interval shall hold the share.
    """

    topics: tuple[str, ...]
    shares: Array
    lower: Array
    upper: Array
    pooled: Array
    n_documents: int
    n_labelled: int
    level: float

    @property
    def prior(self) -> dict[str, float]:
        """The shares by topic, as ``add_customer`` and ``replace_customer`` take them; those that are 0 left out."""
        return {topic: share for topic, share in zip(self.topics, self.shares.tolist(), strict=True) if share > 0}

    @property
    def differs(self) -> NDArray[np.bool_]:
        """Whether each topic's share in the pooled mix lies outside its interval, shape (n_topics,)."""
        outside: NDArray[np.bool_] = (self.pooled < self.lower) | (self.pooled > self.upper)
        return outside


def estimate_mix(
    topics: ArrayLike,
    *,
    names: tuple[str, ...],
    pooled: ArrayLike,
    weights: ArrayLike | None = None,
    scope: ArrayLike | None = None,
    pseudo_documents: float | None = None,
    level: float = 0.9,
    seed: int = 0,
) -> MixEstimate:
    """A customer's mix of topics, from documents with labels, without, or some of each.

    ``maximise Σ_i log Σ_t π_c(t)/π(t) · p(t|x_i) · w_it + m Σ_t π(t) log π_c(t)`` by EM: what texts and labels say of a
    document counts together, and m documents of the pooled mix stand beside them. Without labels, and with m = 0, this
    is the EM of Saerens et al. It believes the probabilities, so ``calibrate(method="bias_corrected")`` comes before.
    Intervals: documents are weighted at random, exponentially, 200 times, the m by gamma weights; where every document
    has a topic for a label they are those of the Dirichlet distribution.

    Args:
        topics: log p(t|x) under the pooled mix, shape (n_documents, n_topics).
        names: The topics.
        pooled: π, shape (n_topics,), positive, sums to 1.
        weights: w, what a document's label says of each topic, its column of the customer's weights; a row of ones
            where there is none, shape (n_documents, n_topics). None: no document has one.
        scope: Whether each topic is one that the customer has at all, shape (n_topics,); None: all are.
        pseudo_documents: m; None: four for each topic in scope.
        level: How often an interval shall hold the share, between 0 and 1.
        seed: Seed of the random weights.

    Returns:
        The mix.

    Raises:
        ConfigError: If there is no document, a label is of no topic in scope, m is negative, or the level is no
            probability.

    Example:
        >>> topics = np.log([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.1, 0.9]])
        >>> found = estimate_mix(topics, names=("A", "B"), pooled=[0.5, 0.5], pseudo_documents=0)
        >>> found.shares.round(2)  # three quarters look like A, as many as 0.81 of A would make
        array([0.81, 0.19])

    Source:
        Saerens, Latinne and Decaestecker, Adjusting the Outputs of a Classifier to New a Priori Probabilities, Neural
        Computation 2002; Alexandari, Kundaje and Shrikumar, ICML 2020 (calibration first); Newton and Raftery,
        Approximate Bayesian Inference with the Weighted Likelihood Bootstrap, JRSS B 1994 (intervals).
    """
    logs, mix = np.asarray(topics, dtype=np.float64), np.asarray(pooled, dtype=np.float64)
    if not len(logs):
        raise ConfigError("expected documents to find a mix of topics from, got none")
    inside = np.ones(len(mix), dtype=bool) if scope is None else np.asarray(scope, dtype=bool)
    m = DOCUMENTS_A_TOPIC * inside.sum() if pseudo_documents is None else pseudo_documents
    if not 0 < level < 1 or not m >= 0:
        raise ConfigError(f"expected 0 < level < 1 and pseudo_documents >= 0, got {level} and {m}")
    told = np.ones_like(logs) if weights is None else np.asarray(weights, dtype=np.float64)
    impossible = np.flatnonzero(~(told * inside).any(axis=1))
    if len(impossible):
        raise ConfigError(f"{len(impossible)} labels, the first of document {impossible[0]}, are of no topic in scope")
    likelihoods = document_likelihoods(logs, pooled=mix, weights=told * inside)
    centre = np.where(inside, mix, 0.0) / mix[inside].sum()
    pseudo = m * centre
    shares = fit_shares(likelihoods, weights=np.ones((1, len(logs))), pseudo=pseudo[None], start=centre)[0]
    start = np.where(inside, 0.9 * shares + 0.1 * centre, 0.0)
    lower, upper = _interval(likelihoods, pseudo, start, level=level, seed=seed)
    return MixEstimate(
        topics=names,
        shares=shares,
        lower=np.minimum(lower, shares),
        upper=np.maximum(upper, shares),
        pooled=mix,
        n_documents=len(logs),
        n_labelled=int((told.min(axis=1) < 1).sum()),
        level=level,
    )


def _interval(likelihoods: Array, pseudo: Array, start: Array, *, level: float, seed: int) -> tuple[Array, Array]:
    """Quantiles of each topic's share over random weightings of documents and pseudo-documents."""
    random, n_documents = np.random.default_rng(seed), len(likelihoods)
    replicates = fit_shares(
        likelihoods,
        weights=random.standard_exponential((N_REPLICATES, n_documents)),
        pseudo=random.standard_gamma(np.broadcast_to(pseudo, (N_REPLICATES, len(pseudo)))),
        start=start,
        tolerance=1e-5,
    )
    lower, upper = np.quantile(replicates, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return lower, upper


def pooled_documents(pooled: Array) -> Array:
    """The documents of the pooled mix that count as seen: four for each topic, as many of each as the mix has.

    Args:
        pooled: π, shape (n_topics,).

    Returns:
        α of the Dirichlet prior, less 1, shape (n_topics,).

    Example:
        >>> pooled_documents(np.array([0.25, 0.75]))
        array([2., 6.])
    """
    documents: Array = DOCUMENTS_A_TOPIC * len(pooled) * pooled
    return documents


def document_likelihoods(topics: Array, *, pooled: Array, weights: ArrayLike = 1.0) -> Array:
    """How likely documents are of each topic, up to a factor of their own: ``w_it · p(t|x_i) / π(t)``.

    Args:
        topics: log p(t|x) under the pooled mix, shape (n_documents, n_topics).
        pooled: π, shape (n_topics,).
        weights: w, what labels say of each topic, shape (n_documents, n_topics); 0 for topics that cannot be.

    Returns:
        Shape (n_documents, n_topics), 1 at the likeliest topic that can be, 0 only where a weight is.

    Example:
        >>> document_likelihoods(np.log([[0.5, 0.5]]), pooled=np.array([0.25, 0.75])).round(3)
        array([[1.   , 0.333]])
    """
    allowed = np.broadcast_to(np.asarray(weights, dtype=np.float64), topics.shape)
    logs = topics - np.log(pooled) + np.log(allowed, out=np.full(topics.shape, -np.inf), where=allowed > 0)
    found: Array = np.exp(np.maximum(logs - logs.max(axis=1, keepdims=True), FLOOR))
    return np.where(allowed > 0, found, 0.0)


def black_box_mix(topics: ArrayLike, *, heldout: ArrayLike, truth: ArrayLike, pooled: ArrayLike) -> Array:
    """A mix of topics from what the model takes for what: the older way, to compare with; it needs held-out topics.

    ``C w = μ, w ≥ 0, π_c(t) ∝ w(t) π(t)`` by least squares, where ``C[s,t]`` is the mean over held-out documents of
    p(s|x) where the topic is t, 0 elsewhere, and μ the mean of p(s|x) over the customer's documents. It holds also for
    probabilities that cannot be believed, and wastes what they say of each document.

    Args:
        topics: log p(t|x) of the customer's documents, shape (n_documents, n_topics).
        heldout: The same of documents of the pooled mix, shape (n_heldout, n_topics).
        truth: The topics of these, by their positions, shape (n_heldout,).
        pooled: π, shape (n_topics,).

    Returns:
        π_c, shape (n_topics,), sums to 1.

    Example:
        >>> sure, topics = np.log([[0.99, 0.01], [0.01, 0.99]]), np.log([[0.99, 0.01]] * 3 + [[0.01, 0.99]])
        >>> black_box_mix(topics, heldout=sure, truth=[0, 1], pooled=[0.5, 0.5]).round(2)
        array([0.75, 0.25])

    Source:
        Lipton, Wang and Smola, Detecting and Correcting for Label Shift with Black Box Predictors, ICML 2018 (soft).
    """
    said, held = np.exp(np.asarray(topics, dtype=np.float64)), np.exp(np.asarray(heldout, dtype=np.float64))
    mix = np.asarray(pooled, dtype=np.float64)
    confusion = held.T @ np.eye(len(mix))[np.asarray(truth)] / len(held)
    ratios, _ = nnls(confusion, said.mean(axis=0))
    found: Array = ratios * mix / (ratios * mix).sum()
    return found
