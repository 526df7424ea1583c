"""What speed must not cost: right vectors, the same labels, little padding, quick single answers, bounded memory.

Knows engines and estimators; knows no peer.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np

from hiercls.data.newsgroups import load_newsgroups
from hiercls.encoding.engine import EncodingEngine
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.model.windows import length_batches
from hiercls.study.speed.encoding import CPU, documents, engine, int8_engine, nearness
from hiercls.study.speed.machine import peak_memory
from hiercls.study.speed.rounds import CLOCKS, Row, SpeedConfig, present
from hiercls.taxonomy import Taxonomy, shipped
from hiercls.training.config import TrainingConfig

N_TAUGHT = 1_000
"""Documents that the model of the guards learns from."""

N_SINGLE = 100
"""Documents that are answered one at a time."""

N_STREAMED = 20_000
"""Documents that flow while memory is watched."""

NEWCOMER = {"customer": "acme", "classes": {"computers": ["comp"], "all else": "rest"}}
"""A customer that nobody has heard of."""


def guard_rows(config: SpeedConfig, say: Callable[[str], None]) -> list[Row]:
    """All guards.

    Args:
        config: Threads, documents, scale.
        say: Is told what comes.

    Returns:
        The rows.
    """
    groups = load_newsgroups("train", headers="removed")
    number = config.size(N_TAUGHT, least=100)
    texts = documents(min(config.documents, 1000))
    taxonomy = Taxonomy.from_yaml(shipped("newsgroups"))
    training = TrainingConfig(weight_decay=1.0, about_weight=0.0)
    model = HierarchicalTextClassifier(taxonomy, training=training, device="cpu", cache=False)
    say(f"guards: a model on {number:,} documents")
    model.fit(list(groups.texts[:number]), list(groups.topics[:number]))
    return [
        *_rightness(model, texts, say),
        _padding(texts),
        _single(model, texts, config),
        _newcomer(model, texts, config),
        _memory(config),
    ]


def _rightness(model: HierarchicalTextClassifier, texts: list[str], say: Callable[[str], None]) -> list[Row]:
    """Vectors in the precision that is used, and in int8, against float32, and the topics that follow from them."""
    builders: dict[str, Callable[[], EncodingEngine]] = {"auto": engine, "int8": int8_engine}
    exact = engine("float32").encode(texts)
    truth = model.scorer_.topics_of_encodings(exact).argmax(dim=-1)
    rows = []
    for name, fast in present(builders, say):
        vectors = fast.encode(texts)
        same = 100 * float((model.scorer_.topics_of_encodings(vectors).argmax(dim=-1) == truth).float().mean())
        bars = {} if name == "int8" else {"cosine": 0.999, "agreed": 99.5}
        told = f"precision='{name}'"
        near = nearness(vectors, exact)
        rows += [
            Row(work="least cosine to float32", against=told, values=[near], unit="", bar=bars.get("cosine")),
            Row(work="topics that agree with float32", against=told, values=[same], unit=" %", bar=bars.get("agreed")),
        ]
    return rows


def _padding(texts: list[str]) -> Row:
    """The part of all tokens in batches that pads."""
    ours = engine()
    lengths = [len(one) for one in ours.encoder.tokenize(texts).sequences]
    batches = length_batches(lengths, batch_tokens=ours.config.batch_tokens_on(CPU))
    n_padded = sum(max(lengths[row] for row in batch) * len(batch) for batch in batches)
    share = 100 * (1 - sum(lengths) / n_padded)
    return Row(work="padding", against="all tokens", values=[share], unit=" %", bar=5.0, smaller=True)


def _single(model: HierarchicalTextClassifier, texts: list[str], config: SpeedConfig) -> Row:
    """How long one answer takes, 19 times of 20 at most, in the precision that is used and by all cores."""
    config = replace(config, threads=os.cpu_count() or 1)
    now, spent = CLOCKS[config.clock], []

    def answer() -> None:
        for text in texts[:N_SINGLE]:
            start = now()
            model.predict([text])
            spent.append(1000 * (now() - start))

    config.time({"": answer})
    spent = spent[len(texts[:N_SINGLE]) :]  # the first pass warmed up
    per_round = np.array_split(np.array(spent), config.rounds)
    values = [float(np.quantile(one, 0.95)) for one in per_round]
    work = f"one warm document, 95th percentile, {config.threads} threads"
    return Row(work=work, against="–", values=values, unit=" ms", bar=20.0, smaller=True)


def _newcomer(model: HierarchicalTextClassifier, texts: list[str], config: SpeedConfig) -> Row:
    """A customer's YAML, and its classes for documents that are encoded."""
    encodings = engine("float32").encode(texts)

    def arrive() -> None:
        model.add_customer(NEWCOMER)
        view = model.taxonomy_.view("acme")
        model.scorer_.classes(model.scorer_.topics_of_encodings(encodings), view)
        model.remove_customer("acme")

    seconds = config.time({"": arrive})[""]
    work = f"a new customer ready, and its classes of {len(texts):,} encoded documents"
    return Row(work=work, against="–", values=seconds, unit=" s", bar=3.0, smaller=True)


def _memory(config: SpeedConfig) -> Row:
    """The most memory of a fresh process through which documents stream."""
    number = config.size(N_STREAMED, least=100)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        taken = pool.submit(partial(_stream, number)).result()
    note = f"{number:,} short documents in windows of 4,096, and long ones among them"
    work = "peak memory when streaming"
    return Row(work=work, against="–", values=[taken / 1e9], unit=" GB", bar=1.5, smaller=True, note=note)


def _stream(number: int) -> float:
    """Encode documents that are made as they are asked for; the peak memory of the process."""
    long = "a rather long document that is cut " * 100
    made = (
        [f"document {start + row}" if row % 100 else long for row in range(4096)] for start in range(0, number, 4096)
    )
    for _ in engine().stream(made):
        pass
    return peak_memory()
