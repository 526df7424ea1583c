"""How seconds grow with documents, their length, topics and customers: slopes on log–log axes.

Knows sizes and works; knows no peer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from scipy.sparse import csr_array

from hiercls.aggregation import Entries, aggregate, aggregate_many
from hiercls.encoding.engine import EncodingEngine
from hiercls.model.encoder import EncoderConfig, load_encoder
from hiercls.study.speed.encoding import CPU, documents, engine
from hiercls.study.speed.rounds import Row, SpeedConfig, slope
from hiercls.study.speed.scaling import grouped

LENGTHS = (32, 64, 128, 256, 512)
"""Tokens that are read of a long document."""

PARTS = (1, 2, 4, 8, 16)
"""Parts of the largest size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Seconds by size.

    Args:
        name: What grows.
        sizes: How much of it, ascending.
        seconds: How long, medians over the rounds.
    """

    name: str
    sizes: tuple[float, ...]
    seconds: tuple[float, ...]

    @property
    def slope(self) -> float:
        """1 where twice as much takes twice as long."""
        return slope(self.sizes, self.seconds)


def curves(config: SpeedConfig, say: Callable[[str], None]) -> list[Curve]:
    """Measure all four.

    Args:
        config: Rounds (three at most), threads, documents, scale.
        say: Is told of each curve.

    Returns:
        The curves.
    """
    config = replace(config, rounds=min(3, config.rounds))
    found = []
    for name, works in (
        ("encode documents", _documents(config)),
        ("encode by tokens read", _lengths(config)),
        ("aggregate topics", _topics(config)),
        ("aggregate for customers", _customers(config)),
    ):
        work = dict(works)
        seconds = config.time({str(size): one for size, one in work.items()})
        medians = tuple(float(np.median(one)) for one in seconds.values())
        found.append(Curve(name=name, sizes=tuple(work), seconds=medians))
        say(f"growth: {name}, slope {found[-1].slope:.2f}")
    return found


def growth_rows(curves: list[Curve]) -> list[Row]:
    """The slopes as rows: no more than linear, but for attention over long documents.

    Args:
        curves: What :func:`curves` gives.

    Returns:
        The rows.
    """
    rows = []
    for curve in curves:
        ends = f"{curve.sizes[0]:,.0f} to {curve.sizes[-1]:,.0f}"
        bar = 1.3 if "tokens" in curve.name else 1.1
        rows.append(
            Row(work=f"growth: {curve.name}", against=ends, values=[curve.slope], unit="", bar=bar, smaller=True)
        )
    return rows


def _documents(config: SpeedConfig) -> Iterator[tuple[float, Callable[[], object]]]:
    """More documents, the same mix of lengths."""
    texts, ours = documents(max(64, config.documents // 8)), engine()
    for part in reversed(PARTS):
        number = len(texts) // part
        yield number, partial(ours.encode, texts[:number])


def _lengths(config: SpeedConfig) -> Iterator[tuple[float, Callable[[], object]]]:
    """More tokens of the same long documents."""
    long = [" ".join(f"word {row} {place}" for place in range(400)) for row in range(max(2, config.documents // 256))]
    for length in LENGTHS:
        longer = EncodingEngine(load_encoder(EncoderConfig(max_length=length)), device=CPU)
        yield length, partial(longer.encode, long)


def _topics(config: SpeedConfig) -> Iterator[tuple[float, Callable[[], object]]]:
    """More topics, a tenth as many classes."""
    largest = config.size(100_000, least=1_600)
    for part in reversed(PARTS):
        n_topics = largest // part
        log_p = torch.randn(64, n_topics).log_softmax(dim=-1)
        class_of = grouped(n_topics, n_topics // 10)
        matrix = csr_array((np.ones(n_topics), (class_of, np.arange(n_topics))))
        yield n_topics, partial(aggregate, log_p, Entries.of_matrix(matrix))


def _customers(config: SpeedConfig) -> Iterator[tuple[float, Callable[[], object]]]:
    """More customers of 50 classes over the same topics."""
    n_topics, largest = config.size(10_000, least=100), config.size(800, least=32)
    log_p = torch.randn(32, n_topics).log_softmax(dim=-1)
    places = np.arange(n_topics)
    matrices = [csr_array((np.ones(n_topics), (places, grouped(n_topics, 50, seed=seed)))) for seed in range(largest)]
    for part in reversed(PARTS):
        number = largest // part
        yield number, partial(aggregate_many, log_p, matrices[:number])
