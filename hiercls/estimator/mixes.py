"""Mixes of topics that users give: what customers' documents are about, as arrays.

Knows a taxonomy and shares; knows no model.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hiercls.errors import ConfigError
from hiercls.model.priors import Priors
from hiercls.names import composed
from hiercls.scoring import TopicMix
from hiercls.taxonomy import Taxonomy


def topic_mix(taxonomy: Taxonomy, customer: str, shares: Mapping[str, float]) -> np.ndarray:
    """A customer's mix of topics as an array, smoothed by a thousandth of the uniform one so that no share is 0.

    Args:
        taxonomy: The map.
        customer: The customer's name.
        shares: Share of each topic, ≥ 0; topics that are not named have 0.

    Returns:
        π_c, shape (n_topics,), positive, sums to 1.

    Raises:
        ConfigError: If the customer or a topic is unknown, or the shares are negative or all 0.
    """
    shares = {composed(topic): share for topic, share in shares.items()}
    if composed(customer) not in taxonomy.customers:
        raise ConfigError(f"expected priors of customers of the taxonomy, got one of '{customer}'")
    unknown = sorted(set(shares) - set(taxonomy.topics))
    if unknown:
        raise ConfigError(f"the prior of '{customer}' names topics that the taxonomy does not have: {unknown}")
    try:
        mix = np.array([float(shares.get(topic, 0.0)) for topic in taxonomy.topics])
    except (TypeError, ValueError) as error:
        raise ConfigError(f"expected numbers in the prior of '{customer}', got {dict(shares)}") from error
    if not np.isfinite(mix).all() or (mix < 0).any() or mix.sum() <= 0:
        raise ConfigError(f"expected shares >= 0 with a positive sum in the prior of '{customer}', got {dict(shares)}")
    smoothed: np.ndarray = 0.999 * mix / mix.sum() + 0.001 / len(mix)
    return smoothed


def training_priors(mix: TopicMix, groups: np.ndarray) -> Priors | None:
    """The known mixes, and which documents they hold for; with adjusted logits the pooled one holds for the others.

    Args:
        mix: The pooled mix and the customers' own.
        groups: The customer of each document, shape (n_documents,).

    Returns:
        The mixes by document; None where none is known.
    """
    if not mix.customers and not mix.adjustment:
        return None
    row = {name: position for position, name in enumerate(mix.customers)}
    known, others = list(mix.customers.values()), -1
    if mix.adjustment:
        known, others = [*known, mix.pooled], len(known)
    return Priors(
        pooled=mix.answered,
        customers=np.stack(known),
        index=np.array([row.get(group, others) for group in groups], dtype=np.int64),
    )
