"""Memory that goes back to the system: a server's must not grow with the variety of what it is asked.

Knows the C library's allocator; knows no model and no HTTP.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def giving_back_memory(
    function: Callable[Arguments, Result], *, every: float = 10.0, clock: Callable[[], float] = time.monotonic
) -> Callable[Arguments, Result]:
    """A function that gives freed memory back to the system now and then.

    glibc keeps what is freed for the next request, and batches of ever other shapes fit none of the pieces that it
    keeps: without this, memory rises for hours. Giving back after every batch would have the next pay for all its
    pages anew, a quarter of its time. Other C libraries are left as they are.

    Args:
        function: What is called.
        every: Seconds between two times.
        clock: Seconds since any moment.

    Returns:
        The same function.

    Example:
        >>> giving_back_memory(len)("abc")
        3

    Source:
        malloc_trim(3).
    """
    try:
        trim: Callable[[int], object] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):  # another C library, or another system
        return function
    last = clock()

    def called(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        nonlocal last
        try:
            return function(*args, **kwargs)
        finally:
            if clock() - last >= every:
                trim(0)
                last = clock()

    return called
