"""The engine: a stream of texts in order, batches of like length, encodings in order.

Knows tokens, batches and devices; knows no label and no taxonomy. Memory is bounded by one window of texts.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from tqdm import tqdm

from hiercls.encoding.cache import EncodingCache
from hiercls.errors import ConfigError
from hiercls.model.encoder import TextEncoder
from hiercls.model.tokens import Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingConfig:
    """How texts are put into batches.

    Args:
        batch_tokens: Tokens in a batch, padding included; at least one text goes in.
        window: Texts that are sorted by length together, and held in memory.

    Raises:
        ConfigError: If a value is not positive.
    """

    batch_tokens: int = 8192
    window: int = 4096

    def __post_init__(self) -> None:
        if self.batch_tokens < 1 or self.window < 1:
            raise ConfigError(f"expected positive batch_tokens and window, got {self.batch_tokens} and {self.window}")


class EncodingEngine:
    """Encodes texts with one encoder on one device.

    Args:
        encoder: The encoder; it is moved to the device in the given precision, and frozen.
        device: Where it runs.
        precision: Number format of its weights and activations; the pooled encodings are float32 always.
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
        self.encoder = encoder.to(device=device, dtype=precision).eval().requires_grad_(False)
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
        with tqdm(total=len(texts), desc="encoding", unit="doc", disable=not progress) as bar:
            for start in range(0, len(texts), self.config.window):
                window = list(texts[start : start + self.config.window])
                out[start : start + len(window)] = self._window(window, advance=bar.update)
        return out

    def without_cache(self) -> EncodingEngine:
        """The same engine, which neither reads nor leaves anything on disk."""
        bare = copy.copy(self)
        bare.cache = None
        return bare

    def stream(self, texts: Iterable[str]) -> Iterator[np.ndarray]:
        """The encodings of a stream of texts, window by window and in order.

        Args:
            texts: Any number of texts.

        Yields:
            Shape (n_texts in the window, width), float32.
        """
        rest = iter(texts)
        while window := list(islice(rest, self.config.window)):
            yield self._window(window, advance=lambda n_texts: None)

    def _window(self, texts: list[str], *, advance: Callable[[int], object]) -> np.ndarray:
        """One window's encodings: what the cache has, and the rest computed, each distinct text once.

        ``advance`` is told of texts as they are done.
        """
        distinct = list(dict.fromkeys(texts))
        encodings = np.empty((len(distinct), self.encoder.width), dtype=np.float32)
        missing = np.ones(len(distinct), dtype=bool)
        if self.cache is not None:
            cached, found = self.cache.get(distinct)
            if found.any():
                encodings[found] = cached
            missing = ~found
        advance(len(texts) - int(missing.sum()))
        if missing.any():
            wanted = [text for text, absent in zip(distinct, missing, strict=True) if absent]
            encodings[missing] = self._compute(wanted, advance=advance)
            if self.cache is not None:
                self.cache.put(wanted, encodings[missing])
        place = {text: row for row, text in enumerate(distinct)}
        return encodings[[place[text] for text in texts]]

    @torch.inference_mode()
    def _compute(self, texts: list[str], *, advance: Callable[[int], object]) -> np.ndarray:
        """Encode texts in batches of like length, the longest first."""
        sequences = self.encoder.tokenize(texts)
        out = np.empty((len(texts), self.encoder.width), dtype=np.float32)
        for batch in length_batches([len(sequence) for sequence in sequences], batch_tokens=self.config.batch_tokens):
            tokens = Tokens.pad([sequences[row] for row in batch], pad_id=self.encoder.pad_id)
            out[batch] = self.encoder(tokens.to(self.device)).cpu().numpy()
            advance(len(batch))
        return out


def length_batches(lengths: Sequence[int], *, batch_tokens: int) -> Iterator[np.ndarray]:
    """Positions grouped into batches of like length that hold a budget of tokens, padding included.

    Args:
        lengths: Tokens of each text.
        batch_tokens: Tokens that a batch may hold; a longer text makes a batch alone.

    Yields:
        Positions of a batch's texts, the longest first.

    Example:
        >>> [batch.tolist() for batch in length_batches([2, 9, 3, 1], batch_tokens=9)]
        [[1], [2, 0, 3]]
    """
    order = np.argsort(-np.asarray(lengths), kind="stable")
    start = 0
    while start < len(order):
        size = max(1, batch_tokens // max(1, lengths[order[start]]))
        yield order[start : start + size]
        start += size
