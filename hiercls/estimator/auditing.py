"""From labelled rows of all customers to the audit of one.

Knows every room above and joins them; trains models anew where the audit shall be cross-fitted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from sklearn.model_selection import GroupKFold

from hiercls.customers import Audit, audit_filing
from hiercls.data.rows import Row, thread_marks
from hiercls.errors import ConfigError
from hiercls.estimator.labelled import groups_of
from hiercls.estimator.tasks import need_one_topic, resolve_one_topic
from hiercls.scoring import Scorer
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.labels import ResolvedLabels

Train = Callable[[Sequence[Row]], Scorer]
"""Trains a scorer like the one there is on other rows."""


def audited(
    taxonomy: Taxonomy,
    scorer: Scorer,
    rows: Sequence[Row],
    *,
    customer: str,
    folds: int | None,
    train: Train,
    progress: bool = False,
) -> tuple[Audit, list[Row]]:
    """Audit one customer by what the model takes for what at the others.

    Args:
        taxonomy: The map.
        scorer: A trained scorer.
        rows: Labelled rows of the customer and of others.
        customer: Whose filing is audited.
        folds: Models to train anew, each on the other customers' rows but its part of them; None: the scorer is taken,
            which must not have been trained on any of the rows.
        train: Trains them.
        progress: Whether to show a bar on standard error.

    Returns:
        The audit, and the customer's rows to which its positions of documents belong.

    Raises:
        DataError: If labels are illegal; all of them are listed.
        ConfigError: If the customer or the others have no documents, or there are too few for so many folds.
    """
    need_one_topic(scorer, "audit")
    labels, mix = resolve_one_topic(taxonomy, rows), scorer.mix.pooled
    here, there = _parties(taxonomy, rows, labels, customer=customer)
    chosen = np.concatenate([here, there])
    topics = np.zeros((len(rows), len(mix)))
    if folds is None or not len(here) or not len(there):
        topics[chosen] = scorer.topics([rows[place].text for place in chosen], progress=progress).double().numpy()
    else:
        topics[chosen] = _cross_fitted(rows, here, there, folds=folds, train=train, mix=mix, progress=progress)
    return audit_scored(taxonomy, rows, labels, topics, customer=customer, pooled=mix)


def audit_scored(
    taxonomy: Taxonomy,
    rows: Sequence[Row],
    labels: ResolvedLabels,
    topics: np.ndarray,
    *,
    customer: str,
    pooled: np.ndarray,
) -> tuple[Audit, list[Row]]:
    """Audit one customer by what a model said of all rows.

    Args:
        taxonomy: The map.
        rows: Labelled rows of the customer and of others.
        labels: Their labels.
        topics: log p(t|x), by a model that was trained on none of them, shape (n_rows, n_topics).
        customer: Whose filing is audited.
        pooled: π, shape (n_topics,).

    Returns:
        The audit, and the customer's rows to which its positions of documents belong.

    Raises:
        ConfigError: If the customer or the others have no documents.
    """
    here, there = _parties(taxonomy, rows, labels, customer=customer)
    found = audit_filing(
        topics[here],
        filed_under(labels, customer)[here],
        view=taxonomy.view(customer),
        reference=topics[there],
        weights=labels.weights[there].toarray(),
        pooled=pooled,
    )
    return found, [rows[place] for place in here.tolist()]


def _parties(
    taxonomy: Taxonomy, rows: Sequence[Row], labels: ResolvedLabels, *, customer: str
) -> tuple[np.ndarray, np.ndarray]:
    """Where the rows are that a customer filed, and those of others."""
    own = groups_of(taxonomy, rows, labels) == customer
    return np.flatnonzero(own & (filed_under(labels, customer) >= 0)), np.flatnonzero(~own)


def filed_under(labels: ResolvedLabels, customer: str) -> np.ndarray:
    """The customer's class of each row.

    Args:
        labels: Labels, met with the map.
        customer: The customer.

    Returns:
        Positions in its view, −1 where a row has no label of the customer's, shape (n_rows,).
    """
    found = [next((place for name, place in sorted(pairs) if name == customer), -1) for pairs in labels.classes]
    return np.array(found, dtype=np.int64)


def _cross_fitted(
    rows: Sequence[Row],
    here: np.ndarray,
    there: np.ndarray,
    *,
    folds: int,
    train: Train,
    mix: np.ndarray,
    progress: bool,
) -> np.ndarray:
    """Log p(t|x) of the customer's rows, then of the others', each by a model that saw neither it nor the customer."""
    random, marks = np.random.default_rng(0), thread_marks(rows)
    names = list(dict.fromkeys(marks))
    number = dict(zip(names, random.permutation(len(names)).tolist(), strict=True))  # customers may come in turn
    groups = np.array([number[mark] for mark in marks])
    if not 2 <= folds <= min(len(here), len(set(groups[there].tolist()))):
        raise ConfigError(
            f"expected 2 folds or more, and a document of the customer and of others in each, got {folds}"
        )
    logs = np.empty((len(here) + len(there), len(mix)))
    part_here = random.permutation(len(here)) % folds
    for fold, (kept, left) in enumerate(GroupKFold(n_splits=folds).split(there, groups=groups[there])):
        scorer = train([rows[place] for place in there[kept].tolist()])
        asked = np.concatenate([np.flatnonzero(part_here == fold), len(here) + left])
        texts = [rows[place].text for place in np.concatenate([here, there])[asked].tolist()]
        shifted = scorer.topics(texts, progress=progress).double().numpy() + np.log(mix) - np.log(scorer.mix.pooled)
        logs[asked] = shifted - np.logaddexp.reduce(shifted, axis=1, keepdims=True)
    return logs
