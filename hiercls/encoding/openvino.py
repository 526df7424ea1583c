"""An encoder computed by OpenVINO on a CPU, as it is or with int8 weights and products.

Knows OpenVINO and NNCF; knows no text, no window and no cache.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import threading
import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hiercls.encoding.precision import fast_precision
from hiercls.errors import require
from hiercls.model.encoder import quiet_transformers

GROUP = 128
"""Neighbouring numbers of a token's vector that share a scale; larger ones are no faster and less exact."""

_CONVERTING, _ASKING = threading.Lock(), threading.Lock()
"""Held while standard output is taken from NNCF, and while a graph computes, which it does for one at a time."""


class LastStates(nn.Module):
    """Token ids and mask to the last hidden states, as exporters want it.

    Args:
        transformer: A `transformers` encoder.
    """

    def __init__(self, transformer: Any) -> None:
        super().__init__()
        self.transformer = transformer

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Last hidden states, shape (n_windows, n_tokens, width), of ids and mask of shape (n_windows, n_tokens)."""
        states: Tensor = self.transformer(input_ids=ids, attention_mask=mask).last_hidden_state
        return states


def openvino_model(transformer: Any) -> Any:
    """A transformer as a model of OpenVINO, of windows of any number and length.

    Args:
        transformer: A `transformers` encoder in float32.

    Returns:
        The model, not compiled.

    Raises:
        MissingExtraError: If OpenVINO is not installed.
    """
    openvino = require("openvino", extra="int8")
    length = min(16, getattr(transformer.config, "max_position_embeddings", 16) - 2)  # RoBERTa keeps two for itself
    ids = torch.randint(0, transformer.config.vocab_size, (2, length), generator=torch.Generator().manual_seed(0))
    with quiet_transformers(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's, of lengths that it takes for constants
        return openvino.convert_model(LastStates(transformer), example_input=(ids, torch.ones_like(ids)))


def check_installed() -> None:
    """Say what is missing before any work.

    Raises:
        MissingExtraError: If OpenVINO or NNCF is not installed.
    """
    for module in ("openvino", "nncf"):
        if importlib.util.find_spec(module) is None:
            require(module, extra="int8")


class OpenVinoTransformer(nn.Module):
    """A transformer that OpenVINO computes, in the place of the one it is made from.

    In int8 the linear layers' weights are rounded to 8 bits, each output's with a scale and a zero of its own, without
    any document; activations as they come, ``GROUP`` by ``GROUP``. What is between them is computed in bfloat16 where
    the CPU is faster in it.

    Args:
        transformer: A `transformers` encoder in float32, on the CPU.
        number_format: What products are computed in: float32, bfloat16 or int8.

    Raises:
        MissingExtraError: If OpenVINO is not installed or, for int8, NNCF.

    Source:
        Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference,
        CVPR 2018, section 2.1.
    """

    def __init__(self, transformer: Any, *, number_format: torch.dtype) -> None:
        super().__init__()
        openvino = require("openvino", extra="int8")
        settings = {"INFERENCE_NUM_THREADS": torch.get_num_threads(), "NUM_STREAMS": 1}
        settings["ENABLE_CPU_PINNING"] = False  # or several processes would sit on the same cores
        if number_format is torch.int8:
            number_format, model = fast_precision(torch.device("cpu")), _int8_model(transformer)
            settings["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = GROUP
        else:
            model = openvino_model(transformer)
        hint = {"INFERENCE_PRECISION_HINT": "bf16" if number_format is torch.bfloat16 else "f32"}
        self.config = transformer.config
        self._graph = openvino.Core().compile_model(model, "CPU", {**settings, **hint})

    def forward(self, *, input_ids: Tensor, attention_mask: Tensor) -> SimpleNamespace:
        """The last hidden states of windows, as a transformer gives them.

        Args:
            input_ids: Token ids, shape (n_windows, n_tokens).
            attention_mask: Whether a token is one, the same shape.

        Returns:
            ``last_hidden_state`` of shape (n_windows, n_tokens, width), float32.
        """
        given = [one.numpy().astype(np.int64) for one in (input_ids, attention_mask)]
        with _ASKING:
            states = np.array(self._graph(given)[0])
        return SimpleNamespace(last_hidden_state=torch.from_numpy(states))


def _int8_model(transformer: Any) -> Any:
    """A transformer as a model of OpenVINO with weights of 8 bits."""
    logging.getLogger("nncf").setLevel(logging.ERROR)
    with _CONVERTING, contextlib.redirect_stdout(io.StringIO()):  # NNCF's bars and greetings
        nncf = require("nncf", extra="int8")
        return nncf.compress_weights(openvino_model(transformer), mode=nncf.CompressWeightsMode.INT8_ASYM)
