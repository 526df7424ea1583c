"""The pooling study's question with a frozen encoder and one head on the union, instead of words and two outputs.

Knows encodings and labels; trains no network.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegressionCV
from sklearn.metrics import f1_score

from hiercls.study.pooling_documents import Documents, TaskData
from hiercls.study.pooling_tasks import Pair, Task, joint_runs

STRENGTHS = (0.001, 0.01, 0.1)


def union_scores(
    documents: Documents,
    encodings: tuple[np.ndarray, np.ndarray],
    pairs: Sequence[Pair],
    *,
    per_class: int,
    repeat: int,
) -> tuple[np.ndarray, np.ndarray]:
    """F1 of each main task alone, and from the union with its auxiliary.

    In the union A and its sibling C are one class, B and its sibling D the other: two customers who file by group, one
    of whom has A and B, the other C and D. Regularisation is chosen on held-out fifths of what is trained on.

    Args:
        documents: The corpus.
        encodings: Encodings of its training and test documents.
        pairs: The pairs.
        per_class: Training documents of each topic.
        repeat: Which repeat.

    Returns:
        Two arrays of shape (n_pairs,).
    """
    data = {
        task: documents.draw(task, per_class=per_class, repeat=repeat)
        for task in dict.fromkeys(task for pair in pairs for task in pair.tasks)
    }
    alone = {task: _scores([task], data, encodings)[task] for task in data}
    pooled: Mapping[tuple[Task, Task], Mapping[Task, float]] = {
        run: _scores(run, data, encodings) for run in joint_runs(pairs)
    }
    return (
        np.array([alone[pair.main] for pair in pairs]),
        np.array([pooled[pair.tasks][pair.main] for pair in pairs]),
    )


def _scores(
    tasks: Sequence[Task], data: Mapping[Task, TaskData], encodings: tuple[np.ndarray, np.ndarray]
) -> dict[Task, float]:
    """Fit one head on all of the tasks' documents; F1 of class 1 on each task's test documents."""
    rows = np.concatenate([data[task].training_rows for task in tasks])
    labels = np.concatenate([data[task].labels for task in tasks])
    rows, first = np.unique(rows, return_index=True)
    head = LogisticRegressionCV(
        Cs=STRENGTHS, cv=5, scoring="neg_log_loss", l1_ratios=(0.0,), use_legacy_attributes=False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        head.fit(encodings[0][rows], labels[first])
    return {
        task: float(f1_score(data[task].truth, head.predict(encodings[1][data[task].test_rows]), zero_division=0.0))
        for task in tasks
    }
