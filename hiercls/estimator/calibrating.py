"""From labelled rows to a calibrated scorer.

Knows every room above and joins them; knows no scikit-learn and no file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from hiercls.calibration import Method, calibrate
from hiercls.data.rows import Row
from hiercls.estimator import fitting
from hiercls.estimator.mixes import training_priors
from hiercls.estimator.tasks import need_one_topic, resolve_one_topic
from hiercls.model.novelty import Novelty
from hiercls.model.targets import TargetTable
from hiercls.scoring import Scorer
from hiercls.taxonomy import Taxonomy


def calibrated(
    taxonomy: Taxonomy,
    scorer: Scorer,
    rows: Sequence[Row],
    *,
    method: Method,
    per_customer: bool,
    progress: bool = False,
) -> Scorer:
    """The same scorer, calibrated on held-out rows; what it was calibrated on before is forgotten.

    The rows' novelty is kept too: they are of known topics, so it says how often a rejection is a false alarm.

    Args:
        taxonomy: The map.
        scorer: A trained scorer.
        rows: Labelled rows that it was not trained on.
        method: What is free.
        per_customer: Whether every customer with rows among them gets a scaling of its own, on top of the one for all.
        progress: Whether to show a bar on standard error.

    Returns:
        The calibrated scorer.

    Raises:
        DataError: If there are no rows, or labels that are illegal.
        ConfigError: If there is no such method.
    """
    need_one_topic(scorer, "calibrate")
    labels = resolve_one_topic(taxonomy, rows)
    bare = dataclasses.replace(scorer, calibration=None)
    topics, novelty = _said(bare, [row.text for row in rows], progress=progress)
    groups = fitting.groups_of(taxonomy, rows, labels)
    priors = training_priors(scorer.mix, groups)
    composition = "topic" if scorer.head is None else scorer.head.config.composition
    targets = TargetTable(taxonomy, labels, composition=composition, priors=priors)
    own = {name: np.flatnonzero(groups == name) for name in taxonomy.customers if per_customer and name in groups}
    return dataclasses.replace(bare, calibration=calibrate(topics, targets, method=method, groups=own), novelty=novelty)


def _said(scorer: Scorer, texts: Sequence[str], *, progress: bool) -> tuple[Tensor, Novelty]:
    """Log p(t|x), and the novelty of documents of known topics."""
    if not scorer.knows_novelty:
        return scorer.topics(texts, progress=progress), scorer.novelty
    topics, scores = scorer.topics_and_novelty(texts, progress=progress)
    return topics, dataclasses.replace(scorer.novelty, heldout=np.sort(scores))


def without_customer(scorer: Scorer, customer: str) -> Scorer:
    """The same scorer without what it knows of one customer's calibration."""
    if scorer.calibration is None:
        return scorer
    return dataclasses.replace(scorer, calibration=scorer.calibration.without(customer))
