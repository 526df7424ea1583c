"""Which number format a device computes fast in, detected and never assumed.

Knows devices; knows no model and no text.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import torch
from torch import Tensor

from hiercls.errors import ConfigError

Precision = Literal["auto", "float32", "bfloat16", "int8"]

_TOLERANCE = 0.02


def fast_precision(device: torch.device) -> torch.dtype:
    """The fastest format that a device computes in hardware, and rightly.

    Args:
        device: Where the encoder runs.

    Returns:
        bfloat16 on CPUs with AMX or AVX512-BF16 and on GPUs of compute capability 8 or more, where a quick product in
        it agrees with float32; else float32.

    Example:
        >>> fast_precision(torch.device("meta"))
        torch.float32
    """
    return torch.bfloat16 if _is_fast(device) and computes_rightly(device, torch.bfloat16) else torch.float32


def precision_reason(device: torch.device) -> str:
    """Why a device's fastest format is what it is, in words.

    Args:
        device: Where the encoder runs.

    Returns:
        A clause.

    Example:
        >>> precision_reason(torch.device("meta"))
        'it computes no bfloat16 in hardware'
    """
    if not _is_fast(device):
        return "it computes no bfloat16 in hardware"
    if not computes_rightly(device, torch.bfloat16):
        return "it says that it computes bfloat16 in hardware, but a product in it is not what float32 says"
    return "it computes bfloat16 in hardware, and a product in it agrees with float32"


def _is_fast(device: torch.device) -> bool:
    """Whether a device says that it computes bfloat16 in hardware."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= 8
    return device.type == "cpu" and (cpu_has("_is_amx_tile_supported") or cpu_has("_is_avx512_bf16_supported"))


@cache
def computes_rightly(device: torch.device, number_format: torch.dtype) -> bool:
    """Whether a matrix product in a format agrees with float32 but for rounding; a few milliseconds, asked once.

    Drivers, emulators and virtual machines promise what they do not do well.

    Args:
        device: Where to compute.
        number_format: The format in question.

    Returns:
        Whether the two differ by less than 2 %.

    Example:
        >>> computes_rightly(torch.device("cpu"), torch.float32)
        True
    """
    random = torch.Generator().manual_seed(0)
    left, right = (torch.randn(shape, generator=random) for shape in ((64, 384), (384, 128)))
    exact = left @ right
    try:
        near = (left.to(device, number_format) @ right.to(device, number_format)).cpu()
    except (RuntimeError, AssertionError):  # what torch raises where it lacks the device or the product
        return False
    return agrees(near, exact)


def agrees(near: Tensor, exact: Tensor) -> bool:
    """Whether a product is what it should be but for rounding.

    Args:
        near: The product.
        exact: What it should be, the same shape.

    Returns:
        Whether the two differ by less than 2 %.

    Example:
        >>> agrees(torch.tensor([1.0]), torch.tensor([1.01]))
        True
    """
    return bool((near.float() - exact.float()).norm() < _TOLERANCE * exact.float().norm())


def resolve_precision(precision: str, device: torch.device) -> torch.dtype:
    """The format that a setting means on a device.

    Args:
        precision: ``auto``, ``float32``, ``bfloat16`` or, on CPUs, ``int8``.
        device: Where the encoder runs.

    Returns:
        The number format.

    Raises:
        ConfigError: If the setting is none of the four, or int8 is asked of another device than a CPU.

    Example:
        >>> resolve_precision("float32", torch.device("cpu"))
        torch.float32
    """
    formats = {"float32": torch.float32, "bfloat16": torch.bfloat16, "int8": torch.int8}
    if precision == "auto":
        return fast_precision(device)
    if precision not in formats:
        raise ConfigError(f"expected precision 'auto', 'float32', 'bfloat16' or 'int8', got {precision!r}")
    if precision == "int8" and device.type != "cpu":
        raise ConfigError(
            f"expected precision 'auto', 'float32' or 'bfloat16' on {device}, or device='cpu', got 'int8'"
        )
    return formats[precision]


def cpu_has(probe: str) -> bool:
    """What torch says of this CPU; False where this torch does not know the question."""
    return bool(getattr(torch.cpu, probe, lambda: False)())
