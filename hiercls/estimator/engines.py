"""What an estimator's settings mean for its encoder: which one, where, in which precision, with which cache.

Knows settings and the encoding engine; knows no label and no taxonomy.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from hiercls.encoding.cache import EncodingCache, default_cache_folder
from hiercls.encoding.engine import EncodingEngine
from hiercls.encoding.precision import Precision, resolve_precision
from hiercls.errors import ConfigError
from hiercls.model.encoder import TextEncoder

FROZEN, WHOLE, UPPER = "none", "all", "last-"
"""What ``tune`` may be: nothing of the encoder is trained, all of it, or its last layers, as in ``last-2``."""


def n_tuned_layers(tune: str) -> int | None:
    """How many of an encoder's layers are trained.

    Args:
        tune: ``none``, ``all`` or ``last-n``.

    Returns:
        Their number, counted from the last; None: all, and the embeddings.

    Raises:
        ConfigError: If it is none of these.

    Example:
        >>> [n_tuned_layers(tune) for tune in ("none", "last-2", "all")]
        [0, 2, None]
    """
    if tune == WHOLE:
        return None
    if tune == FROZEN:
        return 0
    number = tune.removeprefix(UPPER) if isinstance(tune, str) and tune.startswith(UPPER) else ""
    if not (number.isascii() and number.isdigit() and int(number)):
        raise ConfigError(f"expected tune 'none', 'all', or 'last-n' as in 'last-2', got {tune!r}")
    return int(number)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """The settings that decide how texts are encoded.

    Args:
        device: Where to compute; None: a GPU where there is one, and a CPU for int8.
        precision: Number format of a frozen encoder. A trained one has float32 weights, and where this is bfloat16 its
            products are so while it is trained.
        tune: What of the encoder is trained.
        cache: Whether encodings of a frozen encoder are kept on disk.
    """

    device: str | torch.device | None
    precision: Precision
    tune: str
    cache: bool

    @property
    def place(self) -> torch.device:
        """Where to compute."""
        if self.device is not None:
            return torch.device(self.device)
        if self.precision == "int8":
            return torch.device("cpu")
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def build(self, encoder: TextEncoder) -> EncodingEngine:
        """An engine for an encoder.

        Args:
            encoder: The encoder, frozen or trained.

        Returns:
            The engine; it moves the encoder to its device and precision.

        Raises:
            ConfigError: If an encoder is to be trained in int8, or int8 is asked of another device than a CPU.
            MissingExtraError: If int8 is asked and what computes it is not installed.
        """
        frozen = self.tune == FROZEN
        if self.precision == "int8" and not frozen:
            raise ConfigError(f"precision='int8' is for a frozen encoder; with tune='{self.tune}' take 'auto'")
        asked = resolve_precision(self.precision, self.place)
        number_format = asked if frozen else torch.float32
        encoder.trained_in = asked
        config = encoder.config
        key = f"{encoder.fingerprint} {config.pooling} {config.max_length} {number_format} unit"
        if (config.windows, config.truncation) != (1, "head"):
            key = f"{key} {config.windows} {config.truncation}"
        cache = EncodingCache(default_cache_folder(), key=key) if self.cache and frozen else None
        return EncodingEngine(encoder, device=self.place, precision=number_format, cache=cache)
