"""Documents of any number, answered shard by shard: what is left to do is done on an engine, what is done stays.

Knows the results' folder and the engines by name; not how they work.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, get_args

from hiercls.errors import ConfigError, DataError, Problem
from hiercls.scale.job import BAD, MANIFESTS, Job, Manifest, fingerprint, scorer_of
from hiercls.scale.local import run_here
from hiercls.scale.on_ray import run_on_ray
from hiercls.scale.on_spark import run_on_spark
from hiercls.scale.scorer import ScoreConfig
from hiercls.scale.shards import Shard, shards_of
from hiercls.scale.storage import Storage

EngineName = Literal["local", "ray", "spark"]


class Engine(Protocol):
    """What runs shards somewhere."""

    def __call__(self, job: Job, shards: Sequence[Shard], *, workers: int) -> Iterator[Manifest | Problem]:
        """Answer shards side by side, and tell what became of each as they are done."""


ENGINES: dict[EngineName, Engine] = {"local": run_here, "ray": run_on_ray, "spark": run_on_spark}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What became of all shards.

    Args:
        shards: How many there are.
        before: How many of them were done before.
        rows: Their rows.
        bad: Those of them that have no answer.
        seconds: How long this run took.
    """

    shards: int
    before: int
    rows: int
    bad: int
    seconds: float


def score(
    model: str | Path,
    documents: Iterable[str],
    output: str,
    *,
    config: ScoreConfig | None = None,
    keep: Sequence[str] = (),
    engine: EngineName = "local",
    workers: int = 1,
    device: str | None = None,
    overwrite: bool = False,
    advance: Callable[[int, int, int], object] = lambda done, shards, rows: None,
) -> Scored:
    """Answer files of documents, one file of answers for each, in bounded memory.

    A shard is done when its manifest stands in ``_manifests``; another run leaves it as it is, unless the file that was
    read has changed. Bad rows stand in ``_bad`` with their reasons.

    Args:
        model: The folder of a trained model, at the same path in all processes.
        documents: Paths, patterns, folders or URLs of ``.parquet``, ``.jsonl``, ``.csv`` and ``.tsv`` files.
        output: The path or URL of a folder for the answers.
        config: What is asked of the model; None: the topics' likeliest class.
        keep: Columns of the documents that are carried over, such as an identifier.
        engine: ``local`` processes, ``ray`` or ``spark``.
        workers: How many processes, actors or tasks at once.
        device: Where to compute; None: a GPU where there is one.
        overwrite: Whether answers that stand there are removed first.
        advance: Told of the shards that are done, of all shards, and of the rows of those done.

    Returns:
        How much was done.

    Raises:
        ConfigError: If the folder holds answers of another model or of other settings.
        DataError: If files cannot be read; all others are done.
        ModelFolderError: If there is no such model.
    """
    start = time.perf_counter()
    if engine not in ENGINES or workers < 1:
        names = ", ".join(map(repr, get_args(EngineName)))
        raise ConfigError(f"expected an engine of {names} and one worker or more, got '{engine}' and {workers}")
    storage, shards = Storage(output), shards_of(documents)
    job = _job(Path(model).absolute(), storage, config or ScoreConfig(), keep, device)
    _check_output(storage, shards)
    done = _done(storage, job, overwrite=overwrite)
    finished, problems = [done[shard] for shard in shards if shard in done], []
    n_before, left = len(finished), [shard for shard in shards if shard not in done]
    advance(n_before, len(shards), sum(one.rows for one in finished))
    for outcome in ENGINES[engine](job, left, workers=workers) if left else ():
        if isinstance(outcome, Problem):
            problems.append(outcome)
        else:
            finished.append(outcome)
            advance(len(finished), len(shards), sum(one.rows for one in finished))
    if problems:
        raise DataError(sorted(problems, key=str), subject="the documents")
    storage.sweep()
    return Scored(
        shards=len(shards),
        before=n_before,
        rows=sum(one.rows for one in finished),
        bad=sum(one.bad for one in finished),
        seconds=round(time.perf_counter() - start, 2),
    )


def _job(model: Path, storage: Storage, config: ScoreConfig, keep: Sequence[str], device: str | None) -> Job:
    """What is asked, once it is known that the model can answer it."""
    job = Job(
        model=str(model),
        fingerprint=fingerprint(model),
        output=storage.root,
        config=config,
        keep=tuple(dict.fromkeys(keep)),
        device=device,
    )
    scorer_of(job)
    return job


def _check_output(storage: Storage, shards: Sequence[Shard]) -> None:
    """Refuse to read what is written."""
    inside = next((shard for shard in shards if shard.address.startswith(f"{storage.root}/")), None)
    if inside is not None:
        raise ConfigError(
            f"'{inside.address}' would be read, and stands where answers go; give another folder for them"
        )


def _done(storage: Storage, job: Job, *, overwrite: bool) -> dict[Shard, Manifest]:
    """The shards whose answers are there, whole, by this model and with these settings."""
    names = [name for name in sorted(storage.sizes(MANIFESTS)) if name.endswith(".json")]
    if overwrite:
        for name in names:
            stem = name.removesuffix(".json")
            for file in (f"{MANIFESTS}/{name}", f"{stem}.parquet", f"{BAD}/{stem}.parquet"):
                storage.remove(file)
        return {}
    sizes, found = storage.sizes(), {}
    for name in names:
        manifest = Manifest.read(storage.read(f"{MANIFESTS}/{name}"))
        other = [key for key, value in job.settings.items() if manifest.settings.get(key) != value]
        if other:
            told = "; ".join(f"{key} {manifest.settings.get(key)!r}, not {job.settings[key]!r}" for key in other)
            raise ConfigError(
                f"'{storage.address}' holds answers that were made otherwise ({told}); "
                "give another folder, or --overwrite, which removes them first"
            )
        if sizes.get(f"{manifest.shard.name}.parquet") == manifest.size:
            found[manifest.shard] = manifest
    return found
