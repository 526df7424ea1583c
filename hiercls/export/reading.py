"""An exported model: texts to probabilities without torch or transformers.

Knows tokens, words and graphs; all that is learnt, views and calibrations included, is in the graphs.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hiercls.data.rows import make_rows
from hiercls.errors import ModelFolderError, require
from hiercls.export.layout import (
    CLASSIFIER,
    ENCODER,
    TAXONOMY,
    TOKENIZER,
    VOCABULARY,
    WORDS,
    Graph,
    Settings,
    open_graph,
)
from hiercls.model.terms import Terms
from hiercls.model.windows import CPU_BATCH_TOKENS, Reading, length_batches
from hiercls.taxonomy import Taxonomy

BATCH_TEXTS = 1024
"""What goes through the heads at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What words say, before the heads are asked.

    Args:
        terms: The terms.
        weights: v, shape (n_terms, n_topics), float32.
    """

    terms: Terms
    weights: np.ndarray

    @classmethod
    def read(cls, folder: Path, *, max_words: int) -> Words:
        """The words of an exported folder."""
        names = json.loads((folder / VOCABULARY).read_text(encoding="utf-8"))
        with np.load(folder / WORDS, allow_pickle=False) as numbers:
            return cls(
                terms=Terms(names=tuple(names), idf=numbers["idf"], max_words=max_words), weights=numbers["weights"]
            )


@dataclass(frozen=True, kw_only=True)
class ExportedModel:
    """A trained model as ``hiercls export`` wrote it; its answers are those of the estimator.

    Args:
        taxonomy: The map, with the customers that the model had when it was exported.
        settings: What is read of a text, and how answers are chosen.
        tokenizer: A tokenizer of the library ``tokenizers``; None: there is no encoder.
        encode: Ids and mask of windows to their vectors; None: there is no encoder.
        classify: A text's vector and word scores to the log-probabilities of all views.
        words: What words say; None: they are not read.
    """

    taxonomy: Taxonomy
    settings: Settings
    tokenizer: Any
    encode: Graph | None
    classify: Graph
    words: Words | None

    def predict(self, texts: Iterable[str], *, at: str | None = None) -> np.ndarray:
        """The likeliest class of each text, or where it may have several an indicator matrix.

        Args:
            texts: The documents.
            at: A level or a customer; None: the topics.

        Returns:
            As the estimator's ``predict``.

        Raises:
            ConfigError: If there is no such view.
        """
        found, classes = self.predict_proba(texts, at=at), self.taxonomy.view(self._name(at)).classes
        if self.settings.threshold is not None:
            return (found >= self.settings.threshold).astype(np.int64)
        answers: np.ndarray = np.asarray(classes)[found.argmax(axis=1)]
        return answers

    def predict_proba(self, texts: Iterable[str], *, at: str | None = None) -> np.ndarray:
        """The probabilities of a view's classes.

        Args:
            texts: The documents.
            at: A level or a customer; None: the topics.

        Returns:
            Shape (n_texts, n_classes), columns as ``taxonomy.view(at).classes``.

        Raises:
            ConfigError: If there is no such view.
        """
        name = self._name(at)
        return self.predict_proba_many(texts, at=[name])[name]

    def predict_proba_many(self, texts: Iterable[str], *, at: Iterable[str]) -> dict[str, np.ndarray]:
        """The probabilities of many views' classes; each text is scored once.

        Args:
            texts: The documents.
            at: Levels and customers.

        Returns:
            For each view what ``predict_proba`` says of it.

        Raises:
            ConfigError: If there is no such view.
        """
        views = [self.taxonomy.view(name) for name in at]
        places = [self.taxonomy.views.index(view.name) for view in views]
        given = [row.text for row in make_rows(texts)]
        if not given:
            return {view.name: np.empty((0, len(view.classes)), dtype=np.float32) for view in views}
        inputs = self._inputs(given)
        starts = range(0, len(given), BATCH_TEXTS)
        parts = [self.classify([part[start : start + BATCH_TEXTS] for part in inputs]) for start in starts]
        return {
            view.name: np.exp(np.concatenate([part[place] for part in parts]))
            for view, place in zip(views, places, strict=True)
        }

    def _name(self, at: str | None) -> str:
        """The full name of a view."""
        return self.taxonomy.view(self.taxonomy.levels[-1] if at is None else at).name

    def _inputs(self, texts: list[str]) -> list[np.ndarray]:
        """What the classifier reads of texts: vectors and word scores, as far as the model has them."""
        inputs = []
        if self.settings.reading is not None and self.encode is not None:
            inputs.append(self._vectors(texts, self.settings.reading, self.encode))
        if self.words is not None:
            inputs.append(self.words.terms.scores(texts, self.words.weights))
        return inputs

    def _vectors(self, texts: Sequence[str], reading: Reading, encode: Graph) -> np.ndarray:
        """The sums of texts' windows, shape (n_texts, width)."""
        tokens = self._limited.encode_batch(list(texts), add_special_tokens=False)
        windows = reading.windows([one.ids for one in tokens])
        pooled = []
        places = list(length_batches([len(one) for one in windows.sequences], batch_tokens=CPU_BATCH_TOKENS))
        for batch in places:
            taken = [windows.sequences[place] for place in batch]
            ids = np.full((len(taken), max(map(len, taken))), reading.pad_id, dtype=np.int64)
            mask = np.zeros_like(ids)
            for row, sequence in enumerate(taken):
                ids[row, : len(sequence)], mask[row, : len(sequence)] = sequence, 1
            pooled.append(encode([ids, mask])[0])
        vectors = np.zeros((len(texts), pooled[0].shape[1]), dtype=np.float32)
        order = np.argsort(np.concatenate(places))
        np.add.at(vectors, windows.owners, np.concatenate(pooled)[order])
        return vectors

    @cached_property
    def _limited(self) -> Any:
        """The tokenizer, which stops where nothing more is read, and pads nothing."""
        limit = None if self.settings.reading is None else self.settings.reading.limit
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        if limit is not None:
            self.tokenizer.enable_truncation(max_length=limit)
        return self.tokenizer


def load(folder: str | Path, *, threads: int | None = None) -> ExportedModel:
    """Load a model that ``hiercls export`` wrote; nothing is asked of the network, and torch is not imported.

    Args:
        folder: The folder.
        threads: Threads that the runtime may use; None: as many as it likes.

    Returns:
        The model.

    Raises:
        ModelFolderError: If the folder is not whole.
        MissingExtraError: If the runtime that it was written for is not installed.
    """
    path = Path(folder)
    settings = Settings.read(path)
    tokenizer = encode = words = None
    try:
        taxonomy = Taxonomy.from_yaml((path / TAXONOMY).read_text(encoding="utf-8"))
        if settings.reading is not None:
            tokenizer = require("tokenizers", extra="onnx").Tokenizer.from_str((path / TOKENIZER).read_text("utf-8"))
            encode = open_graph(path, ENCODER, settings, threads=threads)
        if settings.max_words is not None:
            words = Words.read(path, max_words=settings.max_words)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        if isinstance(error, ModelFolderError):
            raise
        raise ModelFolderError(f"the export in {path} is not whole: {error}; export the model again") from error
    classify = open_graph(path, CLASSIFIER, settings, threads=threads)
    return ExportedModel(
        taxonomy=taxonomy, settings=settings, tokenizer=tokenizer, encode=encode, classify=classify, words=words
    )
