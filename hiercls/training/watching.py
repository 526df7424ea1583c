"""Looking on while a model is trained: whoever watches is told of every epoch.

Knows settings and losses; knows no tracker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from hiercls.training.config import TrainingConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """How an epoch of a training run went.

    Args:
        run: The run, from 1; a fit has several where held-out labels choose a setting.
        epoch: The epoch, from 1.
        loss: Mean loss of its documents, in nats.
        heldout: The loss of held-out labels after it; None: there are none.
        settings: The run's settings.
    """

    run: int
    epoch: int
    loss: float
    heldout: float | None
    settings: TrainingConfig

    @property
    def metrics(self) -> dict[str, float]:
        """The losses by name."""
        return {"loss": self.loss} | ({} if self.heldout is None else {"heldout_loss": self.heldout})


Watcher = Callable[[Epoch], object]
"""What is told of every epoch; what it raises ends the training."""


@dataclass(slots=True)
class _Watch:
    """Who watches, and the runs so far."""

    watchers: tuple[Watcher, ...]
    n_runs: int = 0


_WATCH: ContextVar[_Watch | None] = ContextVar("hiercls_watch", default=None)


@contextmanager
def watched(*watchers: Watcher) -> Iterator[None]:
    """Tell watchers of every epoch of what is trained inside the block.

    Args:
        *watchers: Any callables that take an ``Epoch``, such as ``print``, or one of ``hiercls.training.trackers``.

    Yields:
        Nothing.

    Example:
        >>> with watched(lambda epoch: print(epoch.run, epoch.epoch, epoch.metrics)):
        ...     tell(TrainingConfig(), losses=[0.5], heldout=[])
        1 1 {'loss': 0.5}
    """
    before = _WATCH.set(_Watch(watchers))
    try:
        yield
    finally:
        _WATCH.reset(before)


def tell(settings: TrainingConfig, *, losses: Sequence[float], heldout: Sequence[float]) -> None:
    """Tell whoever watches of the epoch that has just ended.

    Args:
        settings: The run's settings.
        losses: Mean loss of each epoch so far.
        heldout: Held-out loss after each, where there are such labels.
    """
    watch = _WATCH.get()
    if watch is None:
        return
    watch.n_runs += len(losses) == 1
    after = heldout[-1] if heldout else None
    epoch = Epoch(run=watch.n_runs, epoch=len(losses), loss=losses[-1], heldout=after, settings=settings)
    for watcher in watch.watchers:
        watcher(epoch)
