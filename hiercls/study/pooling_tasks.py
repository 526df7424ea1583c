"""The tasks of the pooling study: which topic is told from which, beside which other, on which documents.

Knows the taxonomy, TF-IDF and draws of documents; knows no network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Literal

import numpy as np
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfVectorizer

from hiercls.errors import ConfigError
from hiercls.study.corpus import Corpus
from hiercls.taxonomy import Taxonomy

Task = tuple[str, str]
"""Two topics to be told apart: the class 0 and the class 1."""

Kind = Literal["related", "unrelated"]

N_COLUMNS, MOST_TESTED = 10_000, 700


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Pair:
    """A main task, and the auxiliary task that is learnt beside it.

    Args:
        main: Topics A and B.
        auxiliary: Topics C and D, C a sibling of A and D a sibling of B.
    """

    main: Task
    auxiliary: Task

    @property
    def tasks(self) -> tuple[Task, Task]:
        """Both tasks, in an order that does not depend on which is main: one joint run serves both roles."""
        return min(self.main, self.auxiliary), max(self.main, self.auxiliary)


def pairs(taxonomy: Taxonomy, kind: Kind) -> tuple[Pair, ...]:
    """All pairs of a main and an auxiliary task.

    A main task tells topic A from topic B of different groups (nodes of the level above the topics); its auxiliary
    tells a sibling of A from a sibling of B.

    Args:
        taxonomy: A hierarchy of three levels.
        kind: ``related``: both groups are under one node of the first level; ``unrelated``: any two groups.

    Returns:
        The pairs, in the taxonomy's order.

    Raises:
        ConfigError: If the hierarchy has not three levels.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> taxonomy = Taxonomy.from_yaml(shipped("newsgroups"))
        >>> len(pairs(taxonomy, "related")), len(pairs(taxonomy, "unrelated"))
        (52, 516)
    """
    if len(taxonomy.levels) != 3:
        raise ConfigError(f"expected a hierarchy of three levels, got {len(taxonomy.levels)}: {taxonomy.levels}")
    domains, groups = (taxonomy.view(level) for level in taxonomy.levels[:2])
    found = []
    for one, other in combinations(groups.classes, 2):
        firsts, seconds = groups.topics_of(one), groups.topics_of(other)
        if kind == "unrelated" or any({*firsts, *seconds} <= set(domains.topics_of(node)) for node in domains.classes):
            for main, auxiliary in product(product(firsts, seconds), repeat=2):
                if main[0] != auxiliary[0] and main[1] != auxiliary[1]:
                    found.append(Pair(main=main, auxiliary=auxiliary))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TaskData:
    """One task's documents.

    Args:
        training: TF-IDF of the training documents, n_documents × n_columns, float32.
        labels: Their classes, 0 or 1.
        test: TF-IDF of the test documents.
        truth: Their classes.
        training_rows: Which of the corpus's training documents they are.
        test_rows: Which of its test documents.
    """

    training: csr_array
    labels: np.ndarray
    test: csr_array
    truth: np.ndarray
    training_rows: np.ndarray
    test_rows: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Documents:
    """A corpus as TF-IDF of single words, the most frequent ones of all training documents.

    Args:
        taxonomy: The map.
        training: Training documents.
        test: Test documents.
        matrices: The TF-IDF of both.
    """

    taxonomy: Taxonomy
    training: Corpus
    test: Corpus
    matrices: tuple[csr_array, csr_array]

    @classmethod
    def of(cls, taxonomy: Taxonomy, training: Corpus, test: Corpus, *, n_columns: int = N_COLUMNS) -> Documents:
        """Count the words.

        Args:
            taxonomy: The map.
            training: Training documents.
            test: Test documents.
            n_columns: How many words.

        Returns:
            The documents.
        """
        vectorizer = TfidfVectorizer(max_features=n_columns, dtype=np.float32)
        matrices = vectorizer.fit_transform(training.texts), vectorizer.transform(test.texts)
        return cls(taxonomy=taxonomy, training=training, test=test, matrices=matrices)

    def draw(self, task: Task, *, per_class: int, repeat: int) -> TaskData:
        """Draw a task's documents: the same ones wherever the task occurs in a repeat.

        Args:
            task: The two topics.
            per_class: Training documents of each.
            repeat: Which repeat.

        Returns:
            The documents, the training documents shuffled; at most 700 test documents, drawn at random.

        Raises:
            ConfigError: If a topic has fewer training documents.
        """
        places = [self.taxonomy.topics.index(topic) for topic in task]
        random = np.random.default_rng([repeat, *places])
        chosen = [random.permutation(np.flatnonzero(self.training.topics == place))[:per_class] for place in places]
        if min(map(len, chosen)) < per_class:
            raise ConfigError(f"expected {per_class} training documents of each of {task}, got {[*map(len, chosen)]}")
        training_rows = random.permutation(np.concatenate(chosen))
        test_rows = random.permutation(np.flatnonzero(np.isin(self.test.topics, places)))[:MOST_TESTED]
        return TaskData(
            training=self.matrices[0][training_rows],
            labels=(self.training.topics[training_rows] == places[1]).astype(np.int64),
            test=self.matrices[1][test_rows],
            truth=(self.test.topics[test_rows] == places[1]).astype(np.int64),
            training_rows=training_rows,
            test_rows=test_rows,
        )


def joint_runs(chosen: Sequence[Pair]) -> tuple[tuple[Task, Task], ...]:
    """The joint runs that serve these pairs: one for both roles.

    Args:
        chosen: Pairs of tasks.

    Returns:
        Each run's two tasks.

    Example:
        >>> ab, cd = ("A", "B"), ("C", "D")
        >>> joint_runs([Pair(main=ab, auxiliary=cd), Pair(main=cd, auxiliary=ab)])
        ((('A', 'B'), ('C', 'D')),)
    """
    return tuple(dict.fromkeys(pair.tasks for pair in chosen))


def by_main(chosen: Sequence[Pair]) -> Mapping[Task, list[int]]:
    """The positions of the pairs of each main task."""
    found: dict[Task, list[int]] = {}
    for place, pair in enumerate(chosen):
        found.setdefault(pair.main, []).append(place)
    return found


def main_tasks(chosen: Sequence[Pair]) -> Iterator[Task]:
    """Every main task once."""
    return iter(dict.fromkeys(pair.main for pair in chosen))
