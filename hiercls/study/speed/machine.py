"""What this machine can do at best: matrix products a second, bytes a second; and how much memory was taken.

Knows torch's products and the system's counters; knows no model.
"""

from __future__ import annotations

import platform
import re
import sys
from pathlib import Path

import torch

from hiercls.encoding.precision import computes_rightly
from hiercls.model.encoder import TextEncoder
from hiercls.study.speed.rounds import SpeedConfig

SIDE = 1024
"""Rows and columns of the product: large enough for the peak, small enough for the caches."""

BYTES = 1 << 28
"""What is copied: more than any cache holds."""


def matrix_peak(
    config: SpeedConfig, number_format: torch.dtype, *, device: torch.device | None = None, side: int = SIDE
) -> float:
    """The best rate of a square matrix product, in floating-point operations a second; 0 where it is not computed.

    Args:
        config: Threads, rounds and clock.
        number_format: Of both factors.
        device: Where; None: on the CPU.
        side: Rows and columns.

    Returns:
        Operations a second, additions and multiplications counted apart.
    """
    device = device or torch.device("cpu")
    if not computes_rightly(device, number_format):
        return 0.0
    left, right = (torch.randn(side, side).to(device, number_format) for _ in range(2))
    seconds = config.time({"product": lambda: (left @ right)[0, 0].item()})["product"]  # a GPU is waited for
    return 2 * side**3 / max(min(seconds), 1e-9)


def bandwidth(config: SpeedConfig) -> float:
    """The best rate of reading from memory and writing to it, in bytes a second."""
    source = torch.ones(BYTES // 4)
    target = torch.empty_like(source)
    seconds = config.time({"copy": lambda: target.copy_(source)})["copy"]
    return 2 * BYTES / max(min(seconds), 1e-9)


def flops_of(encoder: TextEncoder, lengths: list[int]) -> float:
    """What a pass over windows takes in matrix products, without padding.

    ``Σ_w layers · (n_w (8 d² + 4 d f) + 4 n_w² d)``, n the window's length, d the width, f the inner width.

    Args:
        encoder: The encoder.
        lengths: Tokens of each window.

    Returns:
        Floating-point operations.
    """
    config = encoder.transformer.config
    width, inner, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    token = 8 * width**2 + 4 * width * inner
    return float(layers * sum(length * token + 4 * length**2 * width for length in lengths))


def processor() -> str:
    """The processor's name and the extensions that matter for products, as Linux tells them."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    told = dict(line.partition(":")[::2] for line in lines if ":" in line)
    facts = {name.strip(): value.strip() for name, value in told.items()}
    wanted = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
    has = [flag for flag in wanted if flag in facts.get("flags", "").split()]
    return f"{facts.get('model name', platform.machine())} ({', '.join(has) or 'no extensions told'})"


def peak_memory() -> float:
    """The most memory that this process has held, in bytes; NaN where the system does not tell.

    Linux passes ``ru_maxrss`` on from whoever started the process, so that its own record is read instead.
    """
    if sys.platform == "win32":
        return float("nan")
    status = Path("/proc/self/status")
    if status.exists():
        told = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"))
        return float(told[1]) * 1024 if told else float("nan")
    import resource

    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
