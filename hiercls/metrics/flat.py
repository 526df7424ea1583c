"""Accuracy and macro-F1 over the classes of one view.

Thin wrappers of torchmetrics. Knows views, not how their classes lie above each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from numpy.typing import ArrayLike

from hiercls.metrics.arrays import pair_up
from hiercls.taxonomy.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewScores:
    """How good predictions at one view are.

    Args:
        view: The level's or customer's name.
        n_documents: The documents that count.
        n_undetermined: The documents left out, since their truth lies within no single class of the view.
        accuracy: The part of the documents that are right; NaN where none counts.
        macro_f1: The mean F1 of the classes that occur; NaN where no document counts.

    Example:
        >>> ViewScores(view="one", n_documents=2, n_undetermined=0, accuracy=0.5, macro_f1=0.33).n_documents
        2
    """

    view: str
    n_documents: int
    n_undetermined: int
    accuracy: float
    macro_f1: float


def evaluate_view(view: View, predicted: ArrayLike, truth: ArrayLike) -> ViewScores:
    """All flat scores of predictions at one view.

    Args:
        view: The view.
        predicted: n_documents indices into the view's classes.
        truth: n_documents indices into the view's classes, −1 where not determined.

    Returns:
        The scores and the counts.

    Example:
        >>> members = {"ABC": [0, 1, 2], "D": [3], "EF": [4, 5]}
        >>> one = View.from_members("one", topics="ABCDEF", members=members)
        >>> evaluate_view(one, [0, 0, 1, 2], [0, 1, 1, -1])
        ViewScores(view='one', n_documents=3, n_undetermined=1, accuracy=0.666..., macro_f1=0.666...)
    """
    n_classes = len(view.classes)
    pairs = pair_up(predicted, truth, n_classes=n_classes)
    return ViewScores(
        view=view.name,
        n_documents=len(pairs.truth),
        n_undetermined=pairs.n_undetermined,
        accuracy=accuracy(pairs.predicted, pairs.truth, n_classes=n_classes),
        macro_f1=macro_f1(pairs.predicted, pairs.truth, n_classes=n_classes),
    )


def accuracy(predicted: ArrayLike, truth: ArrayLike, *, n_classes: int) -> float:
    """The part of the documents whose class is right.

    Args:
        predicted: n_documents class indices.
        truth: n_documents class indices; documents with −1 are left out.
        n_classes: The number of classes.

    Returns:
        A number from 0 to 1; NaN where no document counts.

    Example:
        >>> accuracy([0, 1, 2, 2], [0, 1, 1, -1], n_classes=3)
        0.666...
    """
    return _score("multiclass_accuracy", predicted, truth, n_classes=n_classes, average="micro")


def macro_f1(predicted: ArrayLike, truth: ArrayLike, *, n_classes: int) -> float:
    """The mean over classes of ``F1 = 2·TP / (2·TP + FP + FN)``, every class weighing the same.

    Classes that occur neither in the truths nor in the predictions are left out of the mean, as scikit-learn does.

    Args:
        predicted: n_documents class indices.
        truth: n_documents class indices; documents with −1 are left out.
        n_classes: The number of classes.

    Returns:
        A number from 0 to 1; NaN where no document counts.

    Example:
        >>> macro_f1([0, 1, 1], [0, 1, 2], n_classes=6)
        0.555...
    """
    return _score("multiclass_f1_score", predicted, truth, n_classes=n_classes, average="macro")


def _score(name: str, predicted: ArrayLike, truth: ArrayLike, *, n_classes: int, average: str) -> float:
    """One of torchmetrics' functions, which want two classes at least."""
    import torch
    from torchmetrics.functional import classification

    pairs = pair_up(predicted, truth, n_classes=n_classes)
    if not len(pairs.truth):
        return math.nan
    arrays = (torch.from_numpy(pairs.predicted), torch.from_numpy(pairs.truth))
    score = getattr(classification, name)
    return float(score(*arrays, num_classes=max(2, n_classes), average=average, validate_args=False))
