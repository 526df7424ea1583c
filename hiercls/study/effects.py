"""What changes bring: gains paired by seed, and the tables of the ablation.

Knows runs as plain data; knows no model and no document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hiercls.study.report import mean_and_deviation
from hiercls.taxonomy import Taxonomy

Run = Mapping[str, Any]
"""One row's figures, and the settings that gave them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one change brings, over the seeds that it and the row it is compared with were run with.

    Args:
        name: The change.
        group: What it is a variant of.
        accuracy: Accuracy of the topics, one value a seed.
        against: The row that it is compared with.
        gains: The same minus that of the row it is compared with, seed by seed.
    """

    name: str
    group: str
    accuracy: tuple[float, ...]
    against: str
    gains: tuple[float, ...]


def effects(seeds: Mapping[str, Mapping[str, Run]], *, level: str) -> list[Effect]:
    """The rows of one world against those that they are compared with.

    Args:
        seeds: Runs by seed and row.
        level: The level whose accuracy counts.

    Returns:
        One entry a row that has a run, in the order in which the rows were first run.
    """
    names = list(dict.fromkeys(name for runs in seeds.values() for name in runs))
    found = []
    for name in names:
        against = next(runs[name]["against"] for runs in seeds.values() if name in runs)
        paired = [runs for runs in seeds.values() if name in runs and against in runs]
        if paired:
            found.append(
                Effect(
                    name=name,
                    group=paired[0][name]["group"],
                    accuracy=tuple(runs[name]["accuracy"][level] for runs in paired),
                    against=against,
                    gains=tuple(runs[name]["accuracy"][level] - runs[against]["accuracy"][level] for runs in paired),
                )
            )
    return found


def report(results: Mapping[str, Any], taxonomy: Taxonomy) -> str:
    """The tables of an ablation.

    Args:
        results: What ``ablation.json`` holds.
        taxonomy: The map.

    Returns:
        Markdown.
    """
    said = " ".join(f"{name[0].upper() + name[1:]}: {value}." for name, value in results["conditions"].items())
    parts = ["# One change at a time", "", said, "", "Mean ± standard deviation over seeds; gains are paired by seed."]
    for world, seeds in results["runs"].items():
        parts += ["", f"## Headers {world} ({len(seeds)} seeds)", "", *_table(seeds, taxonomy)]
    return "\n".join([*parts, ""])


def _table(seeds: Mapping[str, Mapping[str, Run]], taxonomy: Taxonomy) -> list[str]:
    """The rows of one world, under the groups that they belong to."""
    *upper, level = taxonomy.levels
    lines = [f"| | {level} | gain, points | macro-F1 | {' | '.join(upper)} | CPU s |", "|---" * (5 + len(upper)) + "|"]
    group = ""
    for effect in effects(seeds, level=level):
        if effect.group != group:
            group = effect.group
            lines.append(f"| **{group}** |" + " |" * (4 + len(upper)))
        runs = [runs[effect.name] for runs in seeds.values() if effect.name in runs]
        cells = [mean_and_deviation([run["macro_f1"] for run in runs])]
        cells += [mean_and_deviation([run["accuracy"][name] for run in runs]) for name in upper]
        seconds = f"{np.mean([run['seconds'] for run in runs]):.0f}"
        gain = "–" if effect.name == effect.against else signed(effect.gains)
        fewer = "" if len(runs) == len(seeds) else f" ({len(runs)} of {len(seeds)} seeds)"
        cells = [effect.name + fewer, mean_and_deviation(effect.accuracy), gain, *cells, seconds]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def signed(gains: Sequence[float]) -> str:
    """A mean gain and its standard deviation in points.

    Args:
        gains: One value a seed, as parts of 1.

    Returns:
        Such as ``+1.2 ± 0.3``; without deviation where there is one value only.

    Example:
        >>> signed([0.01, 0.02]), signed([-0.005]), signed([-0.0001])
        ('+1.5 ± 0.7', '−0.5', '+0.0')
    """
    mean = f"{round(100 * np.mean(gains), 1) + 0.0:+.1f}".replace("-", "−")
    return mean if len(gains) < 2 else f"{mean} ± {100 * np.std(gains, ddof=1):.1f}"
