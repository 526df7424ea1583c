"""What a comparison of methods found: accuracies by column, and how far the first method is ahead of the others.

Knows answers by method, view and split; knows no model and no text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import mean

from hiercls.study.compare import SplitResult
from hiercls.study.paired import Answers, Difference, paired_difference
from hiercls.study.splits import Split

MEAN = "customers' mean"
"""The column that averages the customers."""


@dataclass(slots=True)
class Results:
    """The answers of all methods on all splits, as they come in.

    Args:
        splits: The splits.
        methods: The methods, the one that the others are compared with first.
    """

    splits: Sequence[Split]
    methods: Sequence[str]
    _seconds: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    _answers: dict[tuple[str, str], dict[int, Answers]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, result: SplitResult) -> None:
        """Take one method's answers on one split."""
        self._seconds[result.method][result.seed] = result.seconds
        for view, answers in result.answers.items():
            self._answers[result.method, view][result.seed] = answers

    @property
    def columns(self) -> dict[str, tuple[str, ...]]:
        """The views that each column averages: the customers' mean, each customer, the levels from the topics up."""
        taxonomy, tested = self.splits[0].taxonomy, {view for split in self.splits for view in split.views}
        customers = tuple(name for name in taxonomy.customers if name in tested)
        averaged = {MEAN: customers} if len(customers) > 1 else {}
        levels = [name for name in reversed(taxonomy.levels) if name in tested]
        return {**averaged, **{name: (name,) for name in (*customers, *levels)}}

    def seconds(self, method: str) -> list[float]:
        """What a method's training and prediction took, one value a seed."""
        return [self._seconds[method][split.seed] for split in self.splits]

    def accuracies(self, method: str, column: str) -> list[float]:
        """A method's accuracy in a column.

        Args:
            method: Its name.
            column: One of ``columns``.

        Returns:
            One value a seed; empty where the method cannot answer at all of the column's views.
        """
        if not self._answers_everywhere(method, column):
            return []
        views = self.columns[column]
        seeds = self._seeds(views)
        return [mean(self._answers[method, view][seed].accuracy for view in views) for seed in seeds]

    def rival(self, column: str) -> str | None:
        """The best of the other methods by these test documents, in its favour; None where no other can answer."""
        scores = {method: self.accuracies(method, column) for method in self.methods[1:]}
        able = {method: mean(values) for method, values in scores.items() if values}
        return max(able, key=lambda method: able[method]) if able else None

    def difference(self, column: str, method: str) -> Difference:
        """How far the first method is ahead of another in a column, paired over the test documents."""
        views = self.columns[column]
        places = [(view, seed) for seed in self._seeds(views) for view in views]
        ours, theirs = (
            [self._answers[name, view][seed] for view, seed in places] for name in (self.methods[0], method)
        )
        return paired_difference(ours, theirs)

    def _seeds(self, views: Sequence[str]) -> list[int]:
        """The splits in which some test document is known at each view."""
        return [split.seed for split in self.splits if set(views) <= set(split.views)]

    def _answers_everywhere(self, method: str, column: str) -> bool:
        """Whether a method has answered at all views of a column in all splits where they are tested."""
        views = self.columns[column]
        seeds = self._seeds(views)
        return bool(seeds) and all(seed in self._answers[method, view] for view in views for seed in seeds)
