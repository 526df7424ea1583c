"""Memory that goes back to the system now and then, where the C library can be told so."""

from __future__ import annotations

import ctypes
import itertools
import platform
import resource

import pytest

from hiercls.serving.memory import giving_back_memory


def test_memory_goes_back_at_most_so_often_and_results_and_errors_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    class Library:
        def malloc_trim(self, pad: int) -> int:
            asked.append(pad)
            return 1

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library())
    now = 0.0
    divided = giving_back_memory(lambda by: 6 / by, every=10, clock=lambda: now)
    assert divided(by=3) == 2
    assert asked == []
    now = 10.0
    with pytest.raises(ZeroDivisionError):
        divided(0)
    assert asked == [0]
    now = 19.0
    divided(1)
    assert asked == [0]


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert giving_back_memory(len) is len


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps what can be given back")
def test_what_is_freed_in_pieces_is_given_back() -> None:
    def resident() -> int:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    kept = []

    def in_pieces() -> None:
        pieces = [ctypes.create_string_buffer(100_000) for _ in range(1_000)]
        kept.extend(itertools.islice(pieces, 0, None, 100))
        kept.append(ctypes.create_string_buffer(1_000))

    in_pieces()
    before = resident()
    giving_back_memory(lambda: None, every=0)()
    assert before - resident() > 50 * 10**6
