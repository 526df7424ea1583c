"""Searching for settings by Optuna: folds that keep threads together, trials given up early, a study that goes on.

Knows rows, settings and the estimator; knows no file but the study's.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hiercls.data.rows import Row, thread_marks
from hiercls.data.splitting import holdout
from hiercls.data.writing import row_cells
from hiercls.errors import ConfigError, require
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.estimator.settings import settings_yaml
from hiercls.estimator.tasks import all_right
from hiercls.model.heads import HeadConfig
from hiercls.taxonomy import Taxonomy
from hiercls.training.config import TrainingConfig

WIDTHS = (0, 128, 256, 512, 1024)
"""The heads' hidden widths that are tried, beside the one that is given."""

HELD_OUT = 0.2
"""The part of the rows that each fold is measured on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """What a search has found.

    Args:
        settings: The best settings, as the estimator takes them.
        accuracy: Their accuracy on rows held out, the mean over folds; the best of many is above what comes.
        n_finished: The trials that were measured on all folds.
        n_pruned: Those that were given up.
    """

    settings: Mapping[str, Any]
    accuracy: float
    n_finished: int
    n_pruned: int


def tune(
    taxonomy: Taxonomy,
    rows: Sequence[Row],
    *,
    settings: Mapping[str, Any],
    n_trials: int = 20,
    n_folds: int = 3,
    study: Path | None = None,
    seed: int = 0,
    say: Callable[[str], None] = lambda line: None,
) -> Tuned:
    """Search for the settings of heads and training that foresee held-out labels best.

    A trial is measured on one fold after the other, and given up where it is below the median of the others so far.

    Args:
        taxonomy: The map.
        rows: Labelled rows.
        settings: What is not searched, as the estimator takes it; a head and training there are where search begins.
        n_trials: Trials altogether, those of a study that goes on included.
        n_folds: Folds, each of which holds out a fifth of the rows.
        study: The file of the study, which goes on where it is there; None: it is kept nowhere.
        seed: Seed of folds and of the search.
        say: Is told of each trial.

    Returns:
        The best settings.

    Raises:
        ConfigError: If the study in the file was begun with other rows or settings.
        MissingExtraError: If Optuna is not installed.
    """
    optuna = require("optuna", extra="tune")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    url = None if study is None else f"sqlite:///{study.resolve()}"
    found = optuna.create_study(
        storage=url, study_name="hiercls", direction="maximize", load_if_exists=True, pruner=_pruner(optuna)
    )
    _check_same(found, _mark(taxonomy, rows, settings, n_folds, seed), study)
    n_before = len(found.trials)
    found.sampler = optuna.samplers.TPESampler(seed=seed + n_before)

    def objective(trial: Any) -> float:
        tried, accuracies = {**settings, **searched(trial, settings)}, []
        for fold in range(n_folds):
            accuracies.append(_accuracy(taxonomy, rows, tried, seed=seed + fold))
            trial.report(float(np.mean(accuracies)), fold)
            if fold + 1 < n_folds and trial.should_prune():
                say(f"trial {trial.number}: given up at {np.mean(accuracies):.3f}")
                raise optuna.TrialPruned
        say(f"trial {trial.number}: {np.mean(accuracies):.3f} {trial.params}")
        return float(np.mean(accuracies))

    if n_before == 0:
        found.enqueue_trial(_begin(settings))
    found.optimize(objective, n_trials=max(0, n_trials - n_before))
    return _tuned(found, {**settings, **searched(optuna.trial.FixedTrial(found.best_params), settings)})


def _tuned(study: Any, best: Mapping[str, Any]) -> Tuned:
    """What a study has found."""
    states = [trial.state.name for trial in study.trials]
    return Tuned(
        settings=best,
        accuracy=float(study.best_value),
        n_finished=states.count("COMPLETE"),
        n_pruned=states.count("PRUNED"),
    )


def searched(trial: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The head and training that a trial asks for.

    Args:
        trial: Optuna's.
        settings: Those that are given, in which the rest stays.

    Returns:
        ``head`` and ``training``.
    """
    begun = settings.get("head") or HeadConfig()
    head = dataclasses.replace(
        begun,
        hidden=trial.suggest_categorical("hidden", sorted({*WIDTHS, begun.hidden})),
        dropout=trial.suggest_float("dropout", 0.0, 0.8),
        composition=trial.suggest_categorical("composition", ["topic", "path", "flat"]),
    )
    training = dataclasses.replace(
        settings.get("training") or TrainingConfig(),
        weight_decay=trial.suggest_float("weight_decay", 1e-3, 10.0, log=True),
        learning_rate=trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True),
        label_smoothing=trial.suggest_float("label_smoothing", 0.0, 0.2),
    )
    return {"head": head, "training": training}


def _begin(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The first trial: the settings that are given, or the defaults; numbers that are chosen by themselves are open."""
    head, training = settings.get("head") or HeadConfig(), settings.get("training") or TrainingConfig()
    return {"hidden": head.hidden, "dropout": head.dropout, "composition": head.composition,
            "label_smoothing": training.label_smoothing}  # fmt: skip


def _pruner(optuna: Any) -> Any:
    """Gives up what is below the median, once there are five to compare with."""
    return optuna.pruners.MedianPruner(n_startup_trials=5)


def _accuracy(taxonomy: Taxonomy, rows: Sequence[Row], settings: Mapping[str, Any], *, seed: int) -> float:
    """The accuracy on a fold's held-out rows, at the views that they are labelled at."""
    strata = [(row.customer, row.labels) for row in rows]
    texts = [row.text for row in rows]
    train, test = holdout(texts, groups=thread_marks(rows), strata=strata, fraction=HELD_OUT, seed=seed)
    model = HierarchicalTextClassifier(taxonomy, **settings).fit_rows([rows[place] for place in train])
    held = [rows[place] for place in test]
    return float(np.mean(all_right(taxonomy, model.scorer_, held, progress=False)))


def _mark(taxonomy: Taxonomy, rows: Sequence[Row], settings: Mapping[str, Any], n_folds: int, seed: int) -> str:
    """SHA-256 of all that makes trials comparable."""
    digest = hashlib.sha256(f"{taxonomy.to_yaml()}{settings_yaml(settings)}{n_folds} {seed}".encode())
    for row in rows:
        digest.update(json.dumps(row_cells(row)).encode())
    return digest.hexdigest()


def _check_same(study: Any, mark: str, file: Path | None) -> None:
    """Refuse to go on with a study of something else."""
    before = study.user_attrs.get("of")
    if before is None:
        study.set_user_attr("of", mark)
    elif before != mark:
        raise ConfigError(
            f"the study in '{file}' was begun with other rows, settings or folds, so its trials cannot be compared; "
            "give --study another file"
        )
