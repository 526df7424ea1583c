"""Which setting is taken: tried on held-out labels, then trained again on everything."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from hiercls.data.rows import Row
from hiercls.losses import set_loss
from hiercls.model.batch import LabelledDocuments
from hiercls.model.heads import CascadeHead, HeadConfig
from hiercls.model.inputs import EncodingInputs
from hiercls.model.levels import Hierarchy
from hiercls.model.network import HierarchicalNetwork
from hiercls.model.targets import TargetTable
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.labels import resolve
from hiercls.training import selection
from hiercls.training.config import TrainingConfig
from hiercls.training.loop import train
from hiercls.training.selection import Trainer, heldout_loss, select_and_train, standard_error

CPU = torch.device("cpu")
CONFIG = TrainingConfig(epochs=5, batch_size=16, learning_rate=0.03, weight_decay=0.01)
SPLIT = (np.arange(48), np.arange(48, 60))


@pytest.fixture(scope="module")
def documents(tiny: Taxonomy) -> LabelledDocuments:
    """Noisy one-hot encodings, with labels of the level or of a customer, and weights."""
    random = np.random.default_rng(0)
    topics = random.integers(6, size=60)
    views = ["topic", "one", "two"]
    labels = [
        (views[number % 3], next(k for k in tiny.view(views[number % 3]).classes
                                 if topic in tiny.view(views[number % 3]).members(k)))
        for number, topic in enumerate(topics)
    ]  # fmt: skip
    resolved = resolve(tiny, [Row(text="…", labels=(label,)) for label in labels]).labels
    return LabelledDocuments(
        inputs=EncodingInputs((np.eye(6)[topics] + 0.1 * random.normal(size=(60, 6))).astype(np.float32)),
        targets=TargetTable(tiny, resolved, composition="topic"),
        weights=random.uniform(0.5, 2, size=60).astype(np.float32),
        groups=np.array([view for view, _ in labels]),
    )


@pytest.fixture
def trainer(tiny: Taxonomy) -> Trainer:
    def build() -> HierarchicalNetwork:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            head = CascadeHead(6, Hierarchy.of(tiny), HeadConfig(hidden=8, dropout=0.1))
        return HierarchicalNetwork(head, body=nn.Identity())

    return Trainer(build=build, level_weights=torch.ones(2), device=CPU, seed=0)


def with_decay(*decays: float) -> list[TrainingConfig]:
    return [dataclasses.replace(CONFIG, weight_decay=decay) for decay in decays]


def select(trainer: Trainer, documents: LabelledDocuments, candidates: Any, **changes: Any) -> Any:
    return select_and_train(
        trainer, documents, **({"candidates": candidates, "split": SPLIT, "refit": False} | changes)
    )


def test_the_best_on_heldout_labels_is_taken(trainer: Trainer, documents: LabelledDocuments) -> None:
    network, trials = select(trainer, documents, with_decay(30.0, 0.01, 5.0))
    assert [trial.config.weight_decay for trial in trials] == [0.01, 5.0, 30.0]
    losses = [trial.run.best_heldout for trial in trials]
    assert losses == sorted(losses)
    assert heldout_loss(network, documents.take(SPLIT[1]), device=CPU) == pytest.approx(losses[0])


def test_the_strongest_l2_within_one_standard_error_of_the_lowest_loss_is_taken(
    trainer: Trainer, documents: LabelledDocuments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "standard_error", lambda *args, **settings: 0.5)
    for losses, chosen in (([1.0, 1.4, 1.6], 0.5), ([1.0, 1.1, 1.2], 0.7), ([1.0, 1.6, 1.7], 0.01)):
        script = iter([loss for loss in losses for _ in range(CONFIG.epochs or 0)])
        monkeypatch.setattr(selection, "heldout_loss", lambda *args, script=script, **settings: next(script))
        patient = [dataclasses.replace(one, patience=1.0) for one in with_decay(0.01, 0.5, 0.7)]
        _, trials = select(trainer, documents, patient)
        assert trials[0].config.weight_decay == chosen
        assert [trial.run.best_heldout for trial in trials[1:]] == sorted(
            trial.run.best_heldout for trial in trials[1:]
        )


def test_the_standard_error_is_that_of_a_weighted_mean(trainer: Trainer, documents: LabelledDocuments) -> None:
    network = trainer.build().eval()
    batch = documents.batch(np.arange(60))
    losses = set_loss(network(batch.inputs).topics, batch.targets[-1]).detach().double().numpy()
    equal = dataclasses.replace(documents, weights=np.full(60, 2.0, dtype=np.float32))
    assert standard_error(network, equal, device=CPU) == pytest.approx(np.std(losses) / np.sqrt(60), rel=1e-5)
    alone = dataclasses.replace(documents, weights=np.eye(60, dtype=np.float32)[0])
    assert standard_error(network, alone, device=CPU) == 0.0


def test_a_refit_trains_the_best_on_everything_for_as_many_epochs_as_were_best(
    trainer: Trainer, documents: LabelledDocuments, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = iter([5.0, 2.0, 3.0, 4.0, 3.0, 2.5, 9.0])
    monkeypatch.setattr(selection, "heldout_loss", lambda *args, **settings: next(script))
    network, trials = select(trainer, documents, with_decay(0.01, 0.5), refit=True)
    assert (trials[0].config.weight_decay, trials[0].run.best_epoch) == (0.01, 2)
    expected = trainer.build()
    config = dataclasses.replace(CONFIG, weight_decay=0.01, epochs=2)
    train(expected, documents, config=config, level_weights=torch.ones(2), device=CPU, seed=0)
    for one, other in zip(network.parameters(), expected.parameters(), strict=True):
        assert one.equal(other)


def test_without_heldout_labels_the_first_setting_is_trained(trainer: Trainer, documents: LabelledDocuments) -> None:
    network, trials = select(trainer, documents, [CONFIG], split=(np.arange(60), np.arange(0)), refit=True)
    assert (len(trials), trials[0].run.heldout) == (1, ())
    assert math.isnan(trials[0].run.best_heldout)
    assert not network.training


@pytest.mark.parametrize(("script", "best"), [([3.0, 1.0, None], 0.01), ([1.0, 2.0, 3.0, 0.5, None], 0.5)])
def test_ctrl_c_ends_the_trials_and_keeps_the_best_so_far(
    script: list[float | None], best: float, trainer: Trainer, documents: LabelledDocuments,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    rest = iter(script)

    def follow(*args: Any, **settings: Any) -> float:
        value = next(rest)
        if value is None:
            raise KeyboardInterrupt
        return value

    monkeypatch.setattr(selection, "heldout_loss", follow)
    with pytest.warns(UserWarning, match="interrupted"):
        network, trials = select(trainer, documents, with_decay(0.01, 0.5, 0.7), refit=True)
    assert trials[0].config.weight_decay == best
    assert not network.training
    assert any(trial.run.interrupted for trial in trials)
    assert len(trials) == (1 if len(script) == 3 else 2)


def test_ctrl_c_before_any_heldout_loss_never_beats_a_trial_that_has_one(
    trainer: Trainer, documents: LabelledDocuments, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest = iter([1.0, 2.0, None])

    def follow(*args: Any, **settings: Any) -> float:
        value = next(rest)
        if value is None:
            raise KeyboardInterrupt
        return value

    monkeypatch.setattr(selection, "heldout_loss", follow)
    config = dataclasses.replace(CONFIG, patience=0.01)
    with pytest.warns(UserWarning, match="interrupted"):
        _, trials = select(trainer, documents, [config, dataclasses.replace(config, weight_decay=0.5)], refit=True)
    assert [trial.config.weight_decay for trial in trials] == [0.01, 0.5]


def test_no_setting_is_an_error(trainer: Trainer, documents: LabelledDocuments) -> None:
    with pytest.raises(ValueError, match="at least one candidate"):
        select(trainer, documents, [])


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_the_heldout_loss_is_the_weighted_mean_in_the_labels_own_views(
    batch_size: int, trainer: Trainer, documents: LabelledDocuments, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = trainer.build().eval()
    batch = documents.batch(np.arange(60))
    losses = set_loss(network(batch.inputs).topics, batch.targets[-1]).detach().numpy()
    monkeypatch.setattr(selection, "HELDOUT_BATCH", batch_size)
    found = heldout_loss(network, documents, device=CPU)
    assert found == pytest.approx(np.average(losses, weights=documents.weights), rel=1e-5)
