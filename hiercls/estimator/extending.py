"""From a trained model and a changed map to an extension of it, by few documents of what is new.

Knows every room above and joins them; trains nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from hiercls.data.rows import Row
from hiercls.errors import ConfigError, nearest
from hiercls.estimator.tasks import need_one_topic, resolve_one_topic
from hiercls.extension import Extension
from hiercls.model.novelty import TopicDensity
from hiercls.names import composed
from hiercls.scoring import Scorer, TopicMix
from hiercls.taxonomy import Taxonomy


def extended_scorer(
    before: Taxonomy,
    after: Taxonomy,
    scorer: Scorer,
    rows: Sequence[Row],
    *,
    sources: Mapping[str, str | Sequence[str]],
) -> Scorer:
    """A scorer of other topics.

    Args:
        before: The map that the scorer is for.
        after: The map that it shall be for.
        scorer: A trained scorer.
        rows: Documents labelled with a topic of the map after: of every topic that is new, or a part of an old one.
        sources: Old topics that topics come from; those of an old name come from it.

    Returns:
        The scorer, its calibration for all kept under the extension, those of customers forgotten.

    Raises:
        ConfigError: If sources name no topics, documents are missing, or the model cannot be extended so.
        DataError: If labels are illegal; all of them are listed.
    """
    need_one_topic(scorer, "extend")
    links = _links(before, after, sources)
    counts, means = _documents(after, scorer, rows)
    part = links[:, links.sum(axis=0) > 1].sum(axis=1) > 0
    needed = (links.sum(axis=1) == 0) | part
    missing = [after.topics[place] for place in np.flatnonzero(needed & (counts == 0))]
    if missing:
        raise ConfigError(
            f"expected documents of every topic that is new or a part of an old one, got none of {missing}; if such a "
            "topic is an old one under another name, say so in sources"
        )
    mix = _carried_mix(scorer.mix.answered, links, counts)
    density = density_of(scorer)
    if needed.any() and density is None:
        raise ConfigError("new topics, and parts of old ones, are told by the encoder; this model reads words alone")
    extension = Extension(
        before=before,
        sources=links,
        means=_means(density, links, means, needed, scorer.mix.answered),
        mix=mix,
        mix_before=scorer.mix.answered,
        scaling=None if scorer.calibration is None else scorer.calibration.pooled,
    )
    own = {name: _carried_mix(one, links, counts) for name, one in scorer.mix.customers.items()}
    return dataclasses.replace(
        scorer,
        mix=TopicMix(pooled=mix, customers={name: own[name] for name in own if name in after.customers}),
        calibration=None,
        filings={},
        extensions=(*scorer.extensions, extension),
    )


def density_of(scorer: Scorer) -> TopicDensity | None:
    """Where a scorer's topics lie, after all its extensions."""
    density = scorer.novelty.density
    for extension in scorer.extensions:
        density = extension.density(density) or density
    return density


def _links(before: Taxonomy, after: Taxonomy, sources: Mapping[str, str | Sequence[str]]) -> np.ndarray:
    """Which topics come from which, shape (n_topics, n_before)."""
    links = np.zeros((len(after.topics), len(before.topics)), dtype=np.float32)
    for topic in after.topics:
        if topic in before.topics:
            links[after.topics.index(topic), before.topics.index(topic)] = 1
    for name, given in sources.items():
        topic, olds = composed(name), [given] if isinstance(given, str) else list(given)
        if topic not in after.topics:
            raise ConfigError(f"'{name}' is no topic of the new taxonomy; {nearest(topic, after.topics)}")
        for old in map(composed, olds):
            if old not in before.topics:
                raise ConfigError(f"'{old}' is no topic that the model has; {nearest(old, before.topics)}")
            links[after.topics.index(topic), before.topics.index(old)] = 1
    return links


def _documents(after: Taxonomy, scorer: Scorer, rows: Sequence[Row]) -> tuple[np.ndarray, np.ndarray]:
    """How many documents each topic has, and the mean of their encodings and of one more where all lie on average."""
    counts, density = np.zeros(len(after.topics)), scorer.novelty.density
    if not rows:
        return counts, np.zeros((len(after.topics), 0))
    told = resolve_one_topic(after, rows).weights
    if (np.diff(told.indptr) != 1).any():
        raise ConfigError("expected one topic for each document, got labels that stand for several")
    if density is None or scorer.engine is None:
        return np.asarray(told.sum(axis=0)).ravel(), np.zeros((len(after.topics), 0))
    x = scorer.engine.encode([row.text for row in rows]).astype(np.float64) - density.centre
    shares = (told > 0).astype(np.float64)
    counts = np.asarray(shares.sum(axis=0)).ravel()
    return counts, np.asarray(shares.T @ (x @ density.projection.T)) / (counts + 1)[:, None]


def _means(
    density: TopicDensity | None, links: np.ndarray, own: np.ndarray, needed: np.ndarray, mix: np.ndarray
) -> np.ndarray:
    """Where the topics now lie: those with documents of their own near their mean, the others where they did."""
    if density is None:
        return np.zeros((len(links), 0), dtype=np.float32)
    weights = links * mix
    kept = weights @ density.means / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
    if not needed.any():
        return np.asarray(kept, dtype=np.float32)
    found = np.where(needed[:, None], own, kept)
    return np.asarray(found, dtype=np.float32)


def _carried_mix(mix: np.ndarray, links: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The mix of the topics now: parts by their documents, new topics as frequent as the mean one."""
    parts = links * (counts + 1.0)[:, None]
    shares = parts / np.maximum(parts.sum(axis=0, keepdims=True), 1e-12)
    kept, new = shares @ mix, links.sum(axis=1) == 0
    kept *= (1 - new.sum() / len(links)) / max(kept.sum(), 1e-12)
    found: np.ndarray = np.where(new, 1 / len(links), kept)
    found /= found.sum()
    return found
