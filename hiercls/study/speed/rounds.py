"""Works timed in turn, round after round, and what is made of their seconds.

Knows clocks and ratios; knows no model and no peer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from hiercls.errors import MissingExtraError

Clock = Literal["wall", "cpu"]
CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}
"""Seconds that go by, or that this process computes: on a busy machine only the second say anything."""

Works = Mapping[str, Callable[[], object]]
"""What is timed, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedConfig:
    """How everything is measured.

    Args:
        rounds: Rounds in which all contenders take their turn.
        threads: Threads of this process for matrix products.
        documents: Documents of 20 Newsgroups that are encoded.
        steps: Training steps in a round.
        scale: Factor of the sizes of what is made up: taxonomies, groupings, metrics; 1: as the bars ask.
        clock: Which seconds count.
    """

    rounds: int = 5
    threads: int = 1
    documents: int = 2048
    steps: int = 10
    scale: float = 1.0
    clock: Clock = "wall"

    def time(self, works: Works, *, warm: bool = True) -> dict[str, list[float]]:
        """Seconds of some works, one number a round: see :func:`interleaved`."""
        with self.limited():
            return interleaved(works, rounds=self.rounds, clock=self.clock, warm=warm)

    @contextmanager
    def limited(self) -> Iterator[None]:
        """While it is entered, products have these threads, and so has what is built for them."""
        with threadpool_limits(limits=self.threads):
            before = torch.get_num_threads()
            torch.set_num_threads(self.threads)
            try:
                yield
            finally:
                torch.set_num_threads(before)

    def size(self, number: int, *, least: int = 1) -> int:
        """A made-up world's size, scaled."""
        return max(least, round(number * self.scale))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: a number against a bar.

    Args:
        work: What was done.
        against: What it was held against.
        values: The number, one a round.
        unit: What stands behind it, such as ``×``, ``%`` or ``ms``.
        bar: What it has to reach; None: it is only stated.
        stretch: What would be better still.
        smaller: Whether the bar must not be exceeded.
        note: What a reader must know.
    """

    work: str
    against: str
    values: Sequence[float]
    unit: str = "×"
    bar: float | None = None
    stretch: float | None = None
    smaller: bool = False
    note: str = ""

    @property
    def median(self) -> float:
        """The median over the rounds."""
        return float(np.median(self.values))

    @property
    def is_met(self) -> bool | None:
        """Whether the bar is reached; None where there is none."""
        if self.bar is None:
            return None
        return self.median <= self.bar if self.smaller else self.median >= self.bar

    @property
    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "values": [float(f"{value:.4g}") for value in self.values]}


def interleaved(works: Works, *, rounds: int, clock: Clock, warm: bool = True) -> dict[str, list[float]]:
    """Time works in turn: what disturbs a round disturbs all of them, and each round begins with another.

    Args:
        works: What is timed.
        rounds: How often.
        clock: Which seconds count.
        warm: Whether each is done once before, untimed.

    Returns:
        Seconds of each, one number a round.

    Example:
        >>> seconds = interleaved({"a": lambda: None, "b": lambda: None}, rounds=3, clock="cpu")
        >>> list(seconds), len(seconds["a"])
        (['a', 'b'], 3)
    """
    now, names = CLOCKS[clock], list(works)
    if warm:
        for work in works.values():
            work()
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        shift = number % max(1, len(names))
        for name in names[shift:] + names[:shift]:
            start = now()
            works[name]()
            seconds[name].append(now() - start)
    return seconds


def ratios(slow: Sequence[float], fast: Sequence[float]) -> list[float]:
    """How often the faster fits into the slower, round by round.

    Args:
        slow: Seconds of what is held against, one a round.
        fast: Seconds of what is praised.

    Returns:
        One ratio a round.
    """
    return [one / max(other, 1e-9) for one, other in zip(slow, fast, strict=True)]


def present(peers: Mapping[str, Callable[[], Any]], say: Callable[[str], None]) -> Iterator[tuple[str, Any]]:
    """Build the peers that are installed and run here; the others are said and left out.

    Args:
        peers: What builds each.
        say: Is told of those that are left out.

    Yields:
        Name and peer.
    """
    for name, build in peers.items():
        try:
            yield name, build()
        except MissingExtraError as error:
            say(f"left out, {name}: {error}")
        except Exception as error:  # other people's code against versions that it may not know
            say(f"left out, {name}: it does not run here ({type(error).__name__}: {str(error)[:200]})")


def slope(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """The slope of seconds over sizes, both as logarithms: 1 where twice as much takes twice as long.

    Args:
        sizes: How much, ascending.
        seconds: How long.

    Returns:
        The slope of the line of least squares.

    Example:
        >>> round(slope([10, 100, 1000], [1, 10, 100]), 6)
        1.0
    """
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
