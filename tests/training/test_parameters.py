"""Which parameters learn how."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from hiercls.errors import ConfigError
from hiercls.model.encoder import EncoderConfig, load_encoder
from hiercls.model.heads import CascadeHead, HeadConfig
from hiercls.model.layers import halves
from hiercls.model.levels import Hierarchy
from hiercls.model.network import HierarchicalNetwork
from hiercls.taxonomy import Taxonomy
from hiercls.training.config import TrainingConfig
from hiercls.training.parameters import WeightAverage, head_l1, parameter_groups, set_dropout

CONFIG = TrainingConfig(
    weight_decay=0.3, encoder_weight_decay=0.02, learning_rate=0.1, encoder_learning_rate=0.01, layer_decay=0.5
)


@pytest.fixture(params=["whole", "last-1", "frozen"])
def network(request: pytest.FixtureRequest, tiny: Taxonomy, tiny_bert: Path) -> HierarchicalNetwork:
    head = CascadeHead(16, Hierarchy.of(tiny), HeadConfig(hidden=8))
    encoder = load_encoder(EncoderConfig(name=str(tiny_bert), max_length=16, pooling="attention"))
    if request.param == "last-1":
        encoder = encoder.with_transformer(halves(encoder.transformer, n_upper=1)[1], encoder.pooling)
    return HierarchicalNetwork(head, body=nn.Identity() if request.param == "frozen" else encoder)


def expected_rate(name: str, n_layers: int) -> float:
    """From a parameter's name alone."""
    if name.startswith(("head.", "body.pooling.")):
        return 0.1
    parts = name.split(".")
    depth = n_layers - 1 - int(parts[4]) if parts[2:4] == ["encoder", "layer"] else n_layers
    return 0.01 * 0.5**depth


def test_every_parameter_is_in_one_group_with_its_layer_s_step_size_and_its_part_s_decay(
    network: HierarchicalNetwork,
) -> None:
    groups = parameter_groups(network, CONFIG)
    of = {id(parameter): group for group in groups for parameter in group["params"]}  # type: ignore[attr-defined]
    assert sum(len(group["params"]) for group in groups) == len(of) == len(list(network.parameters()))  # type: ignore[arg-type]
    layers = {name.split(".")[4] for name, _ in network.named_parameters() if ".encoder.layer." in name}
    rates = set()
    for name, parameter in network.named_parameters():
        group = of[id(parameter)]
        assert group["lr"] == pytest.approx(expected_rate(name, len(layers))), name
        plain = name.endswith("bias") or "LayerNorm" in name or name == "body.pooling.query"
        assert group["weight_decay"] == (0.0 if plain else 0.3 if name.startswith("head.") else 0.02), name
        rates.add(group["lr"])
    assert len(rates) == {2: 4, 1: 3, 0: 1}[len(layers)]


def test_frozen_parameters_are_in_no_group(network: HierarchicalNetwork) -> None:
    network.body.requires_grad_(False)
    groups = parameter_groups(network, CONFIG)
    assert sum(len(group["params"]) for group in groups) == len(list(network.head.parameters()))  # type: ignore[arg-type]


def test_no_weight_decay_is_no_default(network: HierarchicalNetwork) -> None:
    with pytest.raises(ConfigError, match="choose it on held-out labels"):
        parameter_groups(network, TrainingConfig())


def test_l1_is_of_the_heads_matrices_alone(network: HierarchicalNetwork) -> None:
    expected = sum(
        float(np.abs(value.detach().numpy()).sum())
        for name, value in network.named_parameters()
        if name.startswith("head.") and name.endswith("weight")
    )
    assert head_l1(network).item() == pytest.approx(expected, rel=1e-5)


def test_dropout_is_set_in_every_layer(network: HierarchicalNetwork) -> None:
    set_dropout(network.body, 0.25)
    found = {part.p for part in network.body.modules() if isinstance(part, nn.Dropout)}
    assert found <= {0.25}
    assert found or isinstance(network.body, nn.Identity)
    assert 0.25 not in {part.p for part in network.head.modules() if isinstance(part, nn.Dropout)}


def test_the_average_follows_its_recursion_and_swaps_with_the_weights() -> None:
    layer = nn.Linear(1, 1, bias=False)
    layer.weight.data.fill_(4.0)
    average, expected = WeightAverage(layer, horizon=3.0), 4.0
    for step, value in enumerate([1.0, 2.0, -1.0, 5.0, 0.5, 7.0, 1.5, 2.5, 0.0, 1.0], start=1):
        layer.weight.data.fill_(value)
        average.add()
        decay = min(1 - 1 / 3, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    average.swap()
    assert layer.weight.item() == pytest.approx(expected)
    average.swap()
    assert layer.weight.item() == 1.0


def test_a_horizon_of_a_step_is_the_last_weights() -> None:
    layer = nn.Linear(1, 1, bias=False)
    average = WeightAverage(layer, horizon=0.2)
    layer.weight.data.fill_(math.pi)
    average.add()
    average.swap()
    assert layer.weight.item() == pytest.approx(math.pi)
