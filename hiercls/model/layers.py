"""An encoder's layers: which are whose, and an encoder cut in two, so that lower ones run once and upper ones train.

Knows BERT-like encoders of `transformers` as modules; knows no text, no label and no training.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from hiercls.errors import ConfigError

TOLERANCE = 1e-4
"""How far the two halves' states may be from the whole's: float32 rounding."""
_UNCUTTABLE = "the layers of {} cannot be run in two parts; train the whole encoder: tune='all'"


class _HandedIn(nn.Module):
    """In the place of the embeddings: hidden states are handed in where word embeddings would be."""

    def __init__(self) -> None:
        super().__init__()
        self.word_embeddings = nn.Identity()  # what `transformers` looks for before it computes activations again

    def forward(self, input_ids: Any = None, inputs_embeds: Any = None, *rest: Any, **named: Any) -> Tensor:
        states: Tensor = inputs_embeds
        return states


def layers_of(transformer: Any) -> nn.ModuleList:
    """The transformer's layers, the lowest first.

    Args:
        transformer: A `transformers` encoder.

    Returns:
        Its list of layers.

    Raises:
        ConfigError: If there is no such list.
    """
    return getattr(*_place(transformer))  # type: ignore[no-any-return]


def halves(transformer: Any, *, n_upper: int) -> tuple[Any, Any]:
    """Cut a transformer in two copies: token ids to hidden states, and hidden states to the last ones.

    Args:
        transformer: A `transformers` encoder in evaluation mode; it is left alone.
        n_upper: Layers of the upper half.

    Returns:
        The lower half, which reads ``input_ids``, and the upper half, which reads ``inputs_embeds``.

    Raises:
        ConfigError: If it has fewer layers, or the halves do not say what the whole says: another architecture.
    """
    n_layers = len(layers_of(transformer))
    if n_layers != transformer.config.num_hidden_layers:
        raise ConfigError(_UNCUTTABLE.format(type(transformer).__name__))
    if not 1 <= n_upper <= n_layers:
        raise ConfigError(f"expected tune 'last-1' to 'last-{n_layers}', the encoder's layers, got 'last-{n_upper}'")
    lower, upper = copy.deepcopy(transformer), copy.deepcopy(transformer)
    for half, kept in ((lower, slice(0, n_layers - n_upper)), (upper, slice(n_layers - n_upper, None))):
        owner, name = _place(half)
        setattr(owner, name, getattr(owner, name)[kept])
    upper.embeddings = _HandedIn()
    _check(transformer, lower, upper)
    return lower, upper


def rejoined(transformer: Any, upper: Any) -> Any:
    """A copy of a transformer with the upper layers of a trained half.

    Args:
        transformer: The encoder that was cut.
        upper: Its upper half, trained.

    Returns:
        The whole.
    """
    whole = copy.deepcopy(transformer)
    trained = layers_of(upper)
    for old, new in zip(list(layers_of(whole))[-len(trained) :], trained, strict=True):
        old.load_state_dict(new.state_dict())
    return whole


def depths(transformer: Any) -> Mapping[int, int]:
    """How far below the top each parameter stands: 0 in the last layer, the number of layers in the embeddings.

    Args:
        transformer: A `transformers` encoder, or the upper half of one.

    Returns:
        By the parameter's ``id``.
    """
    layers = layers_of(transformer)
    found = {id(parameter): len(layers) for parameter in transformer.parameters()}
    for depth, layer in enumerate(reversed(list(layers))):
        found.update({id(parameter): depth for parameter in layer.parameters()})
    return found


def _place(transformer: Any) -> tuple[nn.Module, str]:
    """The module that holds the list of layers, and the list's name there."""
    for owner in transformer.modules():
        for name, part in owner.named_children():
            if isinstance(part, nn.ModuleList):
                return owner, name
    raise ConfigError(f"expected an encoder with a list of layers, got {type(transformer).__name__}")


@torch.no_grad()
def _check(whole: Any, lower: Any, upper: Any) -> None:
    """Refuse an architecture whose halves are not the whole, on a few tokens and some padding."""
    device = next(whole.parameters()).device
    ids, mask = torch.arange(4, device=device)[None], torch.tensor([[1, 1, 1, 0]], device=device)
    expected = whole(input_ids=ids, attention_mask=mask).last_hidden_state
    states = lower(input_ids=ids, attention_mask=mask).last_hidden_state
    found = upper(inputs_embeds=states, attention_mask=mask).last_hidden_state
    if not torch.allclose(found[:, :3], expected[:, :3], atol=TOLERANCE, rtol=TOLERANCE):
        raise ConfigError(_UNCUTTABLE.format(type(whole).__name__))
