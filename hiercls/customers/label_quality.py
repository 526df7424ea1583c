"""Documents whose label is likely a mistake, by cleanlab's confident learning within one customer's classes.

Knows probabilities and labels as numbers; knows no model and no text. By the extra ``cleanlab``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hiercls.errors import ConfigError, require


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelIssue:
    """A document whose label is likely a mistake.

    Args:
        document: Its position.
        label: The class that it has.
        suggested: The class that is likeliest instead.
        quality: How probable the label is, by the model.
    """

    document: int
    label: str
    suggested: str
    quality: float


def label_issues(probabilities: ArrayLike, labels: ArrayLike, *, classes: Sequence[str]) -> tuple[LabelIssue, ...]:
    """The documents whose label is likely a mistake, the worst first.

    A label is one where another class's probability is above that class's own threshold, the mean of its probability
    over the documents that are labelled with it; the least probable are taken, as many as cleanlab expects there to be.

    Args:
        probabilities: p(k|x) of documents that the model has not learnt from, shape (n_documents, n_classes).
        labels: Their classes by position, shape (n_documents,).
        classes: The classes' names.

    Returns:
        The issues.

    Raises:
        ConfigError: If the shapes do not fit each other.
        MissingExtraError: If cleanlab is not installed.

    Source:
        Northcutt, Jiang and Chuang, Confident Learning, Journal of Artificial Intelligence Research 70, 2021.
    """
    found, given = np.asarray(probabilities, dtype=np.float64), np.asarray(labels, dtype=np.int64)
    if found.shape != (len(given), len(classes)):
        raise ConfigError(f"expected probabilities of {len(given)} × {len(classes)}, got {found.shape}")
    filtering = require("cleanlab.filter", extra="cleanlab")
    if not len(given):
        return ()
    ranked = filtering.find_label_issues(
        given, found / found.sum(axis=1, keepdims=True), return_indices_ranked_by="self_confidence", n_jobs=1
    )
    issues = []
    for document in np.asarray(ranked).tolist():
        others = found[document].copy()
        others[given[document]] = -1.0
        issues.append(
            LabelIssue(
                document=document,
                label=classes[given[document]],
                suggested=classes[int(others.argmax())],
                quality=float(found[document, given[document]]),
            )
        )
    return tuple(issues)
