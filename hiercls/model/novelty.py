"""How unlike all known topics a document is: the likelihood of its encoding and words with the topics, and without.

A softmax shares out its mass among the topics that it knows, whatever comes; densities can say that none fits.
Knows encodings and scores as arrays; knows no text, no label and no training.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hiercls.errors import ConfigError

Array = NDArray[np.float64]
Stored = NDArray[np.float32]
"""What is saved with a model; computed with in double precision."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TopicDensity:
    """A Gaussian around each topic's mean encoding, beside one around all documents' mean.

    Encodings h are written as ``x = projection · (h − centre)``, in which all documents have covariance 1 and the
    documents of a topic, around its mean m_t, the diagonal one ``spread``.

    Args:
        centre: The mean of all encodings, shape (width,).
        projection: Shape (width, width).
        means: m_t, shape (n_topics, width).
        spread: Variances around the topics' means, shape (width,), positive.
    """

    centre: Stored
    projection: Stored
    means: Stored
    spread: Stored

    def log_ratios(self, encodings: NDArray[np.floating]) -> Array:
        """How much likelier each encoding is among a topic's documents than among all.

        ``log N(h; μ_t, Σ_within) − log N(h; μ, Σ_all)``

        Args:
            encodings: h, shape (n_texts, width).

        Returns:
            Shape (n_texts, n_topics).
        """
        means, spread = self.means.astype(np.float64), self.spread.astype(np.float64)
        x = (encodings.astype(np.float64) - self.centre) @ self.projection.T.astype(np.float64)
        scaled = means / spread
        near = (x**2 / spread).sum(axis=1)[:, None] - 2 * x @ scaled.T + (means * scaled).sum(axis=1)
        ratios: Array = ((x**2).sum(axis=1)[:, None] - near - np.log(spread).sum()) / 2
        return ratios


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Novelty:
    """What tells documents of no known topic from others.

    Args:
        density: Where the known topics' encodings lie; None where there is no encoder.
        heldout: Scores of documents of known topics that were not trained on, sorted; None before calibration.
    """

    density: TopicDensity | None = None
    heldout: Array | None = None

    def p_values(self, scores: Array) -> Array:
        """How probable it is that a document of a known topic looks at least as new.

        ``p = (1 + #{held-out scores ≥ s}) / (1 + n_heldout)``, which is at most α with a probability of at most α if
        the document comes from where the held-out ones did.

        Args:
            scores: Novelty scores s, shape (n_texts,).

        Returns:
            Shape (n_texts,).

        Raises:
            ConfigError: If there are no held-out scores.

        Example:
            >>> Novelty(heldout=np.array([1.0, 2.0, 3.0])).p_values(np.array([0.5, 2.5, 9.0])).tolist()
            [1.0, 0.5, 0.25]

        Source:
            Bates et al., "Testing for outliers with conformal p-values", Annals of Statistics 2023, equation 4.
        """
        if self.heldout is None:
            raise ConfigError(
                "to say what is out of scope at a rate of false alarms, the model must have seen documents in scope "
                "that it was not trained on; give labelled ones to calibrate()"
            )
        n_above = len(self.heldout) - np.searchsorted(self.heldout, scores, side="left")
        p_values: Array = (1 + n_above) / (1 + len(self.heldout))
        return p_values

    def is_novel(self, scores: Array, *, false_alarms: float) -> NDArray[np.bool_]:
        """Which documents are reported as out of scope.

        Args:
            scores: Novelty scores, shape (n_texts,).
            false_alarms: The part of documents of known topics that may be reported, between 0 and 1.

        Returns:
            True for those whose p-value is at most that, shape (n_texts,).

        Raises:
            ConfigError: If that is no such rate, or too small for the held-out scores that there are.
        """
        if not 0 < false_alarms < 1:
            raise ConfigError(f"expected 0 < false_alarms < 1, got {false_alarms}")
        p_values = self.p_values(scores)
        n_heldout = 0 if self.heldout is None else len(self.heldout)
        if 1 / (1 + n_heldout) > false_alarms:
            raise ConfigError(
                f"false_alarms={false_alarms:g} cannot be told from 0 with {n_heldout:,} held-out documents; calibrate "
                f"on at least {int(np.ceil(1 / false_alarms)) - 1:,}, or allow more false alarms"
            )
        novel: NDArray[np.bool_] = p_values <= false_alarms
        return novel
