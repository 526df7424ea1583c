"""Are promises kept? Sets over random halves and on later documents, and coarser answers over random splits.

Knows stored probabilities and the map; the protocols are ``study/sets``'s, the tables are here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hiercls.study.posteriors import Posteriors
from hiercls.study.sets import climbing_over_splits, coverage_elsewhere, coverage_over_halves
from hiercls.taxonomy import Taxonomy

Seeds = Sequence[Mapping[str, Any]]


def promises(posteriors: Posteriors, taxonomy: Taxonomy, *, seed: int) -> dict[str, list[dict[str, Any]]]:
    """Conformal sets and climbing on one model's test documents.

    Args:
        posteriors: What a model says.
        taxonomy: The map.
        seed: Seed of the halves.

    Returns:
        ``halves``: sets calibrated on random halves of the test documents; ``later``: sets calibrated on the held-out
        training documents; ``climbing``: promised accuracies, over random splits of the test documents.
    """
    said, true = posteriors.test, posteriors.test_topics
    halves = coverage_over_halves(said, true, taxonomy=taxonomy, seed=seed)
    later = coverage_elsewhere(posteriors.heldout, posteriors.heldout_topics, said, true, taxonomy=taxonomy)
    climbing = climbing_over_splits(said, true, taxonomy=taxonomy, seed=seed)
    return {
        "halves": [dataclasses.asdict(scores) for scores in halves],
        "later": [dataclasses.asdict(scores) for scores in later],
        "climbing": [dataclasses.asdict(scores) for scores in climbing],
    }


def set_lines(seeds: Seeds, taxonomy: Taxonomy) -> list[str]:
    """Coverage and size of sets, by promise and view.

    Args:
        seeds: What was measured under each seed, with what :func:`promises` gave as ``promises``.
        taxonomy: The map.

    Returns:
        The lines of a table.
    """
    views = [*reversed(taxonomy.levels), *taxonomy.customers]
    fine = taxonomy.levels[-1]
    lines = [f"| promised: mean coverage (classes in a set) | {' | '.join(views)} |", "|---" * (len(views) + 1) + "|"]
    for promised in dict.fromkeys(one["promised"] for one in seeds[0]["promises"]["halves"]):
        for protocol, own, words in (
            ("halves", False, f"on halves, sets of {fine} and what they say elsewhere"),
            ("halves", True, "on halves, calibrated at each view"),
            ("later", False, f"later documents, sets of {fine}"),
        ):
            cells = [
                _set_cell(seeds, protocol, promised, view=view, calibrated_at=view if own else fine) for view in views
            ]
            lines.append(f"| {100 * promised:.0f} %: {words} | {' | '.join(cells)} |")
    return lines


def climbing_lines(seeds: Seeds) -> list[str]:
    """Promised accuracies and what became of them, by rule.

    Args:
        seeds: What was measured under each seed, with what :func:`promises` gave as ``promises``.

    Returns:
        The lines of a table.
    """
    columns = {
        "kept": "splits that keep it",
        "accuracy": "accuracy of answers",
        "answered": "answered",
        "depth": "mean depth",
        "specificity": "specificity",
    }
    lines = [f"| promised accuracy | {' | '.join(columns.values())} |", "|---" * (len(columns) + 1) + "|"]
    for place, one in enumerate(seeds[0]["promises"]["climbing"]):
        cells = []
        for column in columns:
            values = [seed["promises"]["climbing"][place][column] for seed in seeds]
            cells.append(f"{np.mean([value for value in values if value == value] or [np.nan]):.3f}")
        lines.append(f"| {100 * one['promised']:.0f} %: {one['rule']} | {' | '.join(cells)} |")
    return lines


def _set_cell(seeds: Seeds, protocol: str, promised: float, *, view: str, calibrated_at: str) -> str:
    """Coverage and size at one view, the means over seeds."""
    key = (promised, view, calibrated_at)
    found = [
        (one["coverage"], one["size"])
        for seed in seeds
        for one in seed["promises"][protocol]
        if (one["promised"], one["view"], one["calibrated_at"]) == key
    ]
    coverage, size = np.mean(found, axis=0)
    return f"{coverage:.3f} ({size:.1f})"
