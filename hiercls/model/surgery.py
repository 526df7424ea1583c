"""Surgery on an encoder, by plain functions: drop, add, freeze and re-initialise layers, list them, read their outputs.

Knows BERT-like encoders of `transformers` as modules with names; knows no label and no training. What is changed is a
copy: the encoder that is handed in stays as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hiercls.errors import ConfigError, nearest
from hiercls.model.encoder import TextEncoder
from hiercls.model.layers import layers_of
from hiercls.model.pooling import unite
from hiercls.model.tokens import Tokens


def layer_names(transformer: Any, kind: str | None = None) -> tuple[str, ...]:
    """The names of an encoder's parts, in the order in which they were built.

    Args:
        transformer: A `transformers` encoder.
        kind: The name of a type, such as ``Linear`` or ``BertLayer``; None: the stacked layers, the lowest first.

    Returns:
        Dotted names, as ``named_modules`` has them.

    Raises:
        ConfigError: If it has no part of this type.
    """
    parts = dict(transformer.named_modules())
    if kind is None:
        stacked = {id(layer) for layer in layers_of(transformer)}
        return tuple(name for name, part in parts.items() if id(part) in stacked)
    found = tuple(name for name, part in parts.items() if type(part).__name__ == kind)
    if not found:
        known = sorted({type(part).__name__ for part in parts.values()})
        raise ConfigError(f"expected a type of part that the encoder has, got '{kind}'; {nearest(kind, known)}")
    return found


def drop_layers(transformer: Any, *, top: int = 0, bottom: int = 0) -> Any:
    """A copy without some of the stacked layers.

    Args:
        transformer: A `transformers` encoder.
        top: Layers dropped next to the output.
        bottom: Layers dropped next to the embeddings.

    Returns:
        The copy; at least one layer is left.

    Raises:
        ConfigError: If no layer would be left.
    """
    n_layers = len(layers_of(transformer))
    if top < 0 or bottom < 0 or top + bottom >= n_layers:
        raise ConfigError(f"expected to drop 0 to {n_layers - 1} of {n_layers} layers, got {top} and {bottom}")
    return _with_layers(transformer, lambda layers: layers[bottom : n_layers - top])


def add_layers(transformer: Any, n_layers: int, *, seed: int) -> Any:
    """A copy with new layers on top, at random.

    Args:
        transformer: A `transformers` encoder.
        n_layers: How many.
        seed: Seed of their weights.

    Returns:
        The copy.
    """

    def grown(layers: list[nn.Module]) -> list[nn.Module]:
        return [*layers, *(copy.deepcopy(layers[-1]) for _ in range(n_layers))]

    whole = _with_layers(transformer, grown)
    return reinitialise(whole, layer_names(whole)[len(layers_of(transformer)) :], seed=seed)


def reinitialise(transformer: Any, names: Iterable[str], *, seed: int) -> Any:
    """A copy some of whose parts forget what they have learnt.

    Args:
        transformer: A `transformers` encoder.
        names: The parts, each with all that is inside it; ``""`` is the whole.
        seed: Seed of the weights, which are drawn as the architecture draws them.

    Returns:
        The copy.

    Raises:
        ConfigError: If it has no part of a name.
    """
    whole = copy.deepcopy(transformer)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for part in _parts(whole, names):
            for module in part.modules():
                for parameter in module.parameters(recurse=False):
                    if isinstance(module, nn.LayerNorm):
                        continue
                    parameter.normal_(std=whole.config.initializer_range) if parameter.ndim > 1 else parameter.zero_()
                if isinstance(module, nn.LayerNorm):
                    module.reset_parameters()
                if isinstance(module, nn.Embedding) and module.padding_idx is not None:
                    module.weight[module.padding_idx] = 0.0
    return whole


def freeze(transformer: Any, names: Iterable[str]) -> Any:
    """A copy some of whose parts are not trained; the others are.

    Args:
        transformer: A `transformers` encoder.
        names: The parts, each with all that is inside it.

    Returns:
        The copy, with ``requires_grad`` set.

    Raises:
        ConfigError: If it has no part of a name.
    """
    whole = copy.deepcopy(transformer).requires_grad_(True)
    for part in _parts(whole, names):
        part.requires_grad_(False)
    return whole


@torch.inference_mode()
def layer_outputs(
    encoder: TextEncoder, texts: Sequence[str], names: Sequence[str], *, batch_size: int = 32
) -> dict[str, np.ndarray]:
    """What some parts of an encoder put out, pooled to one vector a text as the encoder pools its last states.

    Args:
        encoder: The encoder, in evaluation mode.
        texts: The texts.
        names: Parts whose output is a state for every token.
        batch_size: Texts in a batch.

    Returns:
        By name, shape (n_texts, width of the part's output), float32.

    Raises:
        ConfigError: If it has no part of a name, or what a part puts out is no state for every token.
    """
    caught: dict[str, Tensor] = {}
    handles = [
        part.register_forward_hook(_catch(caught, name))
        for name, part in zip(names, _parts(encoder.transformer, names), strict=True)
    ]
    pooled: dict[str, list[Tensor]] = {name: [] for name in names}
    device = next(encoder.parameters()).device
    try:
        for start in range(0, len(texts), batch_size):
            windows = encoder.tokenize(texts[start : start + batch_size])
            tokens = Tokens.pad(windows.sequences, pad_id=encoder.pad_id, owners=windows.owners).to(device)
            encoder.transformer(input_ids=tokens.ids, attention_mask=tokens.mask)
            for name in names:
                states = caught[name]
                if states.shape[:2] != tokens.mask.shape:
                    raise ConfigError(
                        f"expected '{name}' to put out a state for every token, got {tuple(states.shape)}"
                    )
                pooled[name].append(unite(encoder.pooling(states.float(), tokens.mask), tokens.owners).cpu())
    finally:
        for handle in handles:
            handle.remove()
    return {name: torch.cat(parts).numpy() for name, parts in pooled.items()}


def _catch(caught: dict[str, Tensor], name: str) -> Callable[[Any, Any, Any], None]:
    """A hook that keeps what a part puts out, the first of several tensors."""

    def keep(_: Any, __: Any, output: Any) -> None:
        caught[name] = output[0] if isinstance(output, tuple) else output

    return keep


def _with_layers(transformer: Any, change: Callable[[list[nn.Module]], list[nn.Module]]) -> Any:
    """A copy with other stacked layers."""
    whole = copy.deepcopy(transformer)
    layers = layers_of(whole)
    changed = change(list(layers))
    del layers[:]
    layers.extend(changed)
    whole.config.num_hidden_layers = len(layers)
    return whole


def _parts(transformer: Any, names: Iterable[str]) -> list[Any]:
    """Parts by name."""
    parts = dict(transformer.named_modules())
    for name in names:
        if name not in parts:
            raise ConfigError(f"the encoder has no part '{name}'; {nearest(name, sorted(parts))}")
    return [parts[name] for name in names]
