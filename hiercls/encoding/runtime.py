"""What computes a batch of tokens: torch, on a CPU with quicker kernels, compiled for very many texts, or in int8.

Knows encoders, devices and number formats; knows no text, no cache and no label.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from hiercls.encoding.int8 import Int8Transformer, check_installed
from hiercls.encoding.kernels import CpuKernels
from hiercls.model.encoder import TextEncoder
from hiercls.model.tokens import Tokens
from hiercls.model.windows import CPU_BATCH_TOKENS

N_COMPARED, NEAR = 32, 0.97
"""Windows on which int8 is held against float32; the mean cosine that it must reach."""

N_TIMED = 4
"""Rounds in which a compiled encoder is held against the one that it was compiled from."""

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
        self._kernels: CpuKernels | None = None
        self._was_compiled = False
        self._lock = threading.RLock()

    def __getstate__(self) -> dict[str, Any]:
        """All but what was made of the encoder here, which is made again where it is wanted."""
        return {**self.__dict__, "_made": None, "_kernels": None, "_was_compiled": False, "_lock": None}

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
        if self.device.type != "cpu":
            return self.encoder.pool(tokens)
        with self._quicker():
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
        """Compile the encoder for batches of any shape, and keep that if it is faster than what is there.

        Where compiling fails, a warning, and all stays as it is.
        """
        with self._lock:
            if self.is_int8 or self._was_compiled or not can_compile(self.device):
                return
            self._was_compiled = True
            _LOG.info("compiling the encoder, which takes about a minute")
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)  # of torch, at itself
                    compiled = self._compiled()
                    seconds = _seconds({"as it is": self.pool, "compiled": compiled.pool}, self._example())
            except Exception as error:  # of torch's compiler or of the C++ compiler, each of its own kind
                warnings.warn(f"compiling the encoder failed, and it runs as it is: {error}", stacklevel=2)
                return
            faster = seconds["as it is"] / seconds["compiled"]
            _LOG.info(f"compiled it is {faster:.2f} times as fast as before")
            if faster > 1:
                self._made = compiled

    def _example(self) -> Tokens:
        """A batch of the usual size."""
        length = min(128, self.encoder.config.max_length)
        return Tokens.pad([np.ones(length, dtype=np.int32)] * (CPU_BATCH_TOKENS // length), pad_id=self.encoder.pad_id)

    def _compiled(self) -> TextEncoder:
        """The encoder, compiled: by its first batches, of two shapes, so that it takes any."""
        transformer = torch.compile(self.encoder.transformer, dynamic=True, options={"freezing": True})
        compiled = self.encoder.with_transformer(transformer, self.encoder.pooling)
        for lengths in ((12, 9, 5), (7, 6)):
            windows = [np.ones(length, dtype=np.int32) for length in lengths]
            compiled.pool(Tokens.pad(windows, pad_id=self.encoder.pad_id))
        return compiled

    def _quicker(self) -> CpuKernels:
        """The kernels for this encoder on a CPU; made when they are first needed, in milliseconds."""
        with self._lock:
            if self._kernels is None:
                self._kernels = CpuKernels(self.encoder.transformer)
            return self._kernels

    def _int8(self) -> TextEncoder:
        """The encoder with int8 products; made when it is first asked, which takes seconds."""
        with self._lock:
            if self._made is None:
                transformer = Int8Transformer(self.encoder.transformer)
                self._made = self.encoder.with_transformer(transformer, self.encoder.pooling)
            return self._made


def _seconds(ways: Mapping[str, Callable[[Tokens], Tensor]], tokens: Tokens) -> dict[str, float]:
    """The least seconds that each way takes for some windows, in rounds in which all take turns."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(N_TIMED):
        for name, pool in ways.items():
            start = time.perf_counter()
            pool(tokens)
            found[name].append(time.perf_counter() - start)
    return {name: min(seconds) for name, seconds in found.items()}


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
