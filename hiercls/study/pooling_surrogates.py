"""Surrogate models: what an auxiliary brings, read off a linear model of how random sets of auxiliaries do together.

Knows training documents as words with labels; trains no network and reads no test document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.sparse import csr_array, vstack
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold

from hiercls.study.pooling_documents import Documents, TaskData
from hiercls.study.pooling_tasks import Pair, Task

N_SETS, N_FOLDS = 40, 5
"""Random sets of auxiliaries for each main task; parts of its documents, of which one in turn is held out."""


def surrogate_effects(
    documents: Documents, pairs: Sequence[Pair], *, per_class: int, repeat: int, n_sets: int = N_SETS
) -> np.ndarray:
    """What each auxiliary brings its main task in the company of random others, by a linear surrogate.

    Each auxiliary of a main task is in a set with probability ½. Logistic regression on words is fitted to the main
    task's documents but a fifth, and those of the set, A and its sibling as one class, B and its sibling as the other;
    the log-likelihood of the fifth is explained as ``held-out fifth + Σ_auxiliary θ · [in the set]``.

    Args:
        documents: The corpus.
        pairs: The pairs.
        per_class: Training documents of each topic.
        repeat: Which repeat.
        n_sets: Sets for each main task.

    Returns:
        θ of each pair's auxiliary, shape (n_pairs, 1).

    Source:
        Li, Nguyen and Zhang, Identification of Negative Transfers in Multitask Learning Using Surrogate Models,
        TMLR 2023, §3.
    """
    tasks = dict.fromkeys(task for pair in pairs for task in pair.tasks)
    data = {task: documents.draw(task, per_class=per_class, repeat=repeat) for task in tasks}
    by_main: dict[Task, list[Task]] = {}
    for pair in pairs:
        by_main.setdefault(pair.main, []).append(pair.auxiliary)
    random = np.random.default_rng(repeat)
    found = {main: _effects(main, others, data, random, n_sets) for main, others in by_main.items()}
    return np.array([[found[pair.main][by_main[pair.main].index(pair.auxiliary)]] for pair in pairs])


def _effects(
    main: Task, others: Sequence[Task], data: Mapping[Task, TaskData], random: np.random.Generator, n_sets: int
) -> np.ndarray:
    """θ of a main task's auxiliaries, shape (n_auxiliaries,)."""
    labels = data[main].labels
    folds = [*StratifiedKFold(N_FOLDS, shuffle=True, random_state=0).split(labels, labels)]
    chosen = random.random((n_sets, len(others))) < 0.5
    held = np.arange(n_sets) % N_FOLDS
    scores = np.array(
        [
            _score(data[main], [data[other] for other, taken in zip(others, row, strict=True) if taken], *folds[fold])
            for row, fold in zip(chosen, held, strict=True)
        ]
    )
    design = np.hstack([chosen, np.eye(N_FOLDS)[held]]).astype(float)
    effects: np.ndarray = Ridge(alpha=1.0).fit(design, scores).coef_[: len(others)]
    return effects


def _score(main: TaskData, others: Sequence[TaskData], learnt: np.ndarray, held: np.ndarray) -> float:
    """Mean log-likelihood of a main task's held-out documents, where a set of others is learnt from, too."""
    words = csr_array(vstack([main.training[learnt], *(other.training for other in others)]))
    labels = np.concatenate([main.labels[learnt], *(other.labels for other in others)])
    rows = np.concatenate([main.training_rows[learnt], *(other.training_rows for other in others)])
    once = np.unique(rows, return_index=True)[1]
    said = LogisticRegression(C=10.0).fit(words[once], labels[once]).predict_proba(main.training[held])
    return -float(log_loss(main.labels[held], said, labels=[0, 1]))
