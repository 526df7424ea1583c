"""The engine: a stream of texts in order, batches of like length, encodings in order.

Knows tokens, batches and devices; knows no label and no taxonomy. Memory is bounded by two windows of texts: one is
computed while a thread looks the next one up and tokenizes it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from tqdm import tqdm

from hiercls.encoding.cache import EncodingCache
from hiercls.encoding.runtime import Runtime
from hiercls.errors import ConfigError
from hiercls.model.encoder import TextEncoder
from hiercls.model.pooling import unite
from hiercls.model.tokens import Tokens
from hiercls.model.windows import CPU_BATCH_TOKENS, Windows, length_batches

BATCH_TOKENS = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingConfig:
    """How texts are put into batches.

    Args:
        batch_tokens: Tokens in a batch, padding included; at least one text goes in. None: 2,048 on a CPU, whose caches
            hold what a layer makes of them, and 8,192 elsewhere.
        window: Texts that are sorted by length together; two windows are held in memory.
        compile_from: Texts to compute in one call from which on a CPU's encoder is compiled, if there is a C++
            compiler or OpenVINO: it takes about a minute, which fewer do not win back. None: never.

    Raises:
        ConfigError: If a value is not positive.
    """

    batch_tokens: int | None = None
    window: int = 4096
    compile_from: int | None = 20_000

    def __post_init__(self) -> None:
        given = {"batch_tokens": self.batch_tokens, "window": self.window, "compile_from": self.compile_from}
        for name, value in given.items():
            if value is not None and value < 1:
                raise ConfigError(f"expected a positive {name}, got {value}")

    def batch_tokens_on(self, device: torch.device) -> int:
        """Tokens in a batch on a device.

        Args:
            device: Where to compute.

        Returns:
            The number given, or the device's own.

        Example:
            >>> EncodingConfig().batch_tokens_on(torch.device("cpu"))
            2048
        """
        if self.batch_tokens is not None:
            return self.batch_tokens
        return CPU_BATCH_TOKENS if device.type == "cpu" else BATCH_TOKENS


class EncodingEngine:
    """Encodes texts with one encoder on one device.

    Args:
        encoder: The encoder; it is moved to the device in the given precision, and frozen.
        device: Where it runs.
        precision: Number format of its weights and activations, int8 that of its products alone; the pooled encodings
            are float32 always.
        config: Sizes of batches and windows.
        cache: Encodings kept on disk; None: everything is computed.
    """

    def __init__(
        self,
        encoder: TextEncoder,
        *,
        device: torch.device,
        precision: torch.dtype = torch.float32,
        config: EncodingConfig | None = None,
        cache: EncodingCache | None = None,
    ) -> None:
        self.runtime = Runtime(encoder, device=device, precision=precision)
        self.encoder = self.runtime.encoder
        self.device = device
        self.config = EncodingConfig() if config is None else config
        self.cache = cache

    def encode(self, texts: Sequence[str], *, progress: bool = False) -> np.ndarray:
        """The encodings of texts.

        Args:
            texts: The texts.
            progress: Whether to show a bar on standard error.

        Returns:
            Shape (n_texts, width), float32.
        """
        out = np.empty((len(texts), self.encoder.width), dtype=np.float32)
        starts = range(0, len(texts), self.config.window)
        windows = (texts[start : start + self.config.window] for start in starts)
        with tqdm(total=len(texts), desc="encoding", unit="doc", disable=not progress) as bar:
            streamed = self.stream(windows, advance=bar.update, total=len(texts))
            for start, encodings in zip(starts, streamed, strict=True):
                out[start : start + len(encodings)] = encodings
        return out

    def without_cache(self) -> EncodingEngine:
        """The same engine, which neither reads nor leaves anything on disk."""
        bare = copy.copy(self)
        bare.cache = None
        return bare

    def stream(
        self,
        windows: Iterable[Sequence[str]],
        *,
        advance: Callable[[int], object] = lambda n_texts: None,
        total: int = 0,
    ) -> Iterator[np.ndarray]:
        """The encodings of any number of texts, window by window and in order.

        Args:
            windows: The texts, in parts that are sorted by length together; one is taken ahead of what is yielded.
            advance: Told of texts, by their number, as they are done.
            total: Texts that will come, as far as that is known.

        Yields:
            Shape (n_texts in the window, width), float32.
        """
        seen, computed = 0, 0

        def finished(window: _Window) -> np.ndarray:
            nonlocal seen, computed
            seen, computed = seen + len(window.places), computed + len(window.wanted)
            left = max(0, total - seen) * len(window.wanted) / max(1, len(window.places))  # cached as this window is
            if window.wanted and self.config.compile_from is not None and computed + left >= self.config.compile_from:
                self.runtime.compile()
            return self._finish(window, advance)

        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="hiercls-tokens") as worker:
            ready: _Window | None = None
            for window in windows:
                if ready is None:  # nothing is computed yet beside which a thread could prepare it
                    ready = self._prepare(window)
                    continue
                ahead = worker.submit(self._prepare, window)
                yield finished(ready)
                ready = ahead.result()
            if ready is not None:
                yield finished(ready)

    def _prepare(self, texts: Sequence[str]) -> _Window:
        """What the cache has of a window, and the tokens of the rest, each distinct text once."""
        rows = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        encodings = np.empty((len(rows), self.encoder.width), dtype=np.float32)
        missing = np.ones(len(rows), dtype=bool)
        if self.cache is not None:
            cached, found = self.cache.get(list(rows))
            if found.any():
                encodings[found] = cached
            missing = ~found
        wanted = [text for text, absent in zip(rows, missing, strict=True) if absent]
        places = np.array([rows[text] for text in texts], dtype=np.int64)
        tokens = self.encoder.tokenize(wanted)
        return _Window(places=places, encodings=encodings, missing=missing, wanted=wanted, tokens=tokens)

    def _finish(self, window: _Window, advance: Callable[[int], object]) -> np.ndarray:
        """A window's encodings, what was missing computed and put into the cache."""
        advance(len(window.places) - len(window.wanted))
        if window.wanted:
            computed = self._compute(window.tokens, advance)
            window.encodings[window.missing] = computed
            if self.cache is not None:
                self.cache.put(window.wanted, computed)
        encodings: np.ndarray = window.encodings[window.places]
        return encodings

    @torch.inference_mode()
    def _compute(self, windows: Windows, advance: Callable[[int], object]) -> np.ndarray:
        """Encode the windows of texts in batches of like length, the longest first, and unite them.

        Nothing is copied back before the last batch, so that a GPU never waits for the next one to be padded.
        """
        sequences, left = windows.sequences, np.bincount(windows.owners)
        self.runtime.compare(sequences)
        budget = self.config.batch_tokens_on(self.device)
        batches = list(length_batches([len(one) for one in sequences], batch_tokens=budget))
        parts = []
        for batch in batches:
            tokens = Tokens.pad([sequences[row] for row in batch], pad_id=self.encoder.pad_id)
            parts.append(self.runtime.pool(tokens.to(self.device)))
            np.subtract.at(left, windows.owners[batch], 1)
            advance(int((left[np.unique(windows.owners[batch])] == 0).sum()))
        pooled = torch.empty(len(sequences), self.encoder.width)
        pooled[np.concatenate(batches)] = torch.cat(parts).cpu()
        return unite(pooled, torch.from_numpy(windows.owners)).numpy()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """A window of texts, ready to be computed: the row of each text, and of the distinct ones what is known."""

    places: np.ndarray
    encodings: np.ndarray
    missing: np.ndarray
    wanted: list[str]
    tokens: Windows
