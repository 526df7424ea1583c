"""A model's folder as a function of tables: texts go in, classes come out, one row for each row and in their order.

Knows Arrow tables and the model; knows no file, no shard and no engine. It can be sent to other processes, where the
model is loaded when it is first asked.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from hiercls.data.records import header_problem
from hiercls.data.rows import is_missing, string_fault
from hiercls.errors import ConfigError, DataError, require
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.scale.columns import answer_columns, column_names
from hiercls.scoring import Scorer
from hiercls.taxonomy import View

TEXT, REASONS = "text", "reasons"
"""The column that is read, and the one that says why a row has no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreConfig:
    """What is asked of a model.

    Args:
        at: Levels and customers; none: the topics.
        top_k: How many of the likeliest classes are listed, with their probabilities; 0: none are.
        probabilities: Whether the probabilities of all classes are listed.

    Raises:
        ConfigError: If ``top_k`` is negative.
    """

    at: tuple[str, ...] = ()
    top_k: int = 0
    probabilities: bool = False

    def __post_init__(self) -> None:
        if self.top_k < 0:
            raise ConfigError(f"expected top_k to be 0 or more, got {self.top_k}")


class TableScorer:
    """Answers for the texts of tables, by a trained model.

    A table has a column ``text``; its other columns are carried over. Each view adds its predicted class and how
    probable that is, as columns ``acme`` and ``acme_probability``; lists of them where a document may have several
    topics. A row whose text is null or no string has null answers, and ``reasons`` that say why, which are null for all
    others.

    Args:
        model: The folder of a trained model.
        config: What is asked of it; None: the topics' likeliest class.
        device: Where to compute; None: a GPU where there is one.

    Example:
        >>> import pyarrow, tempfile
        >>> from hiercls.estimator import HierarchicalTextClassifier
        >>> model = HierarchicalTextClassifier("{hiercls: 1, levels: [topic], topics: [A, B]}", encoder=None)
        >>> model = model.fit(["an apple", "an ant", "a bear", "a bee"] * 3, ["A", "A", "B", "B"] * 3)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save_pretrained(folder)
        ...     table = TableScorer(folder)(pyarrow.table({"id": [7, 8], "text": ["the ant", None]}))
        >>> table.column_names, table["topic"].to_pylist()
        (['id', 'reasons', 'topic', 'topic_probability'], ['A', None])
    """

    def __init__(self, model: str | Path, config: ScoreConfig | None = None, *, device: str | None = None) -> None:
        self.model = str(model)
        self.config = ScoreConfig() if config is None else config
        self.device = device

    def __reduce__(self) -> tuple[Any, ...]:
        """What is sent to another process: where the model is, not the model."""
        return _made, (self.model, self.config, self.device)

    def __call__(self, table: Any) -> Any:
        """Answer for one table.

        Args:
            table: A ``pyarrow.Table``, or a ``RecordBatch``.

        Returns:
            A ``pyarrow.Table`` of as many rows, in the same order.

        Raises:
            DataError: If it has no column ``text``.
            ConfigError: If a column has the name of an answer, or the model knows no such view.
        """
        arrow = require("pyarrow", extra="tables")
        return arrow.concat_tables([*self.stream([table])])

    def stream(self, tables: Iterable[Any]) -> Iterator[Any]:
        """Answer for any number of tables in bounded memory.

        Args:
            tables: Tables or record batches of the same columns; two windows of rows are held at a time.

        Yields:
            Tables of at most ``window`` rows, all rows in their order.

        Raises:
            DataError: If one has no column ``text``.
            ConfigError: If a column has the name of an answer, or the model knows no such view.
        """
        held: deque[tuple[Any, list[list[str] | None]]] = deque()

        def windows() -> Iterator[list[str]]:
            for table in tables:
                self._check(table.column_names if hasattr(table, "column_names") else table.schema.names)
                for start in range(0, max(1, table.num_rows), self.window):
                    part = table.slice(start, self.window)
                    texts, reasons = _judged(part)
                    held.append((part, reasons))
                    yield texts

        for topics in self._scorer.stream(windows()):
            yield self._answered(*held.popleft(), topics)

    @property
    def window(self) -> int:
        """Rows that are answered together."""
        return self._scorer.window

    @cached_property
    def views(self) -> tuple[View, ...]:
        """The views that are asked for."""
        taxonomy = self._classifier.taxonomy_
        return tuple(taxonomy.view(name) for name in self.config.at or taxonomy.levels[-1:])

    @property
    def added(self) -> tuple[str, ...]:
        """The columns that are added to a table's own.

        Raises:
            ConfigError: If the model knows no such view, or two have answers of one name.
        """
        top_k, every = self.config.top_k, self.config.probabilities
        names = [REASONS]
        for view in self.views:
            names += column_names(view.name, top_k=top_k, probabilities=every)
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(
                f"expected answers in columns of different names, got {', '.join(map(repr, twice))} twice"
            )
        return tuple(names)

    @cached_property
    def _classifier(self) -> HierarchicalTextClassifier:
        return HierarchicalTextClassifier.from_pretrained(self.model, device=self.device)

    @cached_property
    def _scorer(self) -> Scorer:
        """The scorer; encodings are not kept on disk, which nothing would bound."""
        scorer = self._classifier.scorer_
        if scorer.engine is None:
            return scorer
        return dataclasses.replace(scorer, engine=scorer.engine.without_cache())

    def _check(self, names: Sequence[str]) -> None:
        """Refuse a table that cannot be answered for."""
        problem = header_problem(names)
        if problem:
            raise DataError([problem], subject="the table")
        taken = sorted({*names} & {*self.added} - {REASONS})
        if taken:
            raise ConfigError(
                f"expected no column of the name of an answer, got {', '.join(map(repr, taken))}; rename it"
            )

    def _answered(self, table: Any, reasons: list[list[str] | None], topics: Tensor) -> Any:
        """The table without its texts, with its answers."""
        arrow = require("pyarrow", extra="tables")
        places = np.cumsum([reason is None for reason in reasons]) - 1
        bad = np.array([reason is not None for reason in reasons], dtype=bool)
        spread = arrow.array(places, arrow.int64(), mask=bad)
        kept = [name for name in table.schema.names if name not in (TEXT, REASONS)]
        fields = [table.schema.field(name) for name in kept]
        columns = [table.column(name) for name in kept]
        fields.append(arrow.field(REASONS, arrow.list_(arrow.string())))
        columns.append(arrow.array(reasons, fields[-1].type))
        for view, classes in zip(self.views, self._scorer.classes_many(topics, self.views), strict=True):
            top_k, every = self.config.top_k, self.config.probabilities
            for field, column in answer_columns(self._scorer.task, classes, view, top_k=top_k, probabilities=every):
                fields.append(field)
                columns.append(column.take(spread))
        return arrow.table(columns, schema=arrow.schema(fields))


def _made(model: str, config: ScoreConfig, device: str | None) -> TableScorer:
    """The scorer in another process."""
    return TableScorer(model, config, device=device)


def _judged(table: Any) -> tuple[list[str], list[list[str] | None]]:
    """The texts that can be read; for each row None, or why it cannot be."""
    values = table.column(TEXT).to_pylist()
    known = table.column(REASONS).to_pylist() if REASONS in table.schema.names else [None] * len(values)
    reasons = [_reasons(value) if before is None else before for value, before in zip(values, known, strict=True)]
    return [value for value, bad in zip(values, reasons, strict=True) if bad is None], reasons


def _reasons(value: Any) -> list[str] | None:
    """Why a cell is no text; None where it is one."""
    fault = string_fault(value, noun=TEXT)
    if fault is None:
        return None
    return [f"{fault}; an empty text is ''" if is_missing(value) else fault]
