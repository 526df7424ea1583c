"""Other topics than a model was trained on: new ones, old ones split or merged, laid over what it says of the old.

Nothing that was trained is touched. Old topics keep their order among each other whatever is added, parts of a topic
sum to it, and a merged topic is the sum of what it was. Knows log-probabilities, encodings and where topics' encodings
lie; no text and no label.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from torch import Tensor

from hiercls.calibration import Scaling
from hiercls.model.novelty import TopicDensity
from hiercls.taxonomy import Taxonomy

TEMPER = 0.3
"""What log-densities are multiplied by, since Gaussians are too sure of themselves. Chosen on held-out training
documents of 20 Newsgroups, two topics at a time being new."""

NAME = "extension."
"""What the names of extensions' tensors begin with in a model's folder."""

_NUMBERS = ("sources", "means", "mix", "mix_before")

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Extension:
    """From the topics before to the topics now.

    ``p(n|x) = P(old|x) · Σ_t p(t|x) · q(n|t,x)`` over the topics t that n comes from, where q is a softmax of
    ``τ log N(h; μ_n, Σ) + log π(n)`` over the parts of t, 1 where it has a single one. A topic n that is new has
    ``p(n|x) ∝ π(n) · N(h; μ_n, Σ)^τ``, and the old ones together ``P(old|x) ∝ Σ_t π(t) · N(h; μ_t, Σ)^τ``.

    Args:
        before: The map before.
        sources: 1 where a topic comes from one before, shape (n_topics, n_before); a row of zeros is new.
        means: μ in the coordinates of the model's densities, shape (n_topics, width); of no width where none is needed.
        mix: π of the topics now, shape (n_topics,), sums to 1.
        mix_before: π of the topics before, shape (n_before,).
        scaling: The calibration of the topics before; None: none.
    """

    before: Taxonomy
    sources: NDArray[np.float32]
    means: NDArray[np.float32]
    mix: Array
    mix_before: Array
    scaling: Scaling | None = None

    def to_dict(self) -> dict[str, Any]:
        """What is no tensor, as plain data."""
        scaling = None if self.scaling is None else self.scaling.to_dict()
        return {"before": self.before.to_yaml(), "scaling": scaling}

    def to_tensors(self, place: int) -> dict[str, Tensor]:
        """The numbers, by name, of the extension at a place among others."""
        return {f"{NAME}{place}.{name}": torch.from_numpy(getattr(self, name).copy()) for name in _NUMBERS}

    @classmethod
    def load(cls, data: Mapping[str, Any], tensors: Mapping[str, Tensor], *, place: int) -> Extension:
        """An extension from what ``to_dict`` and ``to_tensors`` gave.

        Args:
            data: Plain data.
            tensors: Numbers by name.
            place: Its place among others.

        Returns:
            The extension.

        Raises:
            ValueError: If its parts do not fit each other.
        """
        before = Taxonomy.from_yaml(data["before"])
        numbers = {name: tensors[f"{NAME}{place}.{name}"].numpy() for name in _NUMBERS}
        n_before, n_topics = len(before.topics), len(numbers["mix"])
        shapes = numbers["sources"].shape, numbers["mix_before"].shape, numbers["means"].shape[:1]
        if shapes != ((n_topics, n_before), (n_before,), (n_topics,)):
            raise ValueError(f"expected an extension of {n_before} topics to {n_topics}")
        given = data["scaling"]
        scaling = None if given is None else Scaling.from_dict(given, n_topics=n_before)
        return cls(before=before, scaling=scaling, **numbers)

    @property
    def is_new(self) -> NDArray[np.bool_]:
        """Whether each topic comes from none before, shape (n_topics,)."""
        new: NDArray[np.bool_] = (self.sources > 0).sum(axis=1) == 0
        return new

    @property
    def is_part(self) -> NDArray[np.bool_]:
        """Whether each topic comes from one that is divided, shape (n_topics,)."""
        divided = (self.sources > 0).sum(axis=0) > 1
        part: NDArray[np.bool_] = (self.sources[:, divided] > 0).sum(axis=1) > 0
        return part

    def density(self, before: TopicDensity | None) -> TopicDensity | None:
        """Where the topics now lie, from where those before did."""
        return None if before is None or not self.means.size else dataclasses.replace(before, means=self.means)

    def apply(self, topics: Tensor, encodings: NDArray[np.floating] | None, density: TopicDensity | None) -> Tensor:
        """Log p of the topics now.

        Args:
            topics: log p(t|x) of the topics before, not calibrated, shape (n_texts, n_before).
            encodings: h, shape (n_texts, width); not read where topics are merged alone.
            density: Where the topics before lie.

        Returns:
            Shape (n_texts, n_topics), of the same type.
        """
        scaled = topics if self.scaling is None else self.scaling.apply(topics)
        logs, new, part = scaled.double().numpy(), self.is_new, self.is_part
        now = self.density(density)
        fits = np.zeros((len(logs), len(self.mix)))
        if now is not None and encodings is not None and (new | part).any():
            fits = TEMPER * now.log_ratios(encodings) + np.log(self.mix)
        found = np.full(fits.shape, -np.inf)
        for place in np.flatnonzero(~new).tolist():
            parts = [
                logs[:, old] + self._share(place, old, fits) for old in np.flatnonzero(self.sources[place]).tolist()
            ]
            found[:, place] = logsumexp(parts, axis=0)
        found -= logsumexp(found, axis=1, keepdims=True)
        if new.any() and density is not None and encodings is not None:
            old = logsumexp(TEMPER * density.log_ratios(encodings) + np.log(self._left()), axis=1)
            total = np.logaddexp(old, logsumexp(fits[:, new], axis=1))
            found += (old - total)[:, None]
            found[:, new] = fits[:, new] - total[:, None]
        return torch.from_numpy(found).to(topics.dtype)

    def _share(self, place: int, old: int, fits: Array) -> Array | float:
        """Log q of a topic among the parts of one before, shape (n_texts,)."""
        parts = np.flatnonzero(self.sources[:, old])
        if len(parts) == 1:
            return 0.0
        share: Array = fits[:, place] - logsumexp(fits[:, parts], axis=1)
        return share

    def _left(self) -> Array:
        """What the mix leaves to each topic before, shape (n_before,), positive."""
        left: Array = self.mix_before * self.mix[~self.is_new].sum()
        return left

    def carried(self, values: Array) -> Array:
        """Evidence for the topics before as evidence for those now: of what they come from the most; 0 for new ones.

        Args:
            values: Shape (n_texts, n_before).

        Returns:
            Shape (n_texts, n_topics).
        """
        columns = [
            values[:, np.flatnonzero(row)].max(axis=1) if row.any() else np.zeros(len(values)) for row in self.sources
        ]
        return np.stack(columns, axis=1)


def extended(
    topics: Tensor,
    encodings: NDArray[np.floating] | None,
    density: TopicDensity | None,
    extensions: Sequence[Extension],
) -> Tensor:
    """Log p of the topics after all extensions, in turn; as they are where there is none.

    Args:
        topics: log p(t|x) of the topics that were trained, shape (n_texts, n_trained).
        encodings: h, shape (n_texts, width); None where there is no encoder.
        density: Where the trained topics lie.
        extensions: From the first to the last.

    Returns:
        Shape (n_texts, n_topics).
    """
    for extension in extensions:
        topics = extension.apply(topics, encodings, density)
        density = extension.density(density) or density
    return topics
