"""How good forecasts of pooling's gain were: rank correlation, error beside a constant's, and how often intervals hold.

Knows the JSON of the benchmark alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.stats import norm, spearmanr

from hiercls.study.pool_prior import Prior, fit_prior, in_words

PROMISES = (0.5, 0.8, 0.95)
"""How often intervals shall hold."""

SIZES = ((50, 120), (120, 300), (300, 1_000), (1_000, 3_001))
"""Documents of customers that are told of together: from the first, and fewer than the second."""


def scores(results: Mapping[str, Any]) -> dict[str, Any]:
    """Score the forecasts of all worlds' customers.

    An interval holds where ``|foretold − measured| ≤ z √(s_f² + s_m²)``: what is measured on test documents has an
    error too.

    Args:
        results: What ``worlds.json`` holds.

    Returns:
        Numbers by name; errors in parts of accuracy.
    """
    runs = list(results["runs"].values())
    told, came, sizes = (
        [np.array(list(column)) for column in zip(*pairs, strict=True)]
        for pairs in (
            [_pair(one, "forecast") for run in runs for one in run["customers"].values()],
            [_pair(one, "measured") for run in runs for one in run["customers"].values()],
            [(one["documents"],) for run in runs for one in run["customers"].values()],
        )
    )
    head = np.array([_pair(one, "head")[0] for run in runs for one in run["customers"].values()])
    worlds = np.repeat(np.arange(len(runs)), [len(run["customers"]) for run in runs])
    elsewhere = np.array([came[0][worlds != world].mean() if len(runs) > 1 else 0.0 for world in worlds])
    off = np.abs(told[0] - came[0]) / np.hypot(told[1], came[1])
    clear = np.abs(told[0]) > norm.ppf(0.975) * told[1]
    partial = [one for run in runs for one in run["customers"].values() if not _takes_all(one)]
    return {
        "customers": len(worlds),
        "rank correlation": float(spearmanr(told[0], came[0]).statistic),
        "rank correlation of the head": float(spearmanr(head, came[0]).statistic),
        "rank correlation of −documents": float(spearmanr(-sizes[0], came[0]).statistic),
        "absolute error": float(np.abs(told[0] - came[0]).mean()),
        "absolute error of the head": float(np.abs(head - came[0]).mean()),
        "absolute error of the other worlds' mean": float(np.abs(elsewhere - came[0]).mean()),
        "foretold − measured": float((told[0] - came[0]).mean()),
        "intervals hold": {f"{p:.0%}": float((off <= norm.ppf((1 + p) / 2)).mean()) for p in PROMISES},
        "clear": int(clear.sum()),
        "clear and of the right sign": int((clear & (np.sign(told[0]) == np.sign(came[0]))).sum()),
        "gain": float(came[0].mean()),
        "helped": float((came[0] > 0).mean()),
        "probability that it helps": float(norm.cdf(told[0] / told[1]).mean()),
        "part better than all, foretold": len(partial),
        "part − all, measured": float(
            np.mean([one["by_best"]["measured"]["mean"] - one["by_all"]["measured"]["mean"] for one in partial])
        )
        if partial
        else None,
    }


def fitted_prior(results: Mapping[str, Any]) -> Prior:
    """The prior under which these worlds' gains are likeliest.

    Args:
        results: What ``worlds.json`` holds.

    Returns:
        The prior.
    """
    customers = [one for run in results["runs"].values() for one in run["customers"].values()]
    head, measured = (np.array([_pair(one, which) for one in customers]).T for which in ("head", "measured"))
    return fit_prior([one["documents"] for one in customers], *head, *measured)


def report(results: Mapping[str, Any], *, fitted: bool = False) -> str:
    """The report of a benchmark.

    Args:
        results: What ``worlds.json`` holds.
        fitted: Whether to add the prior that fits these worlds.

    Returns:
        Markdown.
    """
    found = scores(results)
    runs = results["runs"]
    seconds = {
        what: np.median([run["cpu_seconds"][what] for run in runs.values()]) for what in ("forecast", "measured")
    }
    lines = [
        "# Is what `hiercls pool` foretells true?",
        "",
        " ".join(f"{name}: {value}." for name, value in results["conditions"].items()),
        "",
        f"{len(runs)} worlds, {found['customers']} customers of 50 to 3,000 documents with mixes and groupings of "
        "their own. Foretold is the gain in accuracy by all others' documents; measured, the model's on 2,000 test "
        f"documents of the customer's mix. Median processor time a world: {seconds['forecast']:.0f} s for the "
        f"forecast, {seconds['measured']:.0f} s for training.",
        "",
        *_summary(found),
        "",
        "| own documents | customers | gain by pooling, measured | helped |",
        "|---|---|---|---|",
        *_by_size(results),
        "",
        *([f"Likeliest under these worlds: `{in_words(fitted_prior(results))}`.", ""] if fitted else []),
        "| world | customer | documents | own data | foretold | measured | best part foretold | measured |",
        "|---|---|---|---|---|---|---|---|",
        *(_row(world, name, one) for world, run in runs.items() for name, one in run["customers"].items()),
        "",
    ]
    return "\n".join(lines)


_ELSEWHERE, _RIGHT = "absolute error of the other worlds' mean", "clear and of the right sign"


def _pair(one: Mapping[str, Any], which: str) -> tuple[float, float]:
    return one["by_all"][which]["mean"], one["by_all"][which]["error"]


def _summary(found: Mapping[str, Any]) -> list[str]:
    """The scores, a line each."""
    part = found["part − all, measured"]
    intervals = ", ".join(f"{name}: {100 * share:.0f} %" for name, share in found["intervals hold"].items())
    return [
        "| | |",
        "|---|---|",
        f"| gain by pooling, measured, mean (customers helped) | {_points(found['gain'])} ({found['helped']:.0%}) |",
        f"| probability that pooling helps, foretold, mean | {found['probability that it helps']:.0%} |",
        f"| rank correlation of forecast and truth | {found['rank correlation']:.2f} |",
        f"| … of what the head alone says and truth | {found['rank correlation of the head']:.2f} |",
        f"| … of 'the fewer documents, the more' and truth | {found['rank correlation of −documents']:.2f} |",
        f"| mean absolute error of the forecast, points | {100 * found['absolute error']:.1f} |",
        f"| … of what the head alone says, points | {100 * found['absolute error of the head']:.1f} |",
        f"| … of the other worlds' mean gain, points | {100 * found[_ELSEWHERE]:.1f} |",
        f"| foretold − measured, mean, points | {_points(found['foretold − measured'])} |",
        f"| intervals hold the truth | {intervals} |",
        f"| forecasts that are clearly not 0, and of the right sign | {found['clear']}, {found[_RIGHT]} |",
        f"| a part of the others foretold to be better than all; measured, it is ahead by | "
        f"{found['part better than all, foretold']}; {'–' if part is None else _points(part) + ' points'} |",
    ]


def _by_size(results: Mapping[str, Any]) -> list[str]:
    """Gains of customers of like size, mean ± standard deviation over the customers."""
    lines = []
    customers = [one for run in results["runs"].values() for one in run["customers"].values()]
    for first, end in SIZES:
        gains = np.array([_pair(one, "measured")[0] for one in customers if first <= one["documents"] < end])
        if len(gains) > 1:
            spread = f"{_points(float(gains.mean()))} ± {100 * gains.std(ddof=1):.1f}"
            lines.append(f"| {first:,} to {end - 1:,} | {len(gains)} | {spread} | {(gains > 0).mean():.0%} |")
    return lines


def _takes_all(one: Mapping[str, Any]) -> bool:
    """Whether no part of the others was foretold to be better than all of them."""
    whole, part = one["by_all"], one["by_best"]
    return all(part[which] == whole[which] for which in ("forecast", "measured"))


def _row(world: str, name: str, one: Mapping[str, Any]) -> str:
    """One customer."""
    told, came = (one["by_all"][which] for which in ("forecast", "measured"))
    same = _takes_all(one)
    best = "all | " if same else f"{_points(one['by_best']['forecast']['mean'])} ({len(one['best'])} others) | "
    return (
        f"| {world} | {name} | {one['documents']:,} | {one['own']:.3f} | {_points(told['mean'])} ± "
        f"{196 * told['error']:.1f} | {_points(came['mean'])} ± {196 * came['error']:.1f} | {best}"
        f"{'' if same else _points(one['by_best']['measured']['mean'])} |"
    )


def _points(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "−")
