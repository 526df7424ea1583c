"""One view's part of the report: its scores, its classes one by one, its curves.

Knows scores and counts; knows no document.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from hiercls.metrics import ProbabilityScores, Reliability, RiskCoverage, ViewScores
from hiercls.plots import Confusion
from hiercls.taxonomy import View

N_MIXED_UP = 5
"""How many pairs of classes are said to be taken for each other."""

MOST_LISTED = 300
"""How many classes are listed, one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassScores:
    """How good the answers at one class are.

    Args:
        name: The class.
        topics: What it holds; on a level, the topics below the node.
        n_documents: The documents that are truly of it.
        recall: The part of them that are answered so; NaN where there are none.
        precision: The part of the answers that are right; NaN where nothing is answered so.
    """

    name: str
    topics: tuple[str, ...]
    n_documents: int
    recall: float
    precision: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ViewPart:
    """All that the report shows of one level or customer.

    Args:
        view: The view.
        is_level: Whether it is a level; else it is a customer.
        scores: How often it is right.
        probabilities: How good its probabilities are.
        confusion: What is taken for what, in the order of the hierarchy.
        reliability: What was promised and what came true.
        curves: How often answers are wrong by how much is answered, by what is done with uncertain documents.
        own: Accuracy, on the same documents, of the best plain classifier that knows the customer's own training
            documents alone; None: it was not given any.
        gain: The 95 % interval of what the one model is ahead of that; None without ``own``.
        learning: That accuracy by how many of these training documents there are, rising, all of them last.
    """

    view: View
    is_level: bool
    scores: ViewScores
    probabilities: ProbabilityScores
    confusion: Confusion
    reliability: Reliability
    curves: Mapping[str, RiskCoverage]
    own: float | None = None
    gain: tuple[float, float] | None = None
    learning: Mapping[int, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The view's name."""
        return self.view.name

    @property
    def title(self) -> str:
        """What kind of view it is, and its name."""
        return f"{'Level' if self.is_level else 'Customer'} {self.name}"

    @property
    def n_own(self) -> int:
        """How many training documents of its own there were."""
        return max(self.learning, default=0)

    @property
    def is_decided(self) -> bool:
        """Whether any label says what is true here."""
        return self.scores.n_documents > 0

    @property
    def verdict(self) -> str:
        """Whether one model for all is better than the customer's own data alone; empty where that is not known."""
        if self.gain is None:
            return ""
        low, high = self.gain
        return "ahead" if low > 0 else "behind" if high < 0 else "no clear difference"

    @property
    def classes(self) -> tuple[ClassScores, ...]:
        """The scores of each class, in the order of the hierarchy."""
        counts = self.confusion.counts
        right, true, said = np.diagonal(counts), counts.sum(axis=1), counts.sum(axis=0)
        return tuple(
            ClassScores(
                name=name,
                topics=self.view.topics_of(name),
                n_documents=int(true[place]),
                recall=_share(right[place], true[place]),
                precision=_share(right[place], said[place]),
            )
            for place, name in enumerate(self.confusion.classes)
        )

    @property
    def listed(self) -> tuple[ClassScores, ...]:
        """The classes that are shown one by one: all, or of too many those with the most mistakes."""
        if len(self.confusion.classes) <= MOST_LISTED:
            return self.classes
        counts = self.confusion.counts
        wrong = counts.sum(axis=1) - np.diagonal(counts)
        classes = self.classes
        return tuple(classes[place] for place in np.sort(np.argsort(-wrong, kind="stable")[:MOST_LISTED]))

    @property
    def mixed_up(self) -> tuple[tuple[str, str, int, float], ...]:
        """What is taken for what most often: true class, answer, documents, and the part of the true class they are."""
        counts, classes = self.confusion.counts, self.confusion.classes
        wrong = counts - np.diag(np.diagonal(counts))
        order = np.argsort(-wrong, axis=None, kind="stable")[:N_MIXED_UP]
        pairs = [divmod(int(place), len(classes)) for place in order]
        return tuple(
            (classes[true], classes[said], int(wrong[true, said]), _share(wrong[true, said], counts[true].sum()))
            for true, said in pairs
            if wrong[true, said]
        )


def _share(part: int, whole: int) -> float:
    """A part of a whole; NaN of nothing."""
    return float(part / whole) if whole else math.nan
