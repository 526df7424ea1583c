"""Memory that goes back to the system, where its C library can be told so."""

from __future__ import annotations

import ctypes
import platform

import pytest

from hiercls.serving.memory import LARGE, MMAP_THRESHOLD, TRIM_THRESHOLD, give_back_memory


def test_the_c_library_is_told_where_it_is_glibc() -> None:
    assert give_back_memory() == (platform.libc_ver()[0] == "glibc")


def test_what_it_refuses_or_does_not_know_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Library:
        def mallopt(self, what: int, value: int) -> int:
            asked.append((what, value))
            return int(what == TRIM_THRESHOLD)

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library())
    assert not give_back_memory()
    assert asked == [(TRIM_THRESHOLD, LARGE), (MMAP_THRESHOLD, LARGE)]
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert not give_back_memory()
