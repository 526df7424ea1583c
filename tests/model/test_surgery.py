"""Layers dropped, added, frozen and forgotten: always in a copy; and what a layer puts out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hiercls.encoding.engine import EncodingEngine
from hiercls.errors import ConfigError
from hiercls.model.encoder import EncoderConfig, TextEncoder, load_encoder
from hiercls.model.layers import halves, layers_of
from hiercls.model.surgery import add_layers, drop_layers, freeze, layer_names, layer_outputs, reinitialise

TEXTS = ["a0 a1 the b3", "", "c2", "d1 " * 40]


@pytest.fixture
def encoder(tiny_bert) -> TextEncoder:
    return load_encoder(EncoderConfig(name=str(tiny_bert), max_length=16, windows=2))


def states(transformer) -> torch.Tensor:
    with torch.inference_mode():
        return transformer(input_ids=torch.tensor([[2, 5, 6, 3]])).last_hidden_state


def test_parts_are_listed_by_type(encoder):
    names = layer_names(encoder.transformer)
    assert [name.rpartition(".")[2] for name in names] == ["0", "1"]
    assert layer_names(encoder.transformer, "BertLayer") == names
    with pytest.raises(ConfigError, match="'BertLayer'"):
        layer_names(encoder.transformer, "BertLayers")


def test_dropping_the_top_leaves_the_lower_half(encoder):
    lower, _ = halves(encoder.transformer, n_upper=1)
    torch.testing.assert_close(states(drop_layers(encoder.transformer, top=1)), states(lower))
    rest = drop_layers(encoder.transformer, bottom=1)
    for kept, old in zip(layers_of(rest)[0].parameters(), layers_of(encoder.transformer)[1].parameters(), strict=True):
        torch.testing.assert_close(kept, old)
    assert len(layers_of(encoder.transformer)) == 2
    with pytest.raises(ConfigError, match="0 to 1 of 2 layers"):
        drop_layers(encoder.transformer, top=1, bottom=1)


def test_added_layers_are_new_and_the_lower_ones_the_old(encoder):
    grown = add_layers(encoder.transformer, 2, seed=0)
    assert len(layers_of(grown)) == grown.config.num_hidden_layers == 4
    torch.testing.assert_close(states(drop_layers(grown, top=2)), states(encoder.transformer))
    old, new = (next(layers_of(grown)[place].parameters()) for place in (1, 2))
    assert not torch.equal(old, new)
    assert torch.equal(states(grown), states(add_layers(encoder.transformer, 2, seed=0)))
    assert not torch.equal(states(grown), states(add_layers(encoder.transformer, 2, seed=1)))


def test_forgetting_changes_what_is_named_alone(encoder):
    before = {name: value.clone() for name, value in encoder.transformer.state_dict().items()}
    (_, top) = layer_names(encoder.transformer)
    after = reinitialise(encoder.transformer, [top], seed=0).state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.startswith(f"{top}.") for name in changed)
    weights = after[f"{top}.attention.self.query.weight"]
    assert 0.5 < float(weights.std()) / encoder.transformer.config.initializer_range < 1.5
    assert all(torch.equal(before[name], value) for name, value in encoder.transformer.state_dict().items())
    scratch = reinitialise(encoder.transformer, [""], seed=0).state_dict()
    assert not torch.equal(before["embeddings.word_embeddings.weight"], scratch["embeddings.word_embeddings.weight"])


def test_freezing_leaves_the_others_to_be_trained(encoder):
    bottom, top = layer_names(encoder.transformer)
    frozen = freeze(encoder.transformer, ["embeddings", bottom])
    trained = {name for name, parameter in frozen.named_parameters() if parameter.requires_grad}
    assert any(name.startswith(f"{top}.") for name in trained)
    assert not any(name.startswith(("embeddings.", f"{bottom}.")) for name in trained)
    with pytest.raises(ConfigError, match="'embeddings'"):
        freeze(encoder.transformer, ["embedding"])


def test_the_last_layer_s_output_is_the_encoding_and_a_lower_one_that_of_the_lower_half(encoder):
    bottom, top = layer_names(encoder.transformer)
    found = layer_outputs(encoder, TEXTS, [bottom, top], batch_size=3)
    engine = EncodingEngine(encoder, device=torch.device("cpu"))
    np.testing.assert_allclose(found[top], engine.encode(TEXTS), atol=1e-5)
    lower, _ = halves(encoder.transformer, n_upper=1)
    cut = EncodingEngine(encoder.with_transformer(lower, encoder.pooling), device=torch.device("cpu"))
    np.testing.assert_allclose(found[bottom], cut.encode(TEXTS), atol=1e-5)
    assert not layers_of(encoder.transformer)[0]._forward_hooks
