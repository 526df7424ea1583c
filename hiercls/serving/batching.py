"""Requests that come at the same time are scored together, by one thread, in the order in which they came.

Knows texts and a function that scores them; knows no HTTP and no view.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from hiercls.errors import HierclsError
from hiercls.serving.limits import Limits


class BusyError(HierclsError, RuntimeError):
    """Too much waits already, or a request waited too long; it may come again later."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Job:
    """Texts that wait, and what is made of their topics."""

    texts: Sequence[str]
    cost: int
    answer: Callable[[Tensor], Any]
    expires: float
    future: Future[Any] = field(default_factory=Future)


class Batcher:
    """One thread that scores what waits: up to ``n_batch`` documents at a time.

    A batch begins once nothing came for ``linger`` seconds, or as soon as it is full; while one is scored, the next
    gathers. What is made of a request's scores is computed on the same thread.

    Args:
        score: Texts → log p(t|x), shape (n_texts, n_topics).
        limits: How much is scored together, how much may wait, and how long.
        observe: Told of every batch: its documents.

    Example:
        >>> import torch
        >>> batcher = Batcher(lambda texts: torch.tensor([[float(len(text))] for text in texts]), limits=Limits())
        >>> batcher.submit(["ab", "c"], lambda topics: topics.sum().item()).result()
        3.0
        >>> batcher.close()
    """

    def __init__(
        self,
        score: Callable[[Sequence[str]], Tensor],
        *,
        limits: Limits,
        observe: Callable[[int], object] = lambda n_documents: None,
    ) -> None:
        self._score, self._limits, self._observe = score, limits, observe
        self._jobs: deque[_Job] = deque()
        self._n_waiting, self._closed = 0, False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="hiercls-scoring", daemon=True)
        self._thread.start()

    @property
    def n_waiting(self) -> int:
        """Documents that wait, those of explanations counted with the words that are tried."""
        return self._n_waiting

    @property
    def is_open(self) -> bool:
        """Whether requests are taken."""
        return not self._closed and self._thread.is_alive()

    def submit(self, texts: Sequence[str], answer: Callable[[Tensor], Any], *, cost: int | None = None) -> Future[Any]:
        """Let texts wait to be scored.

        Args:
            texts: The documents of one request.
            answer: What is made of their log p(t|x), shape (n_texts, n_topics), on the scoring thread.
            cost: The documents' worth of work that it is; None: as many as there are.

        Returns:
            What ``answer`` will return. A future that is cancelled while it waits is not scored.

        Raises:
            BusyError: If more would wait than may, or the server is closing.
        """
        job = _Job(
            texts=texts,
            cost=len(texts) if cost is None else cost,
            answer=answer,
            expires=time.monotonic() + self._limits.deadline,
        )
        with self._changed:
            if self._closed:
                raise BusyError("the server is closing and takes no more requests")
            if self._jobs and self._n_waiting + job.cost > self._limits.n_waiting:
                raise BusyError(
                    f"{self._n_waiting:,} documents wait already, of at most {self._limits.n_waiting:,}; "
                    "come again in a moment, or with fewer"
                )
            self._jobs.append(job)
            self._n_waiting += job.cost
            self._changed.notify()
        return job.future

    def close(self, *, timeout: float | None = None) -> None:
        """Take no more, score what waits, and end the thread.

        Args:
            timeout: Seconds to wait for that; None: as long as it takes.
        """
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(timeout)

    def _run(self) -> None:
        """Score batch after batch until closed and nothing waits."""
        while batch := self._gathered():
            texts = [text for job in batch for text in job.texts]
            try:
                topics = self._score(texts)
            except Exception as error:
                for job in batch:
                    job.future.set_exception(error)
                continue
            self._observe(len(texts))
            start = 0
            for job in batch:
                _settle(job, topics[start : start + len(job.texts)])
                start += len(job.texts)

    def _gathered(self) -> list[_Job]:
        """The next batch: at least one request, and as many as fit; empty once closed and nothing waits."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._jobs) or self._closed)
                if not self._jobs:
                    return []
                while self._n_waiting < self._limits.n_batch and not self._closed:
                    if not self._changed.wait(self._limits.linger):  # nothing came
                        break
                taken = self._taken()
            if taken:
                return taken

    def _taken(self) -> list[_Job]:
        """Take what fits into a batch off the queue; what was given up, or waited too long, is not scored."""
        taken: list[_Job] = []
        n_documents = 0
        while self._jobs and (not n_documents or n_documents + len(self._jobs[0].texts) <= self._limits.n_batch):
            job = self._jobs.popleft()
            self._n_waiting -= job.cost
            if not job.future.set_running_or_notify_cancel():
                continue
            if job.expires < time.monotonic():
                seconds = f"{self._limits.deadline:g} seconds"
                job.future.set_exception(BusyError(f"the request waited {seconds} and was given up; come again later"))
                continue
            taken.append(job)
            n_documents += len(job.texts)
        return taken


def _settle(job: _Job, topics: Tensor) -> None:
    """Give a request its answer, or what went wrong."""
    try:
        job.future.set_result(job.answer(topics))
    except Exception as error:
        job.future.set_exception(error)
