"""What a trained model makes of a customer's labels: which of them are likely mistakes.

Joins rows, a model and ``hiercls.customers.label_quality``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from hiercls.customers.label_quality import LabelIssue, label_issues
from hiercls.data.rows import Row
from hiercls.estimator.tasks import need_one_topic, resolve_one_topic


def find_label_issues(classifier: Any, rows: Sequence[Row], *, at: str) -> tuple[LabelIssue, ...]:
    """The rows whose label at a customer's classes is likely a mistake, the worst first.

    Args:
        classifier: A trained estimator, which must not have learnt from these rows.
        rows: Labelled rows; those whose labels decide no class of the view are left aside.
        at: A customer, or a level.

    Returns:
        The issues; their ``document`` is the position in ``rows``.

    Raises:
        DataError: If labels are illegal; all of them are listed.
        ConfigError: If there is no such view, or documents may have several topics.
        MissingExtraError: If cleanlab is not installed.
    """
    need_one_topic(classifier.scorer_, "finding mistaken labels")
    view = classifier.taxonomy_.view(at)
    labelled = [place for place, row in enumerate(rows) if row.labels]
    classes = resolve_one_topic(classifier.taxonomy_, [rows[place] for place in labelled]).project(view)
    decided = np.flatnonzero(classes >= 0)
    places = np.array(labelled, dtype=np.int64)[decided]
    probabilities = classifier.predict_proba([rows[place].text for place in places], at=at)
    issues = label_issues(probabilities, classes[decided], classes=view.classes)
    return tuple(dataclasses.replace(issue, document=int(places[issue.document])) for issue in issues)
