"""Whoever watches is told of every epoch, and the trackers hand it on to their clients."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from hiercls.errors import ConfigError, MissingExtraError
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.taxonomy import Taxonomy
from hiercls.training.config import TrainingConfig
from hiercls.training.trackers import tracker
from hiercls.training.watching import Epoch, tell, watched


@pytest.fixture
def epochs() -> list[Epoch]:
    """Two runs, of two epochs and one."""
    one, two = TrainingConfig(weight_decay=1.0), TrainingConfig(weight_decay=2.0)
    return [
        Epoch(run=1, epoch=1, loss=0.5, heldout=0.7, settings=one),
        Epoch(run=1, epoch=2, loss=0.4, heldout=0.6, settings=one),
        Epoch(run=2, epoch=1, loss=0.3, heldout=None, settings=two),
    ]


def test_every_epoch_of_a_fit_is_told_to_all_and_nothing_after_it(
    tiny: Taxonomy, tiny_bert: Path, tiny_documents: Any
) -> None:
    first: list[Epoch] = []
    second: list[Epoch] = []
    training = TrainingConfig(epochs=3, patience=1.0, batch_size=32)
    model = HierarchicalTextClassifier(
        tiny, encoder=str(tiny_bert), max_length=16, lexical=False, training=training, cache=False
    )
    with watched(first.append, second.append):
        model.fit(*tiny_documents)
    n_told = len(first)
    model.set_params(training=TrainingConfig(epochs=1, weight_decay=0.0)).fit(*tiny_documents)
    assert n_told == len(first)
    assert first == second
    runs = {epoch.run for epoch in first}
    assert runs == set(range(1, len(runs) + 1))
    assert len(runs) > 1  # one for each L2 that is tried
    assert [epoch.epoch for epoch in first if epoch.run == 1] == [1, 2, 3]
    assert all(epoch.settings.weight_decay is not None and epoch.loss > 0 for epoch in first)
    assert first[0].heldout is not None


def test_what_a_watcher_raises_ends_the_training_and_the_watch() -> None:
    def stop(epoch: Epoch) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), watched(stop):
        tell(TrainingConfig(), losses=[1.0], heldout=[])
    tell(TrainingConfig(), losses=[1.0], heldout=[])


def test_tensorboard_has_a_folder_for_each_run(epochs: list[Epoch], monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Any] = []

    class Writer:
        def __init__(self, folder: str) -> None:
            self.folder = folder

        def add_scalar(self, *scalar: Any) -> None:
            written.append((self.folder, *scalar))

        def flush(self) -> None:
            written.append("flushed")

    for name in ("tensorboard", "torch.utils.tensorboard"):
        monkeypatch.setitem(sys.modules, name, _module(name, SummaryWriter=Writer))
    watch = tracker("tensorboard=here")
    for epoch in epochs:
        watch(epoch)
    assert ("here/run1", "heldout_loss", 0.6, 2) in written
    assert ("here/run2", "loss", 0.3, 1) in written
    assert len(written) == 5 + 3


@pytest.mark.parametrize("is_open", [False, True])
def test_mlflow_gets_settings_once_and_metrics_by_step(
    is_open: bool, epochs: list[Epoch], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Any] = []
    client = _module(
        "mlflow",
        active_run=lambda: object() if is_open else None,
        set_experiment=lambda name: said.append(("experiment", name)),
        log_params=lambda values: said.append(("params", values["run1/weight_decay"] if len(said) < 3 else None)),
        log_metrics=lambda values, step: said.append((step, values)),
    )
    monkeypatch.setitem(sys.modules, "mlflow", client)
    watch = tracker("mlflow=mine")
    for epoch in epochs[:2]:
        watch(epoch)
    assert [("experiment", "mine")] * (not is_open) + [
        ("params", 1.0),
        (1, {"run1/loss": 0.5, "run1/heldout_loss": 0.7}),
        (2, {"run1/loss": 0.4, "run1/heldout_loss": 0.6}),
    ] == said


def test_wandb_begins_a_run_where_none_is_open(epochs: list[Epoch], monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[Any] = []
    config: dict[str, Any] = {}
    run = SimpleNamespace(log=logged.append, config=config)
    begun: list[str] = []

    def init(project: str) -> Any:
        begun.append(project)
        return run

    monkeypatch.setitem(sys.modules, "wandb", _module("wandb", run=None, init=init))
    watch = tracker("wandb")
    for epoch in epochs:
        watch(epoch)
    assert begun == ["hiercls"]
    assert (config["run1/weight_decay"], config["run2/weight_decay"]) == (1.0, 2.0)
    assert logged[-1] == {"epoch": 1, "run2/loss": 0.3}


def test_a_tracker_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="tensorboard, mlflow, wandb"):
        tracker("paper")
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingExtraError, match=r"hiercls\[mlflow\]"):
        tracker("mlflow")


def _module(name: str, **members: Any) -> ModuleType:
    """A module that stands in for a client."""
    module = ModuleType(name)
    vars(module).update(members)
    return module
