"""Settings of a training run, checked at birth."""

from __future__ import annotations

import math
from typing import Any

import pytest

from hiercls.errors import ConfigError
from hiercls.training.config import TrainingConfig


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"epochs": 0}, "epochs >= 1, got epochs = 0"),
        ({"batch_size": 0}, "batch_size >= 1"),
        ({"learning_rate": 0.0}, "learning_rate > 0"),
        ({"learning_rate": math.nan}, "learning_rate > 0"),
        ({"weight_decay": -1.0}, "weight_decay >= 0"),
        ({"layer_decay": 0.0}, "0 < layer_decay <= 1"),
        ({"layer_decay": 1.1}, "0 < layer_decay <= 1"),
        ({"encoder_weight_decay": -0.1}, "encoder_weight_decay >= 0"),
        ({"l1": -0.1}, "l1 >= 0"),
        ({"encoder_dropout": 1.0}, "0 <= encoder_dropout < 1"),
        ({"label_smoothing": 1.0}, "0 <= label_smoothing < 1"),
        ({"r_drop": -1.0}, "r_drop >= 0"),
        ({"averaging": 1.0}, "0 <= averaging < 1"),
        ({"warmup": 1.0}, "0 <= warmup < 1"),
        ({"max_grad_norm": 0.0}, "max_grad_norm > 0"),
        ({"patience": 0.0}, "0 < patience <= 1"),
        ({"teacher_forcing": 1.5}, "0 <= teacher_forcing <= 1"),
        ({"teacher_forcing_schedule": "steps"}, "'linear' or 'constant', got teacher_forcing_schedule = steps"),
        ({"sampling_temperature": 0.5}, "sampling_temperature >= 1"),
        ({"epochs": 0, "warmup": -1.0}, "epochs >= 1 and 0 <= warmup < 1"),
    ],
)
def test_what_is_out_of_range_is_said(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        TrainingConfig(**settings)


def test_balanced_sampling_is_temperature_infinity() -> None:
    assert TrainingConfig(sampling_temperature=math.inf).sampling_temperature == math.inf


def test_epochs_by_default_depend_on_the_documents() -> None:
    assert TrainingConfig(epochs=7).resolved(10, frozen=True).epochs == 7
    config = TrainingConfig(batch_size=10)
    most, many, few, one = (config.resolved(size, frozen=True).epochs or 0 for size in (10**7, 10**6, 50, 1))
    assert most == many < few < one
    assert few * 5 == one
    assert (config.resolved(1000, frozen=False).epochs or 0) < many


def test_short_runs_take_longer_steps_and_a_given_step_size_stands() -> None:
    long, short, tiny = (TrainingConfig().resolved(size, frozen=True).learning_rate or 0 for size in (10**6, 1000, 1))
    assert 3e-4 == long < short <= tiny == 2e-3
    middle = TrainingConfig(epochs=20).resolved(100 * 128, frozen=True)
    assert middle.learning_rate == pytest.approx(1 / 2000)
    assert TrainingConfig(learning_rate=0.5).resolved(1, frozen=True).learning_rate == 0.5


def test_batches_are_smaller_where_the_encoder_is_trained_and_a_given_size_stands() -> None:
    whole, heads = (TrainingConfig().resolved(1000, frozen=frozen).batch_size or 0 for frozen in (False, True))
    assert whole < heads
    assert TrainingConfig(batch_size=5).resolved(1000, frozen=False).batch_size == 5


def test_weights_are_averaged_where_the_encoder_is_trained_unless_said_otherwise() -> None:
    assert [TrainingConfig().resolved(100, frozen=frozen).averaging for frozen in (True, False)] == [0.0, 0.1]
    assert [TrainingConfig(averaging=0.3).resolved(100, frozen=frozen).averaging for frozen in (True, False)] == [
        0.3
    ] * 2
    assert TrainingConfig(averaging=0.0).resolved(100, frozen=False).averaging == 0.0
