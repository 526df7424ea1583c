"""Can the probabilities be believed? Calibration errors before and after, beside those of a perfectly calibrated model.

Knows stored probabilities and the map; how the figures are told, ``study/trust_report`` knows.
"""

from __future__ import annotations

from typing import get_args

import numpy as np

from hiercls.calibration import DEFAULT_METHOD, Method
from hiercls.metrics import reliability, top_reliability
from hiercls.study.answers import Answers
from hiercls.study.halves import N_SPLITS, calibration_on, dealt, halves, read
from hiercls.study.posteriors import Posteriors
from hiercls.taxonomy import Taxonomy

N_SIMULATED = 50
"""Draws of what would be true if a model's probabilities were."""

SIZES, N_DRAWS = (50, 100, 200, 500, 1000), 3
"""Documents to calibrate on, where these are few; draws of them."""

FEW_METHODS: tuple[Method, ...] = ("adaptive", "temperature", "vector")
"""What is tried on few documents."""

BEFORE, PER_CUSTOMER = "as trained", f"{DEFAULT_METHOD}, and one more per customer"

ByView = dict[str, float]


def errors_on_halves(posteriors: Posteriors, taxonomy: Taxonomy, *, seed: int) -> dict[str, dict[str, ByView]]:
    """Calibrated on one random half of the test documents, measured on the other: means over several halvings.

    Args:
        posteriors: What a model says.
        taxonomy: The map.
        seed: Seed of the halves and of the simulation.

    Returns:
        ``error``: the expected calibration error by method and view; ``perfect``: what it would be on average if the
        probabilities were true.
    """
    found: dict[str, list[tuple[ByView, ByView]]] = {}
    said, topics = posteriors.test, posteriors.test_topics
    for number, (first, second) in enumerate(halves(len(said), n_splits=N_SPLITS, seed=seed)):
        owners = dealt(len(first), posteriors.customers, seed=N_SPLITS * seed + number)
        for name, method, own in _variants():
            calibration = None
            if method is not None:
                calibration = calibration_on(
                    said[first], topics[first], owners, taxonomy=taxonomy, method=method, per_customer=own
                )
            answers = read(said[second], topics[second], taxonomy=taxonomy, calibration=calibration)
            found.setdefault(name, []).append((errors(answers), perfect_errors(answers, seed=seed)))
    return {
        key: {name: _mean([pair[place] for pair in pairs]) for name, pairs in found.items()}
        for place, key in enumerate(("error", "perfect"))
    }


def errors_under_shift(posteriors: Posteriors, taxonomy: Taxonomy) -> dict[str, ByView]:
    """Calibrated on the held-out training documents, measured on all test documents.

    Args:
        posteriors: What a model says.
        taxonomy: The map.

    Returns:
        The expected calibration error by method and view.
    """
    found = {}
    for name, method, own in _variants():
        calibration = None
        if method is not None:
            calibration = calibration_on(
                posteriors.heldout,
                posteriors.heldout_topics,
                posteriors.heldout_customers,
                taxonomy=taxonomy,
                method=method,
                per_customer=own,
            )
        answers = read(posteriors.test, posteriors.test_topics, taxonomy=taxonomy, calibration=calibration)
        found[name] = errors(answers)
    return found


def errors_by_size(posteriors: Posteriors, taxonomy: Taxonomy, *, seed: int) -> dict[str, dict[str, list[float]]]:
    """Calibrated on few documents of one half of the test documents, measured on the other.

    Args:
        posteriors: What a model says.
        taxonomy: The map.
        seed: Seed of the draws.

    Returns:
        By the number of documents and the method, for each draw the mean error over the topics and all customers.
    """
    found: dict[str, dict[str, list[float]]] = {}
    said, topics = posteriors.test, posteriors.test_topics
    views = [taxonomy.levels[-1], *taxonomy.customers]
    for number, (first, second) in enumerate(halves(len(said), n_splits=N_DRAWS, seed=1000 + seed)):
        for size in (size for size in SIZES if size <= len(first)):
            few = first[:size]
            owners = dealt(size, posteriors.customers, seed=N_DRAWS * seed + number)
            for method in FEW_METHODS:
                calibration = calibration_on(said[few], topics[few], owners, taxonomy=taxonomy, method=method)
                by_view = errors(read(said[second], topics[second], taxonomy=taxonomy, calibration=calibration))
                mean = float(np.mean([by_view[name] for name in views]))
                found.setdefault(str(size), {}).setdefault(method, []).append(mean)
    return found


def errors(answers: Answers) -> ByView:
    """The expected calibration error of the likeliest classes at every view, in bins of equal mass."""
    return {name: top_reliability(logs, answers.truths[name]).error for name, logs in answers.classes.items()}


def perfect_errors(answers: Answers, *, seed: int, n_simulated: int = N_SIMULATED) -> ByView:
    """The same on average, if answers were right just as often as they say: what so few documents show by chance.

    Args:
        answers: Probabilities at every view.
        seed: Seed of the draws.
        n_simulated: How many draws.

    Returns:
        The mean error at every view.
    """
    random = np.random.default_rng(seed)
    found = {}
    for name, logs in answers.classes.items():
        sure = np.exp(logs.max(axis=1))
        draws = [reliability(sure, random.random(len(sure)) < sure).error for _ in range(n_simulated)]
        found[name] = float(np.mean(draws))
    return found


def _variants() -> list[tuple[str, Method | None, bool]]:
    """What is compared: its name, its method, and whether customers get scalings of their own."""
    plain = [(str(method), method, False) for method in get_args(Method)]
    return [(BEFORE, None, False), *plain, (PER_CUSTOMER, DEFAULT_METHOD, True)]


def _mean(parts: list[ByView]) -> ByView:
    return {name: float(np.mean([part[name] for part in parts])) for name in parts[0]}
