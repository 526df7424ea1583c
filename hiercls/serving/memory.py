"""Memory that goes back when a batch is done: a server's must not grow with the variety of what it is asked.

Knows the C library's allocator; knows no model and no HTTP.
"""

from __future__ import annotations

import ctypes

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""How glibc's ``mallopt`` calls what it is asked to set."""
LARGE = 128 * 1024
"""Bytes from which a piece of memory is the system's own, and goes back to it when freed: glibc's default at first."""


def give_back_memory() -> bool:
    """Let freed tensors go back to the system at once.

    glibc raises the size from which it does so whenever such a piece is freed, and keeps smaller ones for itself;
    batches of ever other shapes then fit none of those that it keeps. With the size fixed, memory stays level.

    Returns:
        Whether it is so now; another C library than glibc is left as it is.

    Source:
        mallopt(3), M_MMAP_THRESHOLD: "dynamic mmap threshold".
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # another C library, or another system
        return False
    return all(mallopt(what, LARGE) == 1 for what in (TRIM_THRESHOLD, MMAP_THRESHOLD))
