"""The part of the scikit-learn face that reads its encoder for other labels than the map's.

Knows scikit-learn's conventions; the work is done in ``hiercls.customers`` and ``hiercls.model.surgery``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from hiercls.customers.repurpose import Repurposer
from hiercls.data.rows import make_rows
from hiercls.encoding.engine import EncodingEngine
from hiercls.errors import ConfigError
from hiercls.model.surgery import layer_outputs
from hiercls.scoring import Scorer


class RepurposingMixin:
    """Heads on the encoder of a trained model, for an estimator that has a scorer."""

    scorer_: Scorer
    verbose: bool

    def features(self, texts: Iterable[str], *, layers: Sequence[str] = ()) -> dict[str, np.ndarray]:
        """What the encoder makes of texts, as a ``Repurposer`` reads it.

        Args:
            texts: n_texts strings.
            layers: Names of parts of the encoder, as ``hiercls.model.surgery.layer_names`` lists them; none: the
                encodings themselves, under ``encoding``.

        Returns:
            By layer, shape (n_texts, width).

        Raises:
            DataError: If texts are illegal.
            ConfigError: If the model has no encoder, or it has no such part.
        """
        engine = self._encoding_engine()
        given = [row.text for row in make_rows(texts)]
        if layers:
            return layer_outputs(engine.encoder, given, layers)
        return {"encoding": engine.encode(given, progress=self.verbose)}

    def repurpose(
        self,
        texts: Iterable[str],
        labels: Iterable[Any],
        *,
        head: Any = "logistic-regression",
        layers: Sequence[str] = (),
        random_state: int = 0,
    ) -> Repurposer:
        """A head for labels that have nothing to do with the topics, on the encoder as it is.

        Args:
            texts: n_texts strings.
            labels: For each its class.
            head: A name of ``hiercls.customers.heads.HEADS``, or a classifier of scikit-learn.
            layers: As in ``features``.
            random_state: Seed of folds, and of heads that draw.

        Returns:
            The head, its strength chosen by cross-validation; it predicts from ``features(texts, layers=layers)``.

        Raises:
            DataError: If texts are illegal.
            ConfigError: If the model has no encoder, there is no such head, or there are not two classes.
        """
        return Repurposer(head, random_state=random_state).fit(self.features(texts, layers=layers), list(labels))

    def _encoding_engine(self) -> EncodingEngine:
        """The engine of the trained model."""
        check_is_fitted(self, "scorer_")
        if self.scorer_.engine is None:
            raise ConfigError("this model has no encoder whose features could be read: encoder=None reads words alone")
        return self.scorer_.engine
