"""What an estimator's settings mean for its encoder: which one, where, in which precision, with which cache.

Knows settings and the encoding engine; knows no label and no taxonomy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from hiercls.encoding.cache import EncodingCache, default_cache_folder
from hiercls.encoding.engine import EncodingEngine
from hiercls.encoding.precision import Precision, resolve_precision
from hiercls.model.encoder import TextEncoder


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """The settings that decide how texts are encoded.

    Args:
        device: Where to compute; None: a GPU where there is one.
        precision: Number format of a frozen encoder; a trained one computes in float32.
        tune: Whether the encoder is frozen.
        cache: Whether encodings of a frozen encoder are kept on disk.
    """

    device: str | torch.device | None
    precision: Precision
    tune: Literal["none", "all"]
    cache: bool

    @property
    def place(self) -> torch.device:
        """Where to compute."""
        if self.device is not None:
            return torch.device(self.device)
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def build(self, encoder: TextEncoder) -> EncodingEngine:
        """An engine for an encoder.

        Args:
            encoder: The encoder, frozen or trained.

        Returns:
            The engine; it moves the encoder to its device and precision.
        """
        frozen = self.tune == "none"
        number_format = resolve_precision(self.precision if frozen else "float32", self.place)
        config = encoder.config
        key = f"{encoder.fingerprint} {config.pooling} {config.max_length} {number_format} unit"
        cache = EncodingCache(default_cache_folder(), key=key) if self.cache and frozen else None
        return EncodingEngine(encoder, device=self.place, precision=number_format, cache=cache)
