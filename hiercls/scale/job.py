"""One job: a model, what is asked of it, where answers go; and the work on one shard, whole or not at all.

Knows shards, the scorer and the results' folder; knows no engine. Whoever calls :func:`score_shard` again, in whatever
process, gets the same file.
"""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from hiercls import __version__
from hiercls.errors import ConfigError, ModelFolderError, Problem, ProblemsError
from hiercls.scale.scorer import REASONS, ScoreConfig, TableScorer
from hiercls.scale.shards import RAW, ROW, Shard, tables
from hiercls.scale.sink import Sink
from hiercls.scale.storage import Storage

MANIFESTS, BAD = "_manifests", "_bad"
"""Folders beside the answers, whose names tell those who read Parquet by the folder to leave them aside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is asked of a model, and where the answers go.

    Args:
        model: The folder of a trained model, at the same path in all processes.
        fingerprint: What tells the model from others: SHA-256 of its settings, which hold those of its other files.
        output: The path or URL of the folder for the answers.
        config: What is asked.
        keep: Columns that are carried along.
        device: Where to compute; None: a GPU where there is one.
    """

    model: str
    fingerprint: str
    output: str
    config: ScoreConfig
    keep: tuple[str, ...] = ()
    device: str | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """All that the answers depend on, but the documents, as JSON has it."""
        return {
            "model": self.fingerprint,
            "hiercls": __version__,
            **asdict(self.config),
            "at": list(self.config.at),
            "keep": list(self.keep),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What became of a shard; it is written last, and a shard without one is not done.

    Args:
        shard: What was read.
        rows: The shard's rows: those answered and the bad ones.
        bad: The bad ones.
        size: Bytes of the answers.
        sha256: Of the answers' file.
        seconds: How long it took.
        settings: The job's.
    """

    shard: Shard
    rows: int
    bad: int
    size: int
    sha256: str
    seconds: float
    settings: dict[str, Any]

    @property
    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    @classmethod
    def read(cls, content: bytes) -> Manifest:
        """A manifest from its file.

        Args:
            content: The file's bytes.

        Returns:
            The manifest.

        Raises:
            ConfigError: If it is none of this version's.
        """
        try:
            told = json.loads(content)
            return cls(**{**told, "shard": Shard(**told["shard"])})
        except (ValueError, TypeError, KeyError) as error:
            raise ConfigError(
                f"expected a manifest of this hiercls, got {content[:80]!r}…; give another folder"
            ) from error


def fingerprint(model: str | Path) -> str:
    """What tells a model from others.

    Args:
        model: Its folder.

    Returns:
        SHA-256 of its settings, which hold the SHA-256 of all else.

    Raises:
        ModelFolderError: If there is none.
    """
    try:
        return hashlib.sha256(Path(model, "config.json").read_bytes()).hexdigest()
    except OSError as error:
        raise ModelFolderError(f"expected the folder of a trained model at {model}: {error}") from error


@lru_cache(maxsize=1)
def scorer_of(job: Job) -> TableScorer:
    """The job's scorer, loaded once in a process.

    Args:
        job: The job.

    Returns:
        The scorer.

    Raises:
        ModelFolderError: If another model than the job's stands there by now.
        ConfigError: If it knows no such view, or answers and kept columns have a name in common.
    """
    if fingerprint(job.model) != job.fingerprint:
        raise ModelFolderError(f"the model in {job.model} is not the one that this job began with; start it again")
    scorer = TableScorer(job.model, job.config, device=job.device)
    taken = sorted({*scorer.added, ROW, RAW, "text"} & {*job.keep})
    if taken:
        raise ConfigError(
            f"expected to keep columns of other names than answers have, got {', '.join(map(repr, taken))}"
        )
    return scorer


def score_shard(job: Job, shard: Shard) -> Manifest | Problem:
    """Answer one shard: its answers in one file, its bad rows with their reasons in another, then its manifest.

    Args:
        job: What is asked.
        shard: What is read.

    Returns:
        Its manifest; or why the file cannot be read at all, which leaves nothing behind.

    Raises:
        HierclsError: If the model is not to be had, or the answers cannot be written.
    """
    scorer, storage, start = scorer_of(job), Storage(job.output), time.perf_counter()
    n_rows = n_bad = 0
    try:
        with ExitStack() as both:
            bad = both.enter_context(Sink(storage, f"{BAD}/{shard.name}.parquet", even_empty=False))
            good = both.enter_context(Sink(storage, f"{shard.name}.parquet", even_empty=True))
            for table in scorer.stream(tables(shard, keep=job.keep, n_rows=scorer.window)):
                is_good = table.column(REASONS).is_null()
                left_aside = [name for name in (REASONS, RAW) if name in table.column_names]
                good.write(table.filter(is_good).drop_columns(left_aside))
                told = table.filter(table.column(REASONS).is_valid())
                bad.write(told.drop_columns([name for name in scorer.added if name != REASONS]))
                n_rows, n_bad = n_rows + table.num_rows, n_bad + told.num_rows
    except ProblemsError as error:
        return error.problems[0]
    manifest = Manifest(
        shard=shard,
        rows=n_rows,
        bad=n_bad,
        size=good.size,
        sha256=good.sha256,
        seconds=round(time.perf_counter() - start, 3),
        settings=job.settings,
    )
    with storage.replacing(f"{MANIFESTS}/{shard.name}.json") as aside:
        aside.write_text(json.dumps(manifest.plain, indent=1), encoding="utf-8")
    return manifest
