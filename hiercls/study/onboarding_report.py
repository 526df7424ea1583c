"""The tables and the figure of the onboarding benchmark, beside the bars that were set before it was run.

Knows results as the JSON has them; knows no model and no customer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hiercls.plots import Learning, plot_learning
from hiercls.study.report import mean_and_deviation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SECTIONS = {
    "known": "Known groupings, 0 documents",
    "adapt": "Adapting to few labelled documents: points of accuracy over the YAML alone",
    "mixes": "Another mix of topics: points of accuracy over the pooled one",
    "infer": "Unknown random groupings of 6 to 8 classes",
    "audit": "Audit of a customer of 2,828 documents: parts of a class re-filed at random",
    "extend": "Two new topics learnt from few documents, old ones kept",
    "curves": "Learning curves of a customer that is new",
}
"""What can be measured, and what it is called."""

BARS: Mapping[str, Mapping[str, tuple[str, float]]] = {
    "adapt": {
        **{f"as declared, {size} documents": ("below −.01 in ≤ 5 % of draws", -0.01) for size in (50, 100, 200)},
        "skewed mix, 100 documents": ("≥ +.010", 0.01),
        "a quarter of a class's topics re-filed, 100 documents": ("≥ +.010", 0.01),
        "a quarter of a class's documents re-filed at random, 100 documents": ("≥ +.010", 0.01),
    },
    "mixes": {
        **{f"equal, {how}": ("≥ −.003", -0.003) for how in ("without labels", "with labels")},
        **{f"skewed, {how}": ("≥ +.010", 0.01) for how in ("without labels", "with labels")},
    },
    "infer": {
        "20 documents, accuracy": ("≥ .50", 0.50),
        "50 documents, accuracy": ("≥ .62", 0.62),
        "100 documents, accuracy": ("≥ .68", 0.68),
        "100 documents, topics in their class": ("≥ .95", 0.95),
    },
    "audit": {
        "clean, any finding": ("≤ .05", 0.05),
        "10% found": ("≥ .70", 0.70),
        "25% found": ("≥ .90", 0.90),
        "10% error of the share": ("≤ .05", 0.05),
        "25% error of the share": ("≤ .05", 0.05),
    },
}
"""By section and row: the bar in words, and its number."""


def report(results: Mapping[str, Any]) -> str:
    """The tables of a run.

    Args:
        results: ``conditions`` and ``runs``, as the JSON has them.

    Returns:
        Markdown, of the sections that there are.
    """
    runs = list(results["runs"].values())
    lines = ["# Onboarding customers", "", "20 Newsgroups. Conditions:", ""]
    lines += [f"- {name}: {value}" for name, value in results["conditions"].items()]
    for name, title in SECTIONS.items():
        found = [run[name] for run in runs if name in run]
        if found:
            table = {"known": _known, "curves": _curves}.get(name)
            seeds = "1 seed" if len(found) == 1 else f"{len(found)} seeds"
            lines += [
                "",
                f"## {title} ({seeds})",
                "",
                *(_rows(found, BARS.get(name, {})) if table is None else table(found)),
            ]
    return "\n".join(lines) + "\n"


def _rows(found: Sequence[Mapping[str, Sequence[float]]], bars: Mapping[str, tuple[str, float]]) -> Iterable[str]:
    """A section's rows, over all draws of all seeds."""
    yield "| | mean ± sd | bar | met | draws below −.01 | draws |"
    yield "|---|---|---|---|---|---|"
    for row in dict.fromkeys(row for one in found for row in one):
        values = np.array([value for one in found for value in one.get(row, ())])
        bar, met = "", ""
        if row in bars:
            bar, number = bars[row]
            met = "yes" if _is_met(values, bar, number) else "**no**"
        below = f"{(values < -0.01).mean():.1%}" if (values < 0).any() else ""
        spread = f" ± {values.std(ddof=1):.4f}" if len(values) > 1 else ""
        yield f"| {row} | {values.mean():.4f}{spread} | {bar} | {met} | {below} | {len(values)} |"


