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
from hiercls.estimator.labelled import groups_of
from hiercls.estimator.mixes import training_priors
from hiercls.estimator.tasks import default_method, has_topic, resolve_all, targets_of, with_threshold
from hiercls.model.novelty import Novelty
from hiercls.scoring import Scorer
from hiercls.taxonomy import Taxonomy


def calibrated(
    taxonomy: Taxonomy,
    scorer: Scorer,
    rows: Sequence[Row],
    *,
    method: Method | None,
    per_customer: bool,
    progress: bool = False,
) -> Scorer:
    """The same scorer, calibrated on held-out rows; what it was calibrated on before is forgotten.

    The rows' novelty is kept too: they are of known topics, so it says how often a rejection is a false alarm. Where a
    document may have several topics, rows that list none are no such rows, and the threshold is chosen again.

    Args:
        taxonomy: The map.
        scorer: A trained scorer.
        rows: Labelled rows that it was not trained on.
        method: What is free; None: as the task has it.
        per_customer: Whether every customer with rows among them gets a scaling of its own, on top of the one for all.
        progress: Whether to show a bar on standard error.

    Returns:
        The calibrated scorer.

    Raises:
        DataError: If there are no rows, or labels that are illegal.
        ConfigError: If there is no such method.
    """
    labels = resolve_all(taxonomy, rows, scorer.task)
    bare = dataclasses.replace(scorer, calibration=None)
    topics, novelty = _said(bare, [row.text for row in rows], has_topic(labels), progress=progress)
    groups = groups_of(taxonomy, rows, labels)
    priors = training_priors(scorer.mix, groups)
    composition = "topic" if scorer.head is None else scorer.head.config.composition
    targets = targets_of(taxonomy, labels, composition=composition, priors=priors)
    own = {name: np.flatnonzero(groups == name) for name in taxonomy.customers if per_customer and name in groups}
    chosen = default_method(scorer.task) if method is None else method
    calibration = calibrate(topics, targets, method=chosen, groups=own, task=scorer.task)
    found = dataclasses.replace(bare, calibration=calibration, novelty=novelty)
    scaled = calibration.pooled.apply(topics, task=scorer.task)
    return dataclasses.replace(found, task=with_threshold(found.task, taxonomy, scaled, labels, classes=found.classes))


def _said(scorer: Scorer, texts: Sequence[str], known: np.ndarray, *, progress: bool) -> tuple[Tensor, Novelty]:
    """Log p(t|x), and the novelty of those documents that are of known topics."""
    if not scorer.knows_novelty:
        return scorer.topics(texts, progress=progress), scorer.novelty
    topics, scores = scorer.topics_and_novelty(texts, progress=progress)
    return topics, dataclasses.replace(scorer.novelty, heldout=np.sort(scores[known]))


def without_customer(scorer: Scorer, customer: str) -> Scorer:
    """The same scorer without what it knows of one customer's calibration and filing."""
    filings = {name: filing for name, filing in scorer.filings.items() if name != customer}
    calibration = None if scorer.calibration is None else scorer.calibration.without(customer)
    return dataclasses.replace(scorer, calibration=calibration, filings=filings)
