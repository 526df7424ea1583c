"""A trained model as ONNX or OpenVINO graphs, held against torch before the folder is there.

Knows torch's exporter; what is exported is the library's own code, so nothing is written twice.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import shutil
import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor, nn

from hiercls.encoding.engine import EncodingEngine
from hiercls.errors import ConfigError, ModelFolderError, require
from hiercls.export.layout import (
    CLASSIFIER,
    ENCODER,
    SUFFIXES,
    TAXONOMY,
    TOKENIZER,
    VOCABULARY,
    WORDS,
    Format,
    Settings,
)
from hiercls.export.reading import load
from hiercls.model.encoder import TextEncoder, load_encoder
from hiercls.model.multilabel import SeveralTopics
from hiercls.model.pooling import to_length
from hiercls.model.tokens import Tokens
from hiercls.scoring import Scorer
from hiercls.taxonomy import Taxonomy, View

TOLERANCE = 1e-4
"""How far an exported probability may be from torch's in float32."""
_CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How well an export agrees with torch in float32.

    Args:
        n_texts: The texts that both have answered.
        n_views: The views that they were answered at.
        difference: The largest between two probabilities.
    """

    n_texts: int
    n_views: int
    difference: float

    def __str__(self) -> str:
        """The agreement in words."""
        return (
            f"agrees with torch on {self.n_texts} texts at {self.n_views} views: labels 100 %, "
            f"probabilities to {self.difference:.0e}"
        )


def export(
    scorer: Scorer, taxonomy: Taxonomy, folder: Path, *, format: Format = "onnx", texts: Sequence[str] | None = None
) -> Parity:
    """Write a model as graphs that need no torch, with all its views, mixes of topics and calibrations.

    Args:
        scorer: A trained scorer.
        taxonomy: Its map.
        folder: Where to; it must not be there, or be empty.
        format: ``onnx`` or ``openvino``.
        texts: What both must answer alike; None: the topics' own words, short and long.

    Returns:
        How well they agree; where they do not, nothing is written.

    Raises:
        ConfigError: If there is no such format, or the model cannot be exported.
        ModelFolderError: If something stands at the folder, or the answers differ.
        MissingExtraError: If the exporter is not installed.
    """
    _check(scorer, folder, format)
    exact = in_float32(scorer)
    aside = folder.resolve().with_name(f".{folder.name}.{uuid.uuid4().hex}")
    aside.mkdir(parents=True)
    try:
        _write(exact, taxonomy, aside, format)
        parity = compare(exact, taxonomy, aside, texts=sample(taxonomy) if texts is None else texts)
        if folder.exists():
            folder.rmdir()
        aside.rename(folder.resolve())
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return parity


def compare(scorer: Scorer, taxonomy: Taxonomy, folder: Path, *, texts: Sequence[str]) -> Parity:
    """Hold an exported folder against torch.

    Args:
        scorer: The scorer, in float32.
        taxonomy: Its map.
        folder: The exported folder.
        texts: What both answer.

    Returns:
        How well they agree.

    Raises:
        ModelFolderError: If a label differs, or a probability by more than 1e-4.
    """
    found = load(folder).predict_proba_many(texts, at=taxonomy.views)
    topics, largest = scorer.topics(texts), 0.0
    for name in taxonomy.views:
        classes = scorer.classes(topics, taxonomy.view(name))
        exact, ours = classes.exp().numpy(), found[name]
        largest = max(largest, float(np.abs(exact - ours).max(initial=0.0)))
        chosen = scorer.task.chosen(torch.from_numpy(ours).log())
        other = ~(chosen == scorer.task.chosen(classes)).all(axis=1)
        if other.any() or not largest <= TOLERANCE:
            raise ModelFolderError(
                f"the export disagrees with torch at '{name}': {other.sum()} of {len(texts)} labels differ, and "
                f"probabilities by up to {largest:.1e}; nothing is written"
            )
    return Parity(n_texts=len(texts), n_views=len(taxonomy.views), difference=largest)


def sample(taxonomy: Taxonomy) -> list[str]:
    """Texts on which an export is held against torch: of every topic one, all together, and none at all.

    Args:
        taxonomy: The map.

    Returns:
        Short texts, one that is longer than any window, and an empty one.
    """
    each = [f"{topic}: {taxonomy.about.get(topic, '')}" for topic in taxonomy.topics]
    return [*each, " ".join(each), " ".join(each * (1 + 4000 // len(each))), ""]


def _check(scorer: Scorer, folder: Path, format: str) -> None:
    """Refuse before any work what cannot be written."""
    if format not in get_args(Format):
        raise ConfigError(f"expected the format to be one of {', '.join(get_args(Format))}, got {format!r}")
    if scorer.extensions:
        raise ConfigError(
            "topics that were added, split or merged after training cannot be exported; "
            "train a model on the new taxonomy"
        )
    if scorer.engine is not None and not getattr(scorer.engine.encoder.tokenizer, "is_fast", False):
        raise ConfigError("the encoder's tokenizer is none of the library 'tokenizers', so it cannot be exported")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ModelFolderError(f"'{folder}' is there already; give another folder, or remove it")
    for module in ("onnx", "onnxscript", "onnxruntime" if format == "onnx" else "openvino"):
        require(module, extra=format)


def in_float32(scorer: Scorer) -> Scorer:
    """The same scorer on the CPU, its encoder in float32 as it was loaded or trained, without a cache.

    Args:
        scorer: A trained scorer.

    Returns:
        A scorer of its own.
    """
    if scorer.engine is None:
        return scorer
    encoder = scorer.engine.encoder
    if next(encoder.parameters()).dtype == torch.float32:
        exact = encoder.with_transformer(copy.deepcopy(encoder.transformer), copy.deepcopy(encoder.pooling))
    else:  # a frozen encoder in another format has lost digits
        exact = load_encoder(encoder.config)
    return dataclasses.replace(scorer, engine=EncodingEngine(exact, device=_CPU))


def _write(scorer: Scorer, taxonomy: Taxonomy, folder: Path, format: Format) -> None:
    """Graphs, words, tokenizer, map and settings."""
    batch: dict[int, Any] = {0: torch.export.Dim.DYNAMIC}
    inputs: list[Tensor] = []
    words, reading = scorer.lexical, None
    if scorer.engine is not None:
        encoder = scorer.engine.encoder
        reading = encoder.reading
        ids = torch.full((3, 7), reading.pad_id)
        both = {**batch, 1: torch.export.Dim.DYNAMIC}
        _export(_Encoder(encoder), [ids, torch.ones_like(ids)], (both, both), folder / ENCODER, format)
        (folder / TOKENIZER).write_text(encoder.tokenizer.backend_tokenizer.to_str(), encoding="utf-8")
        inputs.append(torch.randn(3, encoder.width))
    if words is not None:
        inputs.append(torch.zeros(3, words.term_weights.shape[1]))
        (folder / VOCABULARY).write_text(json.dumps(words.terms.names, ensure_ascii=False), encoding="utf-8")
        np.savez(folder / WORDS, idf=words.terms.idf, weights=words.term_weights)
    views = [taxonomy.view(name) for name in taxonomy.views]
    # star arguments have one dynamic shape each, as a tuple in a tuple
    _export(_Classifier(scorer, views), inputs, ((batch,) * len(inputs),), folder / CLASSIFIER, format)
    (folder / TAXONOMY).write_text(taxonomy.to_yaml(), encoding="utf-8")
    Settings(
        format=format,
        reading=reading,
        max_words=None if words is None else words.terms.max_words,
        threshold=scorer.task.threshold if isinstance(scorer.task, SeveralTopics) else None,
    ).write(folder)


class _Encoder(nn.Module):
    """Token ids and mask of windows to their vectors, shape (n_windows, width)."""

    def __init__(self, encoder: TextEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        return self.encoder.pool(Tokens(ids=ids, mask=mask, owners=ids[:, 0]))


class _Classifier(nn.Module):
    """What a text's windows sum to and what its words say, to the log-probabilities of every view's classes."""

    def __init__(self, scorer: Scorer, views: Sequence[View]) -> None:
        super().__init__()
        self.scorer, self.views, self.head = scorer, views, scorer.head

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        scorer, words = self.scorer, self.scorer.lexical
        encodings = None if self.head is None else to_length(inputs[0])
        if self.head is None:
            topics = torch.from_numpy(np.log(scorer.mix.pooled).astype(np.float32)).expand(inputs[0].shape[0], -1)
        else:
            topics = self.head(encodings).topics
        if words is not None:
            topics = words.joined(inputs[-1], topics, encodings, task=scorer.task)
        topics = scorer.calibrated(topics)
        return tuple(scorer.classes(topics, view) for view in self.views)


def _export(module: nn.Module, inputs: Sequence[Tensor], shapes: Any, path: Path, format: Format) -> None:
    """One graph; for OpenVINO by way of ONNX."""
    file = path.with_suffix(".onnx")
    with _quiet(), torch.no_grad():
        program: Any = torch.onnx.export(
            module.eval(), tuple(inputs), dynamo=True, dynamic_shapes=shapes, verbose=False
        )
        program.save(str(file))
        if format == "openvino":
            openvino = require("openvino", extra="openvino")
            openvino.save_model(openvino.convert_model(str(file)), path.with_suffix(SUFFIXES[format]), False)
    if format == "openvino":
        for part in path.parent.glob(f"{file.name}*"):
            part.unlink()


@contextmanager
def _quiet() -> Iterator[None]:
    """Exporting without the exporter's own warnings, of which a user can mend none."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
