"""The part of the scikit-learn face that changes the topics of a trained model: more of them, other ones, other names.

Knows scikit-learn's conventions; the work is done in ``extending`` and the rooms above.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from hiercls.data.rows import Row, make_rows
from hiercls.estimator.extending import extended_scorer
from hiercls.estimator.promises import HeldOut
from hiercls.names import composed
from hiercls.scoring import Scorer
from hiercls.taxonomy import Taxonomy


class ReshapingMixin:
    """Other topics for a trained model, for an estimator that has a map and a scorer."""

    taxonomy: Taxonomy | str | Path
    taxonomy_: Taxonomy
    scorer_: Scorer
    heldout_: HeldOut | None
    priors: Mapping[str, Mapping[str, float]] | None
    customer_weights: Mapping[str, float] | None

    def extend(
        self,
        taxonomy: Taxonomy | str | Path,
        texts: Iterable[str] = (),
        labels: Iterable[Any] = (),
        *,
        sources: Mapping[str, str | Sequence[str]] | None = None,
    ) -> Self:
        """Answer other topics from now on: new ones, parts of old ones, several as one; nothing is trained again.

        ``p(n|x) = P(old|x) · Σ_t p(t|x) · q(n|t,x)``: old topics keep their order among each other, parts sum to what
        they are parts of, merged ones are sums. New topics and parts are told by where the encodings of a few documents
        lie: twenty of each are a start. With all documents at hand, ``fit`` is better.

        Args:
            taxonomy: The map as it shall be, customers with it.
            texts: Documents of the topics that are new or parts of old ones.
            labels: For each its topic.
            sources: Old topics that topics come from, such as ``{"A1": "A", "A2": "A"}`` for a split or
                ``{"AB": ["A", "B"]}`` for a merger; topics of an old name come from it, and others not named are new.

        Returns:
            The estimator; customers' own calibrations, filings and held-out documents are forgotten.

        Raises:
            TaxonomyError: If the YAML has problems; all of them are listed.
            DataError: If texts or labels are illegal; all of them are listed.
            ConfigError: If sources name no topics, or documents are missing.

        Source:
            See ``hiercls.extension.Extension``; linear discriminants from few documents as in Hayes and Kanan, Lifelong
            Machine Learning with Deep Streaming Linear Discriminant Analysis, CVPR workshops 2020.
        """
        return self.extend_rows(taxonomy, make_rows(texts, labels), sources=sources)

    def extend_rows(
        self,
        taxonomy: Taxonomy | str | Path,
        rows: Sequence[Row],
        *,
        sources: Mapping[str, str | Sequence[str]] | None = None,
    ) -> Self:
        """The same from rows, as ``hiercls.data.read`` reads them.

        Args:
            taxonomy: The map as it shall be.
            rows: Rows of the topics that are new or parts of old ones, each labelled with its topic.
            sources: Old topics that topics come from.

        Returns:
            The estimator.

        Raises:
            TaxonomyError: If the YAML has problems; all of them are listed.
            DataError: If labels are illegal; all of them are listed.
            ConfigError: If sources name no topics, or documents are missing.
        """
        check_is_fitted(self, "taxonomy_")
        after = taxonomy if isinstance(taxonomy, Taxonomy) else Taxonomy.from_yaml(taxonomy)
        self.scorer_ = extended_scorer(self.taxonomy_, after, self.scorer_, rows, sources=sources or {})
        self.taxonomy = self.taxonomy_ = after
        self.heldout_ = None
        self._take_priors()
        return self

    def rename(self, names: Mapping[str, str]) -> Self:
        """Give nodes, levels, customers or classes other names; what is answered stays the same.

        Args:
            names: New names by old: of a node, a level, a customer, or ``customer:class``.

        Returns:
            The estimator.

        Raises:
            ConfigError: If an old name is unknown, or both a node's and a view's.
            TaxonomyError: If a new name is not legal or taken.
        """
        check_is_fitted(self, "taxonomy_")
        before, after = self.taxonomy_, self.taxonomy_.renamed(names)
        new = dict(zip(before.customers, after.customers, strict=True))
        scorer, calibration = self.scorer_, self.scorer_.calibration
        if calibration is not None:
            own = {new[name]: scaling for name, scaling in calibration.customers.items()}
            calibration = dataclasses.replace(calibration, customers=own)
        mixes = {new[name]: mix for name, mix in scorer.mix.customers.items()}
        self.scorer_ = dataclasses.replace(
            scorer,
            mix=dataclasses.replace(scorer.mix, customers=mixes),
            calibration=calibration,
            filings={new[name]: filing for name, filing in scorer.filings.items()},
        )
        if self.heldout_ is not None:
            renamed = [new.get(str(name), str(name)) for name in self.heldout_.customers.tolist()]
            self.heldout_ = dataclasses.replace(self.heldout_, customers=np.array(renamed))
        self.taxonomy = self.taxonomy_ = after
        self._take_priors()
        weights = self.customer_weights or {}
        self.customer_weights = {new.get(composed(name), name): weight for name, weight in weights.items()} or None
        return self

    def _take_priors(self) -> None:
        """Let the settings have the customers' mixes as the scorer has them, so that they fit the next ``fit``."""
        topics = self.taxonomy_.topics
        mixes = self.scorer_.mix.customers
        self.priors = {name: dict(zip(topics, mix.tolist(), strict=True)) for name, mix in mixes.items()} or None
