"""What computes a batch of tokens: torch as it is, torch compiled for very many texts, or int8 products.

Knows encoders, devices and number formats; knows no text, no cache and no label.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from hiercls.encoding.int8 import Int8Transformer, check_installed
from hiercls.model.encoder import TextEncoder
from hiercls.model.tokens import Tokens

N_COMPARED, NEAR = 32, 0.97
"""Windows on which int8 is held against float32; the mean cosine that it must reach."""

_LOG = logging.getLogger(__name__)


class Runtime:
    """Pools windows of tokens by the fastest that a number format has on a device.

    Args:
        encoder: The encoder; it is moved to the device, in the format (float32 for int8), and frozen.
        device: Where it runs.
        precision: Number format.
    """

    def __init__(self, encoder: TextEncoder, *, device: torch.device, precision: torch.dtype) -> None:
        self.is_int8 = precision is torch.int8
        if self.is_int8:
            check_installed()
        number_format = torch.float32 if self.is_int8 else precision
        self.encoder = encoder.to(device=device, dtype=number_format).eval().requires_grad_(False)
        self.device = device
        self.cost: str | None = None
        """How near int8 came to float32 on the first windows, in words; None where it was not compared."""
        self._made: TextEncoder | None = None
        self._lock = threading.RLock()

    def __getstate__(self) -> dict[str, Any]:
        """All but what was made of the encoder here, which is made again where it is wanted."""
        return {**self.__dict__, "_made": None, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.RLock())

    def pool(self, tokens: Tokens) -> Tensor:
        """Encode windows, each alone.

        Args:
            tokens: The windows, on the device.

        Returns:
            Shape (n_windows, width), float32.
        """
        if self.is_int8:
            return self._int8().pool(tokens)
        if self._made is not None and min(tokens.ids.shape) > 1:  # shapes of 1 would be compiled anew
            return self._made.pool(tokens)
        return self.encoder.pool(tokens)

    def compare(self, sequences: Sequence[np.ndarray]) -> None:
        """Hold int8 against float32 on some windows, once; a warning where it says something else.

        Args:
            sequences: Token ids of windows.
        """
        if not self.is_int8 or not len(sequences):
            return
        with self._lock:
            if self.cost is not None:
                return
            places = np.unique(np.linspace(0, len(sequences) - 1, N_COMPARED).astype(int))
            tokens = Tokens.pad([sequences[place] for place in places], pad_id=self.encoder.pad_id)
            cosines = cosine_similarity(self._int8().pool(tokens), self.encoder.pool(tokens))
            mean, least = cosines.mean().item(), cosines.min().item()
            self.cost = f"int8: cosine to float32 on {len(places)} windows of texts {mean:.4f}, at least {least:.4f}"
        _LOG.info(self.cost)
        if not mean >= NEAR:
            warnings.warn(f"{self.cost}, which is far with this encoder; take precision='auto'", stacklevel=2)

    @torch.inference_mode()
    def compile(self) -> None:
        """Compile the encoder for batches of any shape; where that fails, a warning, and all stays as it is."""
        with self._lock:
            if self.is_int8 or self._made is not None or not can_compile(self.device):
                return
            _LOG.info("compiling the encoder, which takes about a minute")
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)  # of torch, at itself
                    self._made = self._compiled()
            except Exception as error:  # of torch's compiler or of the C++ compiler, each of its own kind
                warnings.warn(f"compiling the encoder failed, and it runs as it is: {error}", stacklevel=2)
                self._made = self.encoder

    def _compiled(self) -> TextEncoder:
        """The encoder, compiled: by its first batches, of two shapes, so that it takes any."""
        transformer = torch.compile(self.encoder.transformer, dynamic=True, options={"freezing": True})
        compiled = self.encoder.with_transformer(transformer, self.encoder.pooling)
        for lengths in ((12, 9, 5), (7, 6)):
            windows = [np.ones(length, dtype=np.int32) for length in lengths]
            compiled.pool(Tokens.pad(windows, pad_id=self.encoder.pad_id))
        return compiled

    def _int8(self) -> TextEncoder:
        """The encoder with int8 products; made when it is first asked, which takes seconds."""
        with self._lock:
            if self._made is None:
                transformer = Int8Transformer(self.encoder.transformer)
                self._made = self.encoder.with_transformer(transformer, self.encoder.pooling)
            return self._made


def can_compile(device: torch.device) -> bool:
    """Whether torch can compile for a device: a CPU, and a C++ compiler is there.

    Args:
        device: Where the encoder runs.

    Returns:
        Whether it is worth a try.

    Example:
        >>> can_compile(torch.device("meta"))
        False
    """
    compilers = (os.environ.get("CXX"), "g++", "clang++", "cl")
    return device.type == "cpu" and any(name is not None and shutil.which(name) is not None for name in compilers)
