"""Answers as columns of an Arrow table: classes by name, how probable they are, the likeliest few, or all.

Knows views, probabilities and Arrow; knows no text and no model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from torch import Tensor

from hiercls.errors import require
from hiercls.model.multilabel import SeveralTopics
from hiercls.model.task import Task
from hiercls.taxonomy import View

CLASSES = b"classes"
"""The key in a field's metadata under which the names stand, in JSON, that a list of all probabilities follows."""


def column_names(view: str, *, top_k: int, probabilities: bool) -> tuple[str, ...]:
    """The columns of a view's answers.

    Args:
        view: The view's name.
        top_k: How many of the likeliest classes are listed; 0: none are.
        probabilities: Whether all probabilities are.

    Returns:
        The names, in order.

    Example:
        >>> column_names("one", top_k=3, probabilities=False)
        ('one', 'one_probability', 'one_top')
    """
    more = (("top", top_k > 0), ("probabilities", probabilities))
    return (view, f"{view}_probability", *(f"{view}_{name}" for name, wanted in more if wanted))


def answer_columns(
    task: Task, classes: Tensor, view: View, *, top_k: int, probabilities: bool
) -> Iterator[tuple[Any, Any]]:
    """A view's answers as Arrow has them.

    Args:
        task: Whether a document has one class or several.
        classes: log p(k|x), shape (n_texts, n_classes).
        view: The view that the classes are of.
        top_k: How many of the likeliest classes are listed; 0: none are.
        probabilities: Whether all probabilities are.

    Yields:
        Field and column of each of :func:`column_names`, each column of n_texts rows: the predicted class and its
        probability, or lists of them where there may be several; the likeliest as structures of label and probability;
        all probabilities as lists of one length.
    """
    arrow = require("pyarrow", extra="tables")
    shares = classes.exp()
    names = arrow.array(view.classes, arrow.string())
    columns = [*_predicted(arrow, task, classes, shares, names)]
    if top_k:
        columns.append(_top(arrow, shares, names, top_k=min(top_k, len(view.classes))))
    if probabilities:
        values = arrow.array(shares.numpy().reshape(-1), arrow.float32())
        columns.append(arrow.FixedSizeListArray.from_arrays(values, len(view.classes)))
    titles = column_names(view.name, top_k=top_k, probabilities=probabilities)
    for title, column in zip(titles, columns, strict=True):
        told = {CLASSES: json.dumps(view.classes).encode()} if title.endswith("_probabilities") else None
        yield arrow.field(title, column.type, metadata=told), column


def _predicted(arrow: Any, task: Task, classes: Tensor, shares: Tensor, names: Any) -> tuple[Any, Any]:
    """The predicted class, or classes, and how probable they are."""
    if not isinstance(task, SeveralTopics):
        best = shares.max(dim=-1)
        likeliest = classes.argmax(dim=-1).numpy()
        return names.take(arrow.array(likeliest)), arrow.array(best.values.numpy(), arrow.float32())
    chosen = task.chosen(classes)
    offsets = arrow.array(np.concatenate([[0], chosen.sum(axis=1).cumsum()]), arrow.int32())
    labels = names.take(arrow.array(chosen.nonzero()[1]))
    values = arrow.array(shares.numpy()[chosen], arrow.float32())
    return arrow.ListArray.from_arrays(offsets, labels), arrow.ListArray.from_arrays(offsets, values)


def _top(arrow: Any, shares: Tensor, names: Any, *, top_k: int) -> Any:
    """The likeliest classes with their probabilities, the likeliest first."""
    likeliest = shares.topk(top_k, dim=-1)
    labels = names.take(arrow.array(likeliest.indices.numpy().reshape(-1)))
    values = arrow.array(likeliest.values.numpy().reshape(-1), arrow.float32())
    entries = arrow.StructArray.from_arrays([labels, values], names=["label", "probability"])
    offsets = arrow.array(np.arange(len(shares) + 1) * top_k, arrow.int32())
    return arrow.ListArray.from_arrays(offsets, entries)
