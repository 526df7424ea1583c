"""An encoder cut in two is the whole, and comes back whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from hiercls.encoding.engine import EncodingConfig
from hiercls.encoding.states import hidden_states
from hiercls.errors import ConfigError
from hiercls.model import layers
from hiercls.model.encoder import EncoderConfig, TextEncoder, load_encoder
from hiercls.model.layers import depths, halves, layers_of, rejoined
from hiercls.model.tokens import States, Tokens

CPU = torch.device("cpu")
TEXTS = ["a0 a1 the b3", "", "c2", "d1 " * 40]


@pytest.fixture
def encoder(tiny_bert: Path) -> TextEncoder:
    return load_encoder(EncoderConfig(name=str(tiny_bert), max_length=16, windows=2))


@pytest.mark.parametrize("n_upper", [1, 2])
def test_the_halves_of_an_encoder_say_what_the_whole_says(encoder: TextEncoder, n_upper: int) -> None:
    lower, upper = halves(encoder.transformer, n_upper=n_upper)
    assert [len(layers_of(half)) for half in (lower, upper)] == [2 - n_upper, n_upper]
    assert len(layers_of(encoder.transformer)) == 2
    tokens = Tokens.pad(encoder.tokenize(TEXTS).sequences, pad_id=0)
    with torch.inference_mode():
        expected = encoder.pool(tokens)
        states = lower(input_ids=tokens.ids, attention_mask=tokens.mask).last_hidden_state
        cut = encoder.with_transformer(upper, encoder.pooling)
        found = cut.pool(States(values=states, mask=tokens.mask, owners=tokens.owners))
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("n_upper", [1, 2])
def test_kept_states_give_the_whole_encoder_s_vectors_up_to_their_storage(encoder: TextEncoder, n_upper: int) -> None:
    windows = encoder.tokenize(TEXTS)
    lower, upper = halves(encoder.transformer, n_upper=n_upper)
    kept = hidden_states(lower, windows, pad_id=0, device=CPU, config=EncodingConfig(batch_tokens=20))
    assert {one.dtype for one in kept.sequences} == {np.dtype(np.float16)}
    assert [one.shape for one in kept.sequences] == [(len(one), 16) for one in windows.sequences]
    assert kept.owners.tolist() == windows.owners.tolist()
    with torch.inference_mode():
        found = encoder.with_transformer(upper, encoder.pooling)(States.pad(kept.sequences, owners=kept.owners))
        expected = encoder(Tokens.pad(windows.sequences, pad_id=0, owners=windows.owners))
    torch.testing.assert_close(found, expected, atol=2e-2, rtol=0)


def test_trained_upper_layers_come_back_into_a_whole(encoder: TextEncoder) -> None:
    _, upper = halves(encoder.transformer, n_upper=1)
    with torch.no_grad():
        for parameter in layers_of(upper).parameters():
            parameter += 0.5
    before = {name: value.clone() for name, value in encoder.transformer.named_parameters()}
    whole = rejoined(encoder.transformer, upper)
    for name, value in whole.named_parameters():
        trained = ".layer.1." in name
        torch.testing.assert_close(value, before[name] + 0.5 * trained, atol=0, rtol=0)
    assert all(value.equal(before[name]) for name, value in encoder.transformer.named_parameters())


def test_depths_count_from_the_last_layer(encoder: TextEncoder) -> None:
    found = depths(encoder.transformer)
    for name, parameter in encoder.transformer.named_parameters():
        expected = {"encoder.layer.1": 0, "encoder.layer.0": 1}.get(name[: len("encoder.layer.0")], 2)
        assert found[id(parameter)] == expected, name


@pytest.mark.parametrize("n_upper", [0, 3])
def test_more_layers_than_there_are_is_an_error(encoder: TextEncoder, n_upper: int) -> None:
    with pytest.raises(ConfigError, match=rf"'last-1' to 'last-2'.*got 'last-{n_upper}'"):
        halves(encoder.transformer, n_upper=n_upper)


def test_an_architecture_whose_halves_are_not_the_whole_is_refused(
    encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Doubling(nn.Module):
        def forward(self, input_ids: Any = None, inputs_embeds: Any = None, *rest: Any, **named: Any) -> torch.Tensor:
            return 2 * inputs_embeds + 1

    monkeypatch.setattr(layers, "_HandedIn", Doubling)
    with pytest.raises(ConfigError, match="cannot be run in two parts; train the whole encoder"):
        halves(encoder.transformer, n_upper=1)
    encoder.transformer.config.num_hidden_layers = 3
    with pytest.raises(ConfigError, match="cannot be run in two parts"):
        halves(encoder.transformer, n_upper=1)
    with pytest.raises(ConfigError, match="list of layers, got Linear"):
        layers_of(nn.Linear(1, 1))
