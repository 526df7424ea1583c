"""What scoring costs: documents a second on engines, time and memory by rows, a taxonomy of very many customers.

Knows the protocol and where results go; how shards are answered, ``hiercls.scale`` knows.
"""

from __future__ import annotations

import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hiercls.data import read
from hiercls.errors import ConfigError, MissingExtraError, nearest, require
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.files import write_text
from hiercls.plots import plot_growth
from hiercls.scale import score
from hiercls.scale.scoring import EngineName
from hiercls.study.newsgroups import versions_and_machine
from hiercls.study.report import save_svg, write_json
from hiercls.study.speed.encoding import documents as newsgroups
from hiercls.study.speed.machine import peak_memory
from hiercls.study.speed.rounds import slope
from hiercls.taxonomy import Taxonomy, shipped

SECTIONS = ("documents", "engines", "growth", "taxonomy")
CONTENDERS: dict[str, tuple[EngineName, int]] = {
    "one process": ("local", 1),
    "two processes": ("local", 2),
    "two actors of Ray": ("ray", 2),
}
AT_ONCE = 1 << 16
"""Rows that are written together."""

MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleConfig:
    """What is measured.

    Args:
        rounds: Rounds in which engines take turns.
        documents: Documents of 20 Newsgroups that an encoder reads.
        rows: Short documents, for words alone: of the growth ascending, and the largest for the engines' rounds / 5.
        topics: Topics of the made-up taxonomy.
        customers: Its customers, ascending; each names 400 topics in 20 classes.
    """

    rounds: int = 3
    documents: int = 256
    rows: Sequence[int] = (10_000, 100_000, 1_000_000)
    topics: int = 1_000_000
    customers: Sequence[int] = (100, 1_000, 10_000, 100_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What something took in a process of its own.

    Args:
        wall: Seconds that went by.
        cpu: Seconds that were computed.
        memory: The most bytes that the process held.
    """

    wall: float
    cpu: float
    memory: float


def run_scale(config: ScaleConfig, folder: Path, *, sections: Sequence[str], say: Callable[[str], None]) -> str:
    """Run sections; the JSON is written anew after each, and keeps what it holds of the others.

    Args:
        config: Sizes and rounds.
        folder: Where ``scale.json``, ``scale.md`` and ``scale.svg`` go.
        sections: Names of ``SECTIONS``; none: all.
        say: Is told of every figure as it comes.

    Returns:
        The tables of everything that the JSON holds, in Markdown.

    Raises:
        ConfigError: If there is no such section.
        MissingExtraError: If pyarrow or matplotlib is not installed.
    """
    for name in sections:
        if name not in SECTIONS:
            raise ConfigError(f"expected a section of {list(SECTIONS)}, got '{name}'; {nearest(name, SECTIONS)}")
    require("matplotlib", extra="plots")
    file = folder / "scale.json"
    results: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    measures = {"documents": _documents, "engines": _engines, "growth": _growth, "taxonomy": _taxonomy}
    for name in sections or SECTIONS:
        with tempfile.TemporaryDirectory() as place:
            found = measures[name](config, Path(place), say)
        told = versions_and_machine({"device": "cpu"})
        results[name] = {"conditions": f"{told['machine']}, {told['versions']}, {told['precision']}", "rows": found}
        write_json(file, results)
    if "growth" in results:
        _draw(results["growth"]["rows"], folder / "scale.svg")
    text = report(results)
    write_text(folder / "scale.md", text)
    return text


def _documents(config: ScaleConfig, place: Path, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """The default encoder on newsgroup documents, in one process, start and loading left out."""
    texts = newsgroups(config.documents)
    _write(place / "documents.parquet", texts)
    _trained(place / "model", encoder=True)
    costs = [_apart(_answered, place, place / "documents.parquet", n_times) for n_times in (1, 2)]
    cpu, wall = (getattr(costs[1], name) - getattr(costs[0], name) for name in ("cpu", "wall"))
    sizes = [
        (place / "documents.parquet").stat().st_size,
        sum(one.stat().st_size for one in place.glob("out/*.parquet")),
    ]
    say(f"documents: {len(texts) / cpu:.1f} a second of one core")
    return [
        {
            "documents": len(texts),
            "a core-second": round(len(texts) / cpu, 1),
            "a second": round(len(texts) / wall, 1),
            "bytes read of one": round(sizes[0] / len(texts)),
            "bytes written of one": round(sizes[1] / len(texts)),
            "memory, MiB": round(costs[1].memory / MIB),
        }
    ]


def _engines(config: ScaleConfig, place: Path, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Engines in turn on the same files, by the documents that they answer once all workers have finished a file."""
    n_files, texts = 20, _short(config.rows[-1] // 5)
    for number in range(n_files):
        _write(place / "in" / f"part-{number}.parquet", texts[number::n_files])
    _trained(place / "model", encoder=False)
    found = []
    for number in range(config.rounds):
        for name, (engine, workers) in CONTENDERS.items():
            marks: list[tuple[float, int]] = []

            def mark(done: int, shards: int, rows: int, to: list[tuple[float, int]] = marks) -> None:
                to.append((time.perf_counter(), rows))

            try:
                out = str(place / f"{number} {name}")
                score(place / "model", [str(place / "in")], out, engine=engine, workers=workers, advance=mark)
            except MissingExtraError as error:
                say(f"left out, {name}: {error}")
                continue
            (begin, before), (end, rows) = marks[workers], marks[-1]
            found.append(
                {"round": number, "engine": name, "documents a second": round((rows - before) / (end - begin))}
            )
            say(f"engines: {found[-1]}")
    return found


def _growth(config: ScaleConfig, place: Path, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """One file of more and more short documents, each in a fresh process."""
    _trained(place / "model", encoder=False)
    found = []
    for n_rows in config.rows:
        _write(place / f"{n_rows}.parquet", _short(n_rows))
        cost = _apart(_answered, place, place / f"{n_rows}.parquet", 1)
        found.append({"rows": n_rows, **_plain(cost)})
        say(f"growth: {found[-1]}")
    return found


def _taxonomy(config: ScaleConfig, place: Path, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Reading a made-up taxonomy of more and more customers, and making the matrices of a thousand of them."""
    found = []
    for n_customers in config.customers:
        file = place / "taxonomy.parquet"
        write_scopes(file, n_topics=config.topics, n_customers=n_customers)
        try:
            cost = _apart(_mapped, file)
        except Exception as error:  # most likely memory: what was reached stands
            say(f"taxonomy: {n_customers:,} customers: {type(error).__name__}: {str(error)[:200]}")
            break
        size = round(file.stat().st_size / MIB)
        found.append({"topics": config.topics, "customers": n_customers, "file, MiB": size, **_plain(cost)})
        say(f"taxonomy: {found[-1]}")
    return found


def write_scopes(path: Path, *, n_topics: int, n_customers: int, n_named: int = 400, n_classes: int = 20) -> None:
    """A taxonomy in Parquet of customers who each name some topics, drawn at random.

    Args:
        path: The file.
        n_topics: Topics, under a hundredth as many areas.
        n_customers: Customers.
        n_named: Topics that each names, at most.
        n_classes: Classes of each.
    """
    arrow, parquet = require("pyarrow", extra="tables"), require("pyarrow.parquet", extra="tables")
    random, n_named = np.random.default_rng(0), min(n_named, n_topics)
    topics = arrow.array([f"t{number}" for number in range(n_topics)])
    areas = arrow.array([f"a{number}" for number in range(max(1, n_topics // 100))])
    classes = arrow.array([f"k{number}" for number in range(n_classes)])
    flags = {f"c{number}": {"partial": True} for number in range(n_customers)}
    head = {"hiercls": 1, "name": "made up", "levels": ["area", "topic"], "customers": flags}
    schema = arrow.schema([(name, arrow.string()) for name in ("customer", "class", "node")])
    schema = schema.with_metadata({b"hiercls": json.dumps(head).encode()})
    stride = n_topics // n_named
    with parquet.ParquetWriter(path, schema) as writer:
        nothing = arrow.nulls(len(areas), arrow.string())
        writer.write_table(arrow.table([nothing, nothing, areas], schema=schema))
        above = areas.take(arrow.array(np.arange(n_topics) % len(areas)))
        writer.write_table(arrow.table([arrow.nulls(n_topics, arrow.string()), above, topics], schema=schema))
        for start in range(0, n_customers, 1_000):
            names = [f"c{number}" for number in range(start, min(start + 1_000, n_customers))]
            customer = arrow.array(names).take(arrow.array(np.repeat(np.arange(len(names)), n_named)))
            first = random.integers(stride, size=(len(names), 1))
            places = (first + stride * np.arange(n_named)).reshape(-1)
            group = np.concatenate([random.permutation(np.arange(n_named) % n_classes) for _ in names])
            columns = [customer, classes.take(arrow.array(group)), topics.take(arrow.array(places))]
            writer.write_table(arrow.table(columns, schema=schema))


def _trained(folder: Path, *, encoder: bool) -> None:
    """A model of the tiny world: what an answer costs does not hang on what the topics are."""
    rows = read(shipped("tiny").with_suffix(".jsonl")).rows
    settings: dict[str, Any] = {} if encoder else {"encoder": None}
    HierarchicalTextClassifier(shipped("tiny"), **settings).fit_rows(rows).save_pretrained(folder)


def _short(number: int) -> list[str]:
    """Short documents: those of the tiny world, with numbers."""
    texts = [row.text for row in read(shipped("tiny").with_suffix(".jsonl")).rows]
    return [f"{texts[place % len(texts)]} {place}" for place in range(number)]


def _write(path: Path, texts: Sequence[str]) -> None:
    """Documents as Parquet."""
    arrow, parquet = require("pyarrow", extra="tables"), require("pyarrow.parquet", extra="tables")
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(arrow.table({"text": texts}), path, row_group_size=AT_ONCE)


def _apart(work: Callable[..., object], *given: object) -> Cost:
    """What a work costs in a process of its own, from when it was imported."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_cost, work, *given).result()


def _cost(work: Callable[..., object], *given: object) -> Cost:
    wall, cpu = time.perf_counter(), time.process_time()
    work(*given)
    return Cost(wall=time.perf_counter() - wall, cpu=time.process_time() - cpu, memory=peak_memory())


def _answered(place: Path, file: Path, n_times: int) -> None:
    """Answer a file, once or again."""
    for _ in range(n_times):
        score(place / "model", [str(file)], str(place / "out"), overwrite=True)


def _mapped(file: Path) -> None:
    """Read a taxonomy, and make the matrices of a thousand customers."""
    taxonomy = Taxonomy.from_parquet(file)
    for name in taxonomy.customers[:1_000]:
        _ = taxonomy.view(name).weights


def _plain(cost: Cost) -> dict[str, float]:
    """A cost as a table has it."""
    return {
        "core-seconds": round(cost.cpu, 1),
        "seconds": round(cost.wall, 1),
        "memory, MiB": round(cost.memory / MIB),
    }


def _draw(rows: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Time and memory over rows."""
    sizes = [row["rows"] for row in rows]
    lines = {
        f"{what} (slope {slope(sizes, [row[name] for row in rows]):.2f})": (sizes, [row[name] for row in rows])
        for what, name in (("core-seconds", "core-seconds"), ("most memory", "memory, MiB"))
    }
    subtitle = "One file of short documents, words alone, one process; the dashed line is linear"
    figure = plot_growth(lines, title="Time and memory by rows", subtitle=subtitle)
    save_svg(figure, file)


def report(results: Mapping[str, Any]) -> str:
    """The tables of what has been measured.

    Args:
        results: What ``scale.json`` holds.

    Returns:
        Markdown.

    Example:
        >>> rows = [{"round": 0, "engine": "two processes", "documents a second": 200},
        ...         {"round": 0, "engine": "two actors of Ray", "documents a second": 190}]
        >>> print(report({"engines": {"conditions": "here", "rows": rows}}).splitlines()[-1])
        two actors of Ray against two processes, median of rounds: 0.95.
    """
    lines = ["# Scale"]
    for name in (one for one in SECTIONS if one in results):
        rows = results[name]["rows"]
        lines += ["", f"## {name.capitalize()}", "", results[name]["conditions"], ""]
        lines += _table(rows)
        if name == "engines":
            lines += ["", *_against(rows)]
    return "\n".join(lines) + "\n"


def _table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Rows of one kind as a table."""
    names = list(rows[0]) if rows else []
    lines = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    cells = [[one if isinstance(one, str) else f"{one:,}" for one in row.values()] for row in rows]
    return [*lines, *(f"| {' | '.join(row)} |" for row in cells)]


def _against(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Ray against processes, and two processes against one, round by round."""
    rates = {(row["round"], row["engine"]): row["documents a second"] for row in rows}
    one, two, ray = CONTENDERS
    lines = []
    for name, other in ((two, one), (ray, two)):
        found = [
            rates[number, name] / rate
            for (number, told), rate in rates.items()
            if told == other and (number, name) in rates
        ]
        if found:
            lines.append(f"{name} against {other}, median of rounds: {np.median(found):.2f}.")
    return lines
