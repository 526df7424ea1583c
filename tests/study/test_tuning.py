"""Searching for settings: the best is kept, the study goes on, and another's is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hiercls.data import Row
from hiercls.errors import ConfigError
from hiercls.model.encoder import EncoderConfig
from hiercls.model.heads import HeadConfig
from hiercls.study import tuning
from hiercls.study.tuning import tune
from hiercls.taxonomy import Taxonomy
from hiercls.training.config import TrainingConfig

optuna = pytest.importorskip("optuna", reason="needs the extra: pip install 'hiercls[tune]'")


@pytest.fixture
def rows(tiny_documents: Any) -> list[Row]:
    return [Row(text=text, labels=(("topic", topic),)) for text, topic in zip(*tiny_documents, strict=True)]


def test_the_best_settings_are_found_and_a_study_goes_on(
    tiny: Taxonomy, rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[Any] = []

    def accuracy(taxonomy: Taxonomy, given: Any, settings: Any, *, seed: int) -> float:
        measured.append((settings["head"], seed))
        return 1.0 - abs(settings["head"].dropout - 0.4)

    monkeypatch.setattr(tuning, "_accuracy", accuracy)
    settings = {"head": HeadConfig(hidden=256, dropout=0.7), "tune": "none"}
    said: list[str] = []
    file = tmp_path / "study.db"
    first = tune(tiny, rows, settings=settings, n_trials=8, study=file, say=said.append)
    assert measured[0] == (HeadConfig(hidden=256, dropout=0.7), 0)  # it begins with what is given
    assert first.accuracy >= 0.7
    assert first.settings["tune"] == "none"
    assert first.n_finished + first.n_pruned == len(said) == 8
    more = tune(tiny, rows, settings=settings, n_trials=20, study=file, say=said.append)
    assert more.n_finished + more.n_pruned == len(said) == 20
    assert more.accuracy >= first.accuracy
    assert more.n_pruned > 0
    assert more.settings["head"].dropout == pytest.approx(0.4, abs=1.0 - more.accuracy + 1e-9)
    n_measured = len(measured)
    assert tune(tiny, rows, settings=settings, n_trials=20, study=file) == more
    assert len(measured) == n_measured  # nothing is left to try
    with pytest.raises(ConfigError, match="begun with other rows"):
        tune(tiny, rows[1:], settings=settings, study=file)


def test_a_trial_is_a_fit_on_a_part_and_its_accuracy_on_the_rest(
    tiny: Taxonomy, tiny_bert: Path, rows: list[Row]
) -> None:
    settings = {
        "encoder": EncoderConfig(name=str(tiny_bert), max_length=16),
        "lexical": False,
        "cache": False,
        "head": HeadConfig(hidden=16, dropout=0.0),
        "training": TrainingConfig(epochs=15, batch_size=16, learning_rate=0.03, weight_decay=0.01),
    }
    assert tuning._accuracy(tiny, rows, settings, seed=0) > 0.8
    with pytest.raises(ConfigError, match="cannot hold out a part of 1 texts"):
        tuning._accuracy(tiny, rows[:1], settings, seed=0)
