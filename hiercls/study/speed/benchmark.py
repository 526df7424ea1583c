"""The benchmark of speed, whole: section by section, written after each, as JSON, a table and a figure.

Knows which sections there are and where results go; what is timed, the modules beside it know.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from hiercls.errors import ConfigError, MissingExtraError, nearest, require
from hiercls.files import write_text
from hiercls.plots.growth import plot_growth
from hiercls.study.newsgroups import versions_and_machine
from hiercls.study.report import runs_before, save_svg, write_json
from hiercls.study.speed import encoding, few, gpu, growth, guards, learning, scaling, trainer
from hiercls.study.speed.machine import processor
from hiercls.study.speed.rounds import Row, SpeedConfig

SECTIONS: dict[str, Callable[[SpeedConfig, Callable[[str], None]], list[Row]]] = {
    "encode": encoding.encode_rows,
    "cache": encoding.cache_rows,
    "processes": encoding.process_rows,
    "train": learning.train_rows,
    "accuracy": trainer.accuracy_rows,
    "heads": learning.head_rows,
    "few": few.few_rows,
    "lexical": learning.lexical_rows,
    "customers": scaling.customer_rows,
    "aggregate": scaling.aggregate_rows,
    "taxonomy": scaling.taxonomy_rows,
    "metrics": scaling.metric_rows,
    "guards": guards.guard_rows,
    "gpu": gpu.gpu_rows,
}
"""All but ``growth``, which has a figure."""

NAMES = (*SECTIONS, "growth")

PEERS = ("sentence-transformers", "setfit", "openvino", "onnxruntime", "hiclass")
"""Whose versions are told, where they are installed."""


def run_speed(
    config: SpeedConfig, folder: Path, *, sections: Sequence[str], resume: bool, say: Callable[[str], None]
) -> str:
    """Run sections; the JSON is written anew after each, the table at the end.

    Args:
        config: Rounds, threads and sizes.
        folder: Where ``speed.json``, ``speed.md`` and ``speed.svg`` go.
        sections: Names of ``NAMES``; none: all.
        resume: Whether sections that stand in the JSON already, measured under the same conditions, are kept.
        say: Is told of every section and of peers that are left out.

    Returns:
        The table of everything that the JSON holds, in Markdown.

    Raises:
        ConfigError: If there is no such section.
        MissingExtraError: If the figure is to be drawn and matplotlib is not installed.
    """
    for name in sections:
        if name not in NAMES:
            raise ConfigError(f"expected a section of {list(NAMES)}, got '{name}'; {nearest(name, NAMES)}")
    asked = list(sections) or list(NAMES)
    if "growth" in asked:
        require("matplotlib", extra="plots")
    results: dict[str, Any] = {"conditions": conditions(config), "runs": {}}
    if resume:
        results["runs"] = runs_before(folder / "speed.json", results["conditions"])
    for name in asked:
        if name in results["runs"]:
            continue
        say(f"{name}: measuring")
        start = time.perf_counter()
        try:
            found = _growth(config, folder, say) if name == "growth" else SECTIONS[name](config, say)
        except MissingExtraError as error:
            say(f"left out, {name}: {error}")
            continue
        results["runs"][name] = {"seconds": round(time.perf_counter() - start, 1), "rows": [row.plain for row in found]}
        results["runs"] = {one: results["runs"][one] for one in NAMES if one in results["runs"]}
        write_json(folder / "speed.json", results)
    text = report(results)
    write_text(folder / "speed.md", text)
    return text


def _growth(config: SpeedConfig, folder: Path, say: Callable[[str], None]) -> list[Row]:
    """Measure the growth curves, and draw them."""
    found = growth.curves(config, say)
    lines = {f"{curve.name} (slope {curve.slope:.2f})": (curve.sizes, curve.seconds) for curve in found}
    subtitle = "Medians over rounds, both axes logarithmic; the dashed line is linear"
    figure = plot_growth(lines, title="How seconds grow", subtitle=subtitle)
    folder.mkdir(parents=True, exist_ok=True)
    save_svg(figure, folder / "speed.svg")
    return growth.growth_rows(found)


def conditions(config: SpeedConfig) -> dict[str, Any]:
    """What a reader must know to run it again: sizes, versions, machine.

    Args:
        config: Rounds, threads and sizes.

    Returns:
        Plain data.
    """
    told = versions_and_machine({"device": "cpu"})
    peers = [f"{name} {found}" for name in PEERS if (found := _version(name))]
    return {
        **{name: getattr(config, name) for name in (field.name for field in dataclasses.fields(config))},
        "encoder": "all-MiniLM-L6-v2, 256 tokens",
        **{name: told[name] for name in ("precision", "versions", "machine")},
        "peers": ", ".join(peers) or "none installed",
        "processor": processor(),
        "cores": os.cpu_count(),
        **({"gpu": torch.cuda.get_device_name()} if torch.cuda.is_available() else {}),
    }


def report(results: Mapping[str, Any]) -> str:
    """The tables of what has been measured: what has a bar, and what is stated beside it.

    Args:
        results: What ``speed.json`` holds.

    Returns:
        Markdown.

    Example:
        >>> row = Row(work="encode", against="a peer", values=[2.0, 3.0, 2.5], bar=2.0, stretch=4.0).plain
        >>> print(report({"conditions": {}, "runs": {"encode": {"rows": [row]}}}).splitlines()[-1])
        | encode | a peer | 2.5× (2–3) | ≥ 2× (4×) | yes |
    """
    told = " ".join(f"{name}: {value}." for name, value in results["conditions"].items())
    rows = [Row(**plain) for section in results["runs"].values() for plain in section["rows"]]
    lines = ["# Speed", "", told, "", "Medians over rounds in which all take turns; in brackets the range.", ""]
    for title, head, chosen in (
        ("What it is held to", _HELD, [row for row in rows if row.bar is not None]),
        ("What is stated beside it", _STATED, [row for row in rows if row.bar is None]),
    ):
        if chosen:
            table = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *map(_cells, chosen))]
            lines += [f"## {title}", "", *table, ""]
    return "\n".join(lines).rstrip() + "\n"


_STATED = ("work", "against", "measured")
_HELD = (*_STATED, "at least (stretch)", "met")


def _cells(row: Row) -> list[str]:
    """A row of a table."""
    measured = f"{_number(row.median)}{row.unit}"
    if len(row.values) > 1:
        measured += f" ({_number(min(row.values))}–{_number(max(row.values))})"
    cells = [f"{row.work} ({row.note})" if row.note else row.work, row.against, measured]
    if row.bar is None:
        return cells
    bar = f"{'≤' if row.smaller else '≥'} {_number(row.bar)}{row.unit}"
    bar += f" ({_number(row.stretch)}{row.unit})" if row.stretch is not None else ""
    return [*cells, bar, "yes" if row.is_met else "**no**"]


def _number(value: float) -> str:
    """Three digits, thousands apart."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _version(name: str) -> str | None:
    """A package's version; None where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
