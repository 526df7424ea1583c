"""Results of benchmarks as JSON and as a Markdown table: mean ± standard deviation over seeds.

Knows methods, views and numbers; knows no model.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import stdtrit

from hiercls.errors import ConfigError, require
from hiercls.files import replacing, write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write plain data as JSON that people can read.

    Args:
        path: Where to.
        value: What.
    """
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def save_svg(figure: Figure, path: Path) -> None:
    """Write a figure, whole or not at all, the same bytes every time.

    Args:
        figure: The figure.
        path: Where to.
    """
    matplotlib = require("matplotlib", extra="plots")
    with replacing(path) as aside, matplotlib.rc_context({"svg.hashsalt": "hiercls"}):
        figure.savefig(aside, format="svg", metadata={"Date": None})


def runs_before(path: Path, conditions: Mapping[str, Any]) -> dict[str, Any]:
    """The results of an earlier run under the same conditions.

    Args:
        path: The JSON that it wrote, with ``conditions`` and ``runs``.
        conditions: The conditions of the run that goes on.

    Returns:
        The runs; none where there is no such file.

    Raises:
        ConfigError: If it was run under other conditions.
    """
    if not path.exists():
        return {}
    earlier = json.loads(path.read_text(encoding="utf-8"))
    if earlier["conditions"] != conditions:
        raise ConfigError(f"{path} was run under other conditions: {earlier['conditions']}; run without --resume")
    runs: dict[str, Any] = earlier["runs"]
    return runs


def mean_and_deviation(values: Sequence[float]) -> str:
    """A mean and the sample standard deviation, in points of accuracy.

    Args:
        values: One value a seed, between 0 and 1.

    Returns:
        Such as ``.766 ± .002``; without deviation where there is one value only.

    Example:
        >>> mean_and_deviation([0.76, 0.77]), mean_and_deviation([0.5])
        ('.765 ± .007', '.500')
    """
    mean = f"{np.mean(values):.3f}".removeprefix("0")
    if len(values) < 2:
        return mean
    return f"{mean} ± {np.std(values, ddof=1):.3f}".replace(" 0.", " .")


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of a mean over seeds, by Student's t.

    Args:
        values: One value a seed.

    Returns:
        Its ends; infinite ones of a single value.

    Example:
        >>> [round(end, 3) for end in interval([1.0, 2.0, 3.0])]
        [-0.484, 4.484]
    """
    degrees = len(values) - 1
    if degrees < 1:
        return -math.inf, math.inf
    half = float(stdtrit(degrees, 0.975)) * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return float(np.mean(values)) - half, float(np.mean(values)) + half


def markdown_table(
    runs: Sequence[Mapping[str, Mapping[str, float]]], *, columns: Mapping[str, Sequence[str]], of: str = "accuracy"
) -> str:
    """A table of methods by views.

    Args:
        runs: For each seed, a score by method and view; a method that fewer seeds have says how many.
        columns: For each column the views whose score it averages.
        of: The score's name.

    Returns:
        Markdown; a dash where a method cannot answer.

    Example:
        >>> print(markdown_table([{"hiercls": {"topic": 0.5}}], columns={"topics": ["topic"]}))
        | accuracy | topics |
        |---|---|
        | hiercls | .500 |
    """
    lines = [f"| {of} | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for method in dict.fromkeys(method for run in runs for method in run):
        found = [run[method] for run in runs if method in run]
        cells = []
        for views in columns.values():
            known = all(view in scores for view in views for scores in found)
            values = [float(np.mean([scores[view] for view in views])) for scores in found] if known else []
            cells.append(mean_and_deviation(values) if known else "–")
        lines.append(f"| {method}{seeds_of(found, runs)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def seeds_of(found: Sequence[Any], runs: Sequence[Any]) -> str:
    """How many seeds a row has, where they are fewer than there are."""
    return "" if len(found) == len(runs) else f" ({len(found)} of {len(runs)} seeds)"
