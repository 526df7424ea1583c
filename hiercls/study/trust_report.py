"""The tables of the benchmark of trust.

Knows what ``study/trust`` wrote; knows no model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from hiercls.calibration import DEFAULT_METHOD
from hiercls.study.believing import BEFORE
from hiercls.study.halves import N_SPLITS
from hiercls.study.promised import climbing_lines, set_lines
from hiercls.study.report import interval
from hiercls.taxonomy import Taxonomy

TITLES: dict[str, str] = {
    "removed": "20 Newsgroups, headers removed",
    "kept": "20 Newsgroups, headers kept",
    "pydocs": "Docstrings (pydocs)",
}


COLUMNS = {
    "topics": "topics right",
    "levels": "upper levels right",
    "customers": "customers' classes right",
    "right": "answers right",
    "f1": "hF1",
    "cost": "cost (edges)",
    "specificity": "specificity",
    "contradictions": "contradict themselves",
    "microseconds": "µs a document",
}

Seeds = Sequence[Mapping[str, Any]]


def report(results: Mapping[str, Any], taxonomies: Mapping[str, Taxonomy]) -> str:
    """All tables.

    Args:
        results: What ``trust.json`` holds.
        taxonomies: The map of each world.

    Returns:
        Markdown.
    """
    parts = ["# Trust", "", " ".join(f"{name}: {value}." for name, value in results["conditions"].items()), "", _INTRO]
    for world, by_seed in results["runs"].items():
        seeds = list(by_seed.values())
        parts += ["", f"## {TITLES[world]} ({len(seeds)} seeds)"]
        for title, table in _TABLES.items():
            parts += ["", f"### {title}", "", *table(seeds, taxonomies[world])]
    return "\n".join([*parts, ""])


_INTRO = (
    "One model a seed, trained on the customers' coarse labels with a tenth of the training documents held out. "
    "*On halves*: calibrated on the coarse labels of a random half of the test documents, measured on the other half; "
    f"means over {N_SPLITS} halvings and the seeds. *Later documents*: calibrated on the held-out training documents, "
    "measured on all test documents, which in 20 Newsgroups are of a later date; docstrings have no date. *If true*: "
    "the mean error that the same probabilities would show on as many documents if they were true, in the same bins."
)


def _errors(seeds: Seeds, taxonomy: Taxonomy) -> list[str]:
    """Calibration errors on halves: before, after, and what perfect ones would be."""
    views = [*reversed(taxonomy.levels), *taxonomy.customers]
    methods = list(seeds[0]["halves"]["error"])

    def row(name: str, by_seed: Iterable[Mapping[str, float]]) -> str:
        found = list(by_seed)
        return _line(name, [_short(float(np.mean([one[view] for one in found]))) for view in views])

    true = [seed["halves"]["perfect"][DEFAULT_METHOD] for seed in seeds]
    lines = [_line("expected calibration error", views), "|---" * (len(views) + 1) + "|"]
    for name in methods:
        measured = [seed["halves"]["error"][name] for seed in seeds]
        lines.append(
            row(f"on halves: **{name}** (default)" if name == DEFAULT_METHOD else f"on halves: {name}", measured)
        )
        if name == DEFAULT_METHOD:
            lines.append(row("the same, if true", true))
            past = [
                {view: one[view] - other[view] for view in views} for one, other in zip(measured, true, strict=True)
            ]
            lines.append(row("**above what it would be if true**", past))
    return [*lines, *(row(f"later documents: {name}", [seed["shift"][name] for seed in seeds]) for name in methods)]


def _sizes(seeds: Seeds, taxonomy: Taxonomy) -> list[str]:
    """Errors by the number of documents to calibrate on."""
    sizes = list(seeds[0]["sizes"])
    methods = list(seeds[0]["sizes"][sizes[0]])
    lines = [_line("mean error over topics and customers", [f"{size} documents" for size in sizes])]
    lines.append("|---" * (len(sizes) + 1) + "|")
    for method in methods:
        cells = []
        for size in sizes:
            draws = [value for seed in seeds for value in seed["sizes"][size][method]]
            cells.append(f"{_short(float(np.mean(draws)))} ± {_short(float(np.std(draws, ddof=1)))}")
        lines.append(_line(method, cells))
    views = [taxonomy.levels[-1], *taxonomy.customers]
    before = [seed["halves"]["error"][BEFORE][view] for seed in seeds for view in views]
    return [*lines, _line(BEFORE, [_short(float(np.mean(before)))] * len(sizes))]


def _caution(seeds: Seeds, _: Taxonomy) -> list[str]:
    """Areas under the risk–coverage curves, and their difference."""
    lines = [
        _line(
            "area under risk–coverage", ["coarser answers (hAURC)", "no answers (AURC)", "difference", "95 % interval"]
        )
    ]
    lines.append("|---|---|---|---|---|")
    for name, suffix in (("calibrated", ""), (BEFORE, ", as trained")):
        coarser, none = ([seed["caution"][f"{kind}{suffix}"] for seed in seeds] for kind in ("hierarchical", "flat"))
        differences = [one - other for one, other in zip(coarser, none, strict=True)]
        ends = ", ".join(_short(end, n_digits=4, sign="+") for end in interval(differences))
        means = [_short(float(np.mean(values)), n_digits=4) for values in (coarser, none)]
        lines.append(_line(name, [*means, _short(float(np.mean(differences)), n_digits=4, sign="+"), f"[{ends}]"]))
    return lines


def _decoding(seeds: Seeds, _: Taxonomy) -> list[str]:
    """What each decoding brings."""
    lines = [_line("decoding", COLUMNS.values()), "|---" * (len(COLUMNS) + 1) + "|"]
    for name in seeds[0]["decoding"]:
        cells = []
        for column in COLUMNS:
            values = [seed["decoding"][name][column] for seed in seeds if column in seed["decoding"][name]]
            cells.append(_cell(column, float(np.mean(values))) if values else "–")
        lines.append(_line(name, cells))
    return lines


_TABLES: dict[str, Callable[[Seeds, Taxonomy], list[str]]] = {
    "Can the probabilities be believed?": _errors,
    "How many documents does calibration take?": _sizes,
    "What does caution buy?": _caution,
    "Do sets hold what they promise?": set_lines,
    "Do coarser answers keep a promised accuracy?": lambda seeds, _: climbing_lines(seeds),
    "How should one decide?": _decoding,
}


def _cell(column: str, value: float) -> str:
    if column == "microseconds":
        return f"{value:.2g}"
    return f"{value:.2f}" if column == "cost" else _short(value)


def _line(name: str, cells: Iterable[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"


def _short(value: float, *, n_digits: int = 3, sign: str = "-") -> str:
    """A share without the 0 before its point, never minus nothing."""
    words = f"{round(value, n_digits) + 0.0:{sign}.{n_digits}f}"
    return (words.replace("0.", ".", 1) if abs(value) < 0.9995 else words).replace("-", "−")
