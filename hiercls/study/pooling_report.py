"""The pooling study's tables in Markdown, beside what was published.

Knows plain data; the published figures stand here as constants, each with where it is from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hiercls.plots import Gain, plot_gains, plot_training
from hiercls.study.pooling_setup import NetworkConfig
from hiercls.study.report import mean_and_deviation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAPER_TABLE: Mapping[str, Mapping[str, str]] = {
    "related": {"alone": ".834", "beside": ".843", "share of gains": ".719"},
    "unrelated": {"alone": ".893", "beside": ".897", "share of gains": ".572"},
}
"""Kerinec, Braud and Søgaard (2018), Table 1; the public code's files have the same figures at epoch 80."""

PAPER_ACCURACY: Mapping[str, str] = {"related": ".71", "unrelated": ".58"}
"""The best forecast's accuracy as published."""

CODE_ACCURACY: Mapping[str, Mapping[str, str]] = {
    "related": {
        "all": ".655",
        "without test data": ".592",
        "curves alone": ".582",
        "without curves": ".726",
        "without ratios": ".656",
    },
    "unrelated": {
        "all": ".578",
        "without test data": ".563",
        "curves alone": ".531",
        "without curves": ".587",
        "without ratios": ".568",
    },
}
"""KerinecEmma/investigationMTL, ``efficiency_epoch80`` of the first repeat, its two swapped names put right."""

N_NAMED = 12

EVERY = NetworkConfig(n_epochs=0).every

UNION = "with the encoder, one head on the union"


def report(results: Mapping[str, Any]) -> str:
    """All tables.

    Args:
        results: What ``pooling.json`` holds.

    Returns:
        Markdown.
    """
    runs = results["runs"]
    said = " ".join(f"{name[0].upper() + name[1:]}: {value}." for name, value in results["conditions"].items())
    parts = ["# When does learning beside another task help?", "", said, "", "Mean ± standard deviation over repeats."]
    for kind in _kinds(runs):
        parts += ["", f"## {kind.capitalize()} pairs ({runs[kind]['n_pairs']})", "", *_table_1(kind, runs[kind])]
        parts += ["", *_by_epoch(runs[kind]["curves"])]
        parts += ["", *_table_2(kind, runs[kind]["published"]["accuracy"]), "", *_table_3(runs[kind]["published"])]
        parts += ["", "Every main task left out in turn, F1 at epoch 80:", "", *_forecasts(runs[kind]["mended"])]
        if "union" in runs[kind]:
            parts += ["", f"The same question {UNION}:", ""]
            parts += [
                *_scores({"encoder": runs[kind]["union"]["table"]}),
                "",
                *_forecasts(runs[kind]["union"]["mended"]),
            ]
    return "\n".join([*parts, "", *_speed(runs["speed"]), ""])


def draw_forecasts(runs: Mapping[str, Any]) -> Figure:
    """What tells gains from losses when every main task is left out in turn, above chance.

    Args:
        runs: The figures of the related, the unrelated pairs, or both.

    Returns:
        The figure.
    """
    series = {
        f"{kind} pairs": [
            Gain(name=name, group=group, values=[auc - 0.5 for auc in quality["auc"]])
            for group, run in (("on words, two outputs", runs[kind]), (UNION, runs[kind].get("union", {"mended": {}})))
            for name, quality in run["mended"].items()
        ]
        for kind in _kinds(runs)
    }
    subtitle = (
        "AUC of the forecast minus .5, every main task left out in turn, mean ± standard deviation of the repeats"
    )
    return plot_gains(series, title="What tells beforehand whether pooling helps?", subtitle=subtitle)