def _is_met(values: np.ndarray, bar: str, number: float) -> bool:
    """Whether a bar is reached: by the mean, or by the draws where it says so."""
    if "draws" in bar:
        return bool((values < number).mean() <= 0.05)
    return bool(values.mean() <= number if bar.startswith("≤") else values.mean() >= number)


def _known(found: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """The table of known groupings: the union's accuracy and the oracle's, mean over seeds."""
    yield "| | rank of the rest | union | fine-label oracle | determined classes: union | oracle | bar | met |"
    yield "|---|---|---|---|---|---|---|---|"
    pairs = np.concatenate([one["random"] for one in found])
    lost = pairs[:, 1] - pairs[:, 0]
    worst = f"within .010 of the oracle; worst grouping {lost.max():+.3f}"
    figures = " | ".join(mean_and_deviation(column.tolist()) for column in pairs.T)
    yield f"| {len(pairs)} random groupings | 20 | {figures} | | | {worst} | {_word(lost.mean())} |"
    for name in found[0]["customers"]:
        cells = [one["customers"][name] for one in found]
        columns = np.concatenate([[cell["all"] for cell in cells], [cell["determined"] for cell in cells]], axis=1)
        figures = " | ".join(mean_and_deviation(column.tolist()) for column in columns.T)
        lost = (columns[:, 3] - columns[:, 2]).mean()
        yield f"| without {name} | {cells[0]['rank']} | {figures} | within .010 | {_word(lost)} |"


def _word(lost: float) -> str:
    """Whether a loss against the oracle is small enough."""
    return "yes" if lost <= 0.01 else "**no**"


def _curves(found: Sequence[Mapping[str, Mapping[str, Mapping[str, float]]]]) -> Iterable[str]:
    """Methods by numbers of own documents; the best of each column in bold."""
    curves = found[0]
    sizes = sorted({int(size) for by_size in curves.values() for size in by_size})
    means = {
        name: {int(size): float(np.mean([*draws.values()])) for size, draws in by_size.items()}
        for name, by_size in curves.items()
    }
    best = {size: max(one[size] for one in means.values() if size in one) for size in sizes}
    counts = {
        size: max(len(draws) for one in curves.values() for own, draws in one.items() if int(own) == size)
        for size in sizes
    }
    yield "| own documents | " + " | ".join(f"{size:,}" for size in sizes) + " |"
    yield "|---" * (len(sizes) + 1) + "|"
    yield "| draws | " + " | ".join(str(counts[size]) for size in sizes) + " |"
    for name, by_size in curves.items():
        cells = []
        for size in sizes:
            draws = [*by_size.get(str(size), {}).values()]
            words = mean_and_deviation(draws) if draws else "–"
            if draws and len(draws) < counts[size]:
                words = f"{words} ({len(draws)})"
            cells.append(f"**{words}**" if draws and means[name][size] == best[size] else words)
        yield f"| {name} | {' | '.join(cells)} |"
    yield from ("", "![Accuracy by the number of own documents, a line a method](onboarding.svg)")


def curves_figure(results: Mapping[str, Any]) -> Figure | None:
    """The learning curves as one figure.

    Args:
        results: What the JSON holds.

    Returns:
        The figure; None where no curves were run.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    found = [run["curves"] for run in results["runs"].values() if run.get("curves")]
    if not found:
        return None
    lines = []
    for name, by_size in found[0].items():
        sizes = sorted(map(int, by_size))
        means = [float(np.mean([*by_size[str(size)].values()])) for size in sizes]
        if sizes == [0]:
            continue
        lines.append(Learning(name=name.removeprefix("own data: "), group=_group(name), sizes=sizes, means=means))
    subtitle = f"20 Newsgroups, headers {results['conditions']['headers']}; mean accuracy at the new customer's classes"
    return plot_learning(lines, title="What to do with few documents of one's own", subtitle=subtitle)


def _group(method: str) -> str:
    """What a method has to learn from."""
    if method.startswith("hiercls"):
        return "hiercls"
    return "own documents alone" if method.startswith("own data") else "others' documents too"
