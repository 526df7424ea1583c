"""The documents of the pooling study: words as TF-IDF, and what each task draws.

Knows topics and documents; knows no pair and no network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfVectorizer

from hiercls.errors import ConfigError
from hiercls.study.corpus import Corpus
from hiercls.study.pooling_tasks import Task
from hiercls.taxonomy import Taxonomy

N_COLUMNS, MOST_TESTED = 10_000, 700


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
