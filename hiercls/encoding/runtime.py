"""What computes a batch of tokens: torch, on a CPU with quicker kernels, compiled for very many texts, or in int8.

Knows encoders, devices and number formats; knows no text, no cache and no label.
"""

from __future__ import annotations

import copy
import importlib.util
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

from hiercls.encoding.kernels import CpuKernels
from hiercls.encoding.openvino import OpenVinoTransformer, check_installed
from hiercls.model.encoder import TextEncoder
from hiercls.model.tokens import Tokens
from hiercls.model.windows import CPU_BATCH_TOKENS

N_COMPARED, NEAR = 32, 0.97
"""Windows on which int8 is held against float32; the mean cosine that it must reach."""

N_TIMED, AS_IT_IS, SAME = 4, "nothing", 0.999
"""Rounds in which compiled encoders are held against the one that they were compiled from, what stands for that one,
and the least cosine between what OpenVINO's says and it."""

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
        self.compiled_by: str | None = None
        """What compiled the encoder that is used, by its name; None where nothing did."""
        self._made: TextEncoder | None = None
        self._kernels: CpuKernels | None = None
        self._was_compiled = False
        self._lock = threading.RLock()

    def __getstate__(self) -> dict[str, Any]:
        """All but what was made of the encoder here, which is made again where it is wanted."""
        made = dict.fromkeys(("compiled_by", "_made", "_kernels", "_lock"))
        return {**self.__dict__, **made, "_was_compiled": False}

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
        """Compile the encoder for batches of any shape by whatever can, and keep what is fastest.

        Where compiling fails, a warning, and all stays as it is.
        """
        with self._lock:
            if self.is_int8 or self._was_compiled or self.device.type != "cpu":
                return
            self._was_compiled = True
            tokens = self._example()
            tried = {name: _tried(name, make, tokens) for name, make in self._compilers().items()}
            made = {name: found for name, found in tried.items() if found is not None}
            if not made:
                return
            ways = {AS_IT_IS: self.pool, **{name: found.pool for name, found in made.items()}}
            seconds = _seconds(ways, tokens)
            for name in made:
                _LOG.info(f"compiled by {name} it is {seconds[AS_IT_IS] / seconds[name]:.2f} times as fast as before")
            fastest = min(seconds, key=lambda name: seconds[name])
            self._made, self.compiled_by = made.get(fastest), fastest if fastest in made else None

    def _compilers(self) -> dict[str, Callable[[], TextEncoder]]:
        """What can compile the encoder here."""
        found: dict[str, Callable[[], TextEncoder]] = {}
        if can_compile(self.device):
            found["torch"] = self._compiled
        if importlib.util.find_spec("openvino") is not None:
            found["OpenVINO"] = self._converted
        return found

    def _converted(self) -> TextEncoder:
        """The encoder in OpenVINO's hands, which must say the same."""
        exact = copy.deepcopy(self.encoder.transformer).float()
        transformer = OpenVinoTransformer(exact, number_format=self.encoder.transformer.dtype)
        converted = self.encoder.with_transformer(transformer, self.encoder.pooling)
        tokens = self._example()
        least = cosine_similarity(converted.pool(tokens), self.pool(tokens)).min().item()
        if not least >= SAME:
            raise RuntimeError(f"its encodings are others: cosine {least:.4f}")
        return converted

    def _example(self) -> Tokens:
        """A batch of the usual size; every fourth window is short, and so is padded."""
        length, random = min(128, self.encoder.config.max_length), np.random.default_rng(0)
        ids = random.integers(self.encoder.transformer.config.vocab_size, size=(CPU_BATCH_TOKENS // length, length))
        windows = [row[:5] if place % 4 == 3 else row for place, row in enumerate(ids.astype(np.int32))]
        return Tokens.pad(windows, pad_id=self.encoder.pad_id)

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
                transformer = OpenVinoTransformer(self.encoder.transformer, number_format=torch.int8)
                self._made = self.encoder.with_transformer(transformer, self.encoder.pooling)
            return self._made


def _tried(name: str, make: Callable[[], TextEncoder], tokens: Tokens) -> TextEncoder | None:
    """What a compiler makes, once it has computed some windows; None, and a warning, where it fails."""
    _LOG.info(f"compiling the encoder by {name}, which may take a minute")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of torch, at itself
            found = make()
            found.pool(tokens)
            return found
    except Exception as error:  # of torch's compiler, the C++ compiler and OpenVINO, each of its own kind
        warnings.warn(f"compiling the encoder by {name} failed, and it runs as it is: {error}", stacklevel=3)
        return None


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
