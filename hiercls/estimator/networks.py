"""What a network reads and how it begins: the encoder frozen, trained in its upper layers, or trained whole.

Knows the encoder and the heads; knows no label and no training step.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from hiercls.encoding.engine import EncodingEngine
from hiercls.encoding.states import hidden_states
from hiercls.errors import ConfigError
from hiercls.estimator.engines import FROZEN, n_tuned_layers
from hiercls.model.encoder import TextEncoder
from hiercls.model.head import Head
from hiercls.model.inputs import EncodingInputs, Inputs, WindowInputs
from hiercls.model.layers import halves, rejoined
from hiercls.model.network import HierarchicalNetwork


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What all networks of one fit have in common.

    Args:
        inputs: What they read of the documents.
        encoder: The encoder as it was before; None where there is none.
        body: What is trained of it: its upper layers, or the whole; None where nothing is.
    """

    inputs: Inputs
    encoder: TextEncoder | None = None
    body: TextEncoder | None = None

    @classmethod
    def of(cls, texts: Sequence[str], engine: EncodingEngine | None, *, tune: str, progress: bool) -> Bench:
        """Encodings where the encoder is frozen, hidden states or tokens where it is trained, nothing without one.

        Args:
            texts: The documents.
            engine: Encodes texts; its encoder is the one that is trained.
            tune: ``none``, ``last-n`` or ``all``.
            progress: Whether to show a bar on standard error.

        Returns:
            What the networks read, and what of the encoder they train.

        Raises:
            ConfigError: If the encoder has fewer layers, or is frozen and has something to learn.
        """
        if engine is None:
            return cls(inputs=EncodingInputs(np.empty((len(texts), 0), dtype=np.float32)))
        encoder, n_upper = engine.encoder, n_tuned_layers(tune)
        if tune == FROZEN:
            if encoder.config.pooling == "attention":
                raise ConfigError(
                    "pooling 'attention' is learnt, which a frozen encoder is not; set tune='last-1' or more"
                )
            return cls(inputs=EncodingInputs(engine.encode(texts, progress=progress)), encoder=encoder)
        windows = encoder.tokenize(texts)
        if n_upper is None:
            return cls(inputs=WindowInputs(windows, encoder.pad_id), encoder=encoder, body=encoder)
        lower, upper = halves(encoder.transformer, n_upper=n_upper)
        states = hidden_states(lower, windows, pad_id=encoder.pad_id, device=engine.device, progress=progress)
        return cls(
            inputs=WindowInputs(states, None),
            encoder=encoder,
            body=encoder.with_transformer(upper, encoder.pooling),
        )

    def network(self, head: Head) -> HierarchicalNetwork:
        """A head on a fresh copy of what is trained of the encoder."""
        body: nn.Module = nn.Identity()
        if self.body is not None:
            body = copy.deepcopy(self.body).float().requires_grad_(True)
            unread = getattr(body.transformer, "pooler", None)
            if unread is not None:  # processes that train together wait for every gradient, and it has none
                unread.requires_grad_(False)
        return HierarchicalNetwork(head, body=body)

    def encoder_of(self, network: HierarchicalNetwork) -> TextEncoder | None:
        """The encoder that a network has trained, whole; None where it stayed frozen."""
        trained = network.body
        if not isinstance(trained, TextEncoder) or self.encoder is None or self.body is self.encoder:
            return trained if isinstance(trained, TextEncoder) else None
        whole = rejoined(self.encoder.transformer, trained.transformer).to("cpu")
        return self.encoder.with_transformer(whole, trained.pooling).eval()


def start_from(head: Head, start: Head) -> None:
    """Take another head's weights.

    Args:
        head: The head, changed in place.
        start: The one to start from.

    Raises:
        ConfigError: If they are built differently.
    """
    try:
        head.load_state_dict(start.state_dict())
    except RuntimeError as error:
        raise ConfigError(
            "warm_start goes on from the weights of the fit before, which had another hierarchy or another head; "
            "set warm_start=False to begin anew"
        ) from error
