"""The 30 features of the pooling study, by which a gain is foretold: words, their distributions, learning curves.

Knows a task's documents and its training loss when learnt alone; knows no joint run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import curve_fit
from scipy.sparse import csr_array
from scipy.spatial.distance import jensenshannon
from sklearn.feature_extraction.text import CountVectorizer

from hiercls.study.pooling_documents import Documents, TaskData
from hiercls.study.pooling_tasks import Pair, Task

POINTS = (0.10, 0.25, 0.50, 0.75)
"""Where on a learning curve its gradient is taken."""

OF_A_TASK = ("JSD class 0, class 1", "words", "curve a", "curve c", *(f"gradient {point:.0%}" for point in POINTS))
OF_A_PAIR = (
    "words in test",
    "JSD test, class 0",
    "JSD test, class 1",
    "JSD class 0, auxiliary's",
    "JSD class 1, auxiliary's",
    "out of vocabulary",
)
FEATURES = (*(f"{name}, {whose}" for whose in ("main", "auxiliary", "ratio") for name in OF_A_TASK), *OF_A_PAIR)
"""Their names, in the order of the public code."""

SUBSETS: Mapping[str, tuple[int, ...]] = {
    "all": tuple(range(30)),
    "without test data": tuple(place for place in range(30) if place not in (24, 25, 26, 29)),
    "curves alone": tuple(8 * whose + place for whose in range(3) for place in range(2, 8)),
    "without curves": tuple(place for place in range(30) if place >= 24 or place % 8 < 2),
    "without ratios": tuple(place for place in range(30) if place not in range(16, 24)),
}
"""The groups of features of the paper's Table 2, by their positions."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Words:
    """How often every word stands in every document.

    Args:
        training: Counts in the training documents, n_documents × n_words.
        test: Counts in the test documents.
    """

    training: csr_array
    test: csr_array

    @classmethod
    def of(cls, documents: Documents) -> Words:
        """Count all words of a corpus.

        Args:
            documents: The corpus.

        Returns:
            The counts.
        """
        training, test = documents.training.texts, documents.test.texts
        counts = csr_array(CountVectorizer(token_pattern=r"\w+").fit_transform([*training, *test]))
        return cls(training=counts[: len(training)], test=counts[len(training) :])

    def by_class(self, task: TaskData) -> np.ndarray:
        """Counts in a task's training documents of class 0 and of class 1, shape (2, n_words)."""
        rows = [task.training_rows[task.labels == label] for label in (0, 1)]
        return np.stack([self.training[some].sum(axis=0) for some in rows])

    def in_test(self, task: TaskData) -> np.ndarray:
        """Counts in a task's test documents, shape (n_words,)."""
        found: np.ndarray = self.test[task.test_rows].sum(axis=0)
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TaskFigures:
    """What features are made of, for one task.

    Args:
        own: The eight figures that main and auxiliary both have, in the order of ``OF_A_TASK``.
        classes: Words of both classes in training, shape (2, n_words).
        test: Words in the test documents, shape (n_words,).
    """

    own: np.ndarray
    classes: np.ndarray
    test: np.ndarray


def task_figures(words: Words, task: TaskData, losses: np.ndarray, *, epoch: int) -> TaskFigures:
    """Measure one task.

    Args:
        words: The corpus's words.
        task: The task's documents.
        losses: Its training loss when learnt alone, shape (n_epochs,).
        epoch: The epoch at which F1 is read: gradients are taken on the curve up to it.

    Returns:
        The figures.
    """
    classes = words.by_class(task)
    n_words = np.count_nonzero(classes.sum(axis=0))
    own = [divergence(*classes), n_words, *fitted_curve(losses), *gradients(losses[:epoch])]
    return TaskFigures(own=np.array(own), classes=classes, test=words.in_test(task))


def features(main: TaskFigures, auxiliary: TaskFigures) -> np.ndarray:
    """The 30 features of a pair.

    Args:
        main: The main task's figures.
        auxiliary: The auxiliary's.

    Returns:
        An array of shape (30,), in the order of ``FEATURES``.
    """
    ratio = np.divide(main.own, auxiliary.own, out=np.zeros_like(main.own), where=auxiliary.own != 0)
    known, tested = main.classes.sum(axis=0) > 0, main.test > 0
    n_tested = np.count_nonzero(tested)
    rest = [
        n_tested,
        *(divergence(main.test, counts) for counts in main.classes),
        *(divergence(one, other) for one, other in zip(main.classes, auxiliary.classes, strict=True)),
        np.count_nonzero(tested & ~known) / n_tested,
    ]
    return np.concatenate([main.own, auxiliary.own, ratio, rest])


def divergence(one: np.ndarray, other: np.ndarray) -> float:
    """Jensen–Shannon divergence of two distributions of words, in nats.

    Args:
        one: Counts, shape (n_words,).
        other: Counts, shape (n_words,).

    Returns:
        Between 0 and ln 2.

    Example:
        >>> divergence(np.array([1, 1]), np.array([3, 3])), round(divergence(np.array([1, 0]), np.array([0, 1])), 3)
        (0.0, 0.693)
    """
    return float(jensenshannon(one, other) ** 2)


def fitted_curve(losses: np.ndarray) -> tuple[float, float]:
    """The ``a`` and ``c`` of a·ln(c·i + d) + b fitted to a learning curve by least squares from ones.

    Only three of the four can be found, since a·ln(c·i + d) + b = a·ln(i + d/c) + (b + a·ln c): what c comes out as
    depends on where the search begins. It does so in the published study, too.

    Args:
        losses: The loss after each epoch, shape (n_epochs,).

    Returns:
        a and c; where the search does not end, those of the best curve with c = 1.
    """
    epochs = np.arange(len(losses), dtype=float)
    bounds = ([-np.inf, -np.inf, 1e-9, 1e-9], np.inf)
    try:
        found, _ = curve_fit(_curve, epochs, losses, p0=np.ones(4), bounds=bounds, max_nfev=2000)
    except RuntimeError:
        slope, _ = np.polyfit(np.log1p(epochs), losses, 1)
        return float(slope), 1.0
    return float(found[0]), float(found[2])


def _curve(epochs: np.ndarray, a: float, b: float, c: float, d: float) -> np.ndarray:
    return a * np.log(c * epochs + d) + b


def gradients(losses: np.ndarray) -> list[float]:
    """Central differences of a learning curve at four points of it.

    Args:
        losses: The loss after each epoch.

    Returns:
        Four slopes per epoch.

    Example:
        >>> gradients(np.arange(100.0))
        [1.0, 1.0, 1.0, 1.0]
    """
    places = [int(len(losses) * point) for point in POINTS]
    return [float(losses[place + 1] - losses[place - 1]) / 2 for place in places]


def all_features(
    documents: Documents,
    words: Words,
    pairs: tuple[Pair, ...],
    losses: Mapping[Task, np.ndarray],
    *,
    per_class: int,
    repeat: int,
    epoch: int,
) -> np.ndarray:
    """The features of all pairs of a repeat.

    Args:
        documents: The corpus.
        words: Its words.
        pairs: The pairs.
        losses: Each task's training loss when learnt alone.
        per_class: Training documents of each topic.
        repeat: Which repeat.
        epoch: The epoch at which F1 is read.

    Returns:
        An array of shape (n_pairs, 30).
    """
    figures = {
        task: task_figures(words, documents.draw(task, per_class=per_class, repeat=repeat), curve, epoch=epoch)
        for task, curve in losses.items()
    }
    return np.stack([features(figures[pair.main], figures[pair.auxiliary]) for pair in pairs])