def draw_curves(runs: Mapping[str, Any]) -> Figure:
    """F1 as training goes on, alone and beside the auxiliary: the paper's Figures 4 and 5.

    Args:
        runs: The figures of the related, the unrelated pairs, or both.

    Returns:
        The figure.
    """
    panels = {
        f"{kind} pairs": {
            {"alone": "learnt alone", "beside": "learnt beside a sibling task"}[name]: np.array(values)
            for name, values in runs[kind]["curves"].items()
        }
        for kind in _kinds(runs)
    }
    subtitle = "mean F1 of the main tasks on test documents; the bands are ± a standard deviation of the repeats"
    return plot_training(panels, every=EVERY, title="How learning beside another task goes on", subtitle=subtitle)


def _kinds(runs: Mapping[str, Any]) -> list[str]:
    """Which kinds of pairs were run."""
    return [kind for kind in ("related", "unrelated") if kind in runs]


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _head(*cells: str) -> list[str]:
    return [_line(*cells), "|---" * len(cells) + "|"]


def _scores(tables: Mapping[str, Mapping[str, Sequence[float]]], paper: Mapping[str, str] | None = None) -> list[str]:
    """F1 alone and beside, and the share of gains."""
    columns = ("alone", "beside", "share of gains")
    lines = _head("F1 of the main task", *columns)
    if paper:
        lines.append(_line("the paper, Table 1", *(paper[column] for column in columns)))
    return [
        *lines,
        *(_line(name, *(mean_and_deviation(row[column]) for column in columns)) for name, row in tables.items()),
    ]


def _table_1(kind: str, run: Mapping[str, Any]) -> list[str]:
    return _scores({f"here, epoch {epoch}": table for epoch, table in run["table"].items()}, PAPER_TABLE[kind])


def _by_epoch(curves: Mapping[str, Sequence[Sequence[float]]]) -> list[str]:
    """F1 as training goes on."""
    f1 = {name: np.array(values) for name, values in curves.items()}
    step = next(iter(f1.values())).shape[1] // 5
    lines = _head("mean F1 after", *(f"{EVERY * step * part} epochs" for part in range(1, 6)))
    return [
        *lines,
        *(_line(name, *map(mean_and_deviation, values[:, step - 1 :: step].T)) for name, values in f1.items()),
    ]


def _table_2(kind: str, accuracy: Mapping[str, Sequence[float]]) -> list[str]:
    """Forecasts as published, over random folds of pairs."""
    lines = _head(
        "accuracy over random folds", f"here (the paper's best: {PAPER_ACCURACY[kind]})", "public code's file"
    )
    published = CODE_ACCURACY[kind]
    return [*lines, *(_line(name, mean_and_deviation(v), published.get(name, "–")) for name, v in accuracy.items())]


def _table_3(published: Mapping[str, Any]) -> list[str]:
    """The features with the largest coefficients."""
    rows = sorted(published["features"].items(), key=lambda row: -float(np.mean(row[1]["inverse rank"])))[:N_NAMED]
    lines = _head("feature", "inverse rank", "coefficient")
    for name, values in rows:
        lines.append(_line(name, mean_and_deviation(values["inverse rank"]), _signed(values["coefficient"])))
    return lines


def _signed(values: Sequence[float]) -> str:
    return f"{np.mean(values):+.2f}".replace("-", "−") + (f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else "")


def _forecasts(qualities: Mapping[str, Mapping[str, Sequence[float]]]) -> list[str]:
    """AUC and rank correlation of forecasts."""
    lines = _head("forecast by", "AUC", "Spearman with the gain")
    return [
        *lines,
        *(_line(name, mean_and_deviation(q["auc"]), _signed(q["spearman"])) for name, q in qualities.items()),
    ]


def _speed(speed: Mapping[str, Mapping[str, float]]) -> list[str]:
    lines = ["## Speed", "", *_head("one repeat of all 516 pairs", "hours of one core", "times the programs' (least)")]
    cells = {name: (f"{row['hours']:.2f}", f"{row['times']:.1f} ({row['least']:.1f})") for name, row in speed.items()}
    return [*lines, *(_line(name, *two) for name, two in cells.items())]
