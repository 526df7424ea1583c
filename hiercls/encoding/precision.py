"""Which number format a device computes fast in, detected and never assumed.

Knows devices; knows no model and no text.
"""

from __future__ import annotations

from typing import Literal

import torch

from hiercls.errors import ConfigError

Precision = Literal["auto", "float32", "bfloat16"]


def fast_precision(device: torch.device) -> torch.dtype:
    """The fastest format that a device computes in hardware.

    Args:
        device: Where the encoder runs.

    Returns:
        bfloat16 on CPUs with AMX or AVX512-BF16 and on GPUs of compute capability 8 or more, else float32.

    Example:
        >>> fast_precision(torch.device("meta"))
        torch.float32
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability(device)[0] >= 8 else torch.float32
    if device.type == "cpu" and (_cpu_has("_is_amx_tile_supported") or _cpu_has("_is_avx512_bf16_supported")):
        return torch.bfloat16
    return torch.float32


def resolve_precision(precision: str, device: torch.device) -> torch.dtype:
    """The format that a setting means on a device.

    Args:
        precision: ``auto``, ``float32`` or ``bfloat16``.
        device: Where the encoder runs.

    Returns:
        The number format.

    Raises:
        ConfigError: If the setting is none of the three.

    Example:
        >>> resolve_precision("float32", torch.device("cpu"))
        torch.float32
    """
    formats = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    if precision == "auto":
        return fast_precision(device)
    if precision not in formats:
        raise ConfigError(f"expected precision 'auto', 'float32' or 'bfloat16', got {precision!r}")
    return formats[precision]


def _cpu_has(probe: str) -> bool:
    """What torch says of this CPU; False where this torch does not know the question."""
    return bool(getattr(torch.cpu, probe, lambda: False)())
