"""Encodings on disk: hits, and what a crash, a second writer or a full disk leaves behind."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from hiercls.encoding.cache import EncodingCache, default_cache_folder


def vectors(*values: float) -> np.ndarray:
    return np.array([[value, -value] for value in values], dtype=np.float32)


def filled(folder: Path) -> EncodingCache:
    cache = EncodingCache(folder, key="k")
    cache.put(["a", "b", ""], vectors(1, 2, 3))
    return cache


def found(cache: EncodingCache, *texts: str) -> dict[str, list[float]]:
    encodings, hits = cache.get(texts)
    assert hits.dtype == bool
    assert len(encodings) == hits.sum()
    return dict(zip([text for text, hit in zip(texts, hits, strict=True) if hit], encodings.tolist(), strict=True))


def test_what_is_put_is_found_in_the_order_asked_for(tmp_path: Path) -> None:
    cache = filled(tmp_path)
    cache.put(["é\ud800"], vectors(4))
    assert found(cache, "", "x", "b", "é\ud800", "b") == {"": [3, -3], "b": [2, -2], "é\ud800": [4, -4]}
    assert found(EncodingCache(tmp_path, key="k"), "a") == {"a": [1, -1]}
    assert found(cache) == {}


def test_another_key_sees_nothing(tmp_path: Path) -> None:
    filled(tmp_path)
    assert found(EncodingCache(tmp_path, key="K"), "a", "b") == {}


def shard(folder: Path) -> Path:
    (only,) = folder.rglob("*.safetensors")
    return only


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-3])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def garbage(file: Path) -> None:
    file.write_bytes(b"\xff" * 100)


def other_tensors(file: Path) -> None:
    save_file({"nothing": np.zeros(3, dtype=np.float32)}, file)


def uneven(file: Path) -> None:
    save_file({"keys": load_file(file)["keys"], "encodings": vectors(1)}, file)


def flat(file: Path) -> None:
    save_file({"keys": load_file(file)["keys"], "encodings": np.zeros(3, dtype=np.float32)}, file)


def folder_in_its_place(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize("damage", [truncate, empty, garbage, other_tensors, uneven, flat, folder_in_its_place])
def test_a_damaged_shard_is_passed_over(damage: Callable[[Path], None], tmp_path: Path) -> None:
    filled(tmp_path)
    damage(shard(tmp_path))
    cache = EncodingCache(tmp_path, key="k")
    assert found(cache, "a", "b") == {}
    cache.put(["a"], vectors(7))
    assert found(cache, "a", "b") == {"a": [7, -7]}


def test_a_shard_of_another_width_is_passed_over(tmp_path: Path) -> None:
    filled(tmp_path)
    cache = EncodingCache(tmp_path, key="k")
    assert found(cache, "a") == {"a": [1, -1]}
    EncodingCache(tmp_path, key="k").put(["a", "c"], np.ones((2, 5), dtype=np.float32))
    assert found(cache, "a", "c") == {"a": [1, -1]}


def test_what_a_crash_leaves_is_not_read(tmp_path: Path) -> None:
    cache = filled(tmp_path)
    file = shard(tmp_path)
    file.rename(file.with_suffix(".part"))
    assert found(EncodingCache(tmp_path, key="k"), "a") == {}
    cache.put(["c"], vectors(5))
    assert found(EncodingCache(tmp_path, key="k"), "a", "c") == {"c": [5, -5]}


def test_two_writers_spoil_nothing(tmp_path: Path) -> None:
    texts = [f"text {number}" for number in range(40)]

    def write(writer: int) -> None:
        cache = EncodingCache(tmp_path, key="k")
        for start in range(0, 40, 8):
            chosen = [texts[(start + writer * 4 + step) % 40] for step in range(8)]
            cache.put(chosen, vectors(*(float(text.split()[1]) for text in chosen)))
            cache.get(texts)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, range(2)))
    assert found(EncodingCache(tmp_path, key="k"), *texts) == {
        text: [number, -number] for number, text in enumerate(texts)
    }
    assert list(tmp_path.rglob("*.part")) == []


def test_a_cache_sees_what_others_wrote_since(tmp_path: Path) -> None:
    one, other = EncodingCache(tmp_path, key="k"), EncodingCache(tmp_path, key="k")
    assert found(one, "a") == {}
    other.put(["a"], vectors(1))
    assert found(one, "a") == {"a": [1, -1]}


@pytest.mark.parametrize("blocked", ["folder", "disk"])
def test_a_cache_that_cannot_be_written_is_said_and_stops_nothing(
    blocked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = EncodingCache(tmp_path, key="k")
    if blocked == "folder":
        (tmp_path / "encodings").write_text("in the way")
    else:

        def full(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.fsync", full)
    with pytest.warns(UserWarning, match=r"cannot keep encodings in .*HIERCLS_CACHE"):
        cache.put(["a"], vectors(1))
    assert found(cache, "a") == {}
    assert list(tmp_path.rglob("*.part")) == []


def test_nothing_is_pickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **settings: object) -> None:
        raise AssertionError("pickle was used")

    for name in ("load", "loads", "dump", "dumps", "Pickler", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    filled(tmp_path)
    assert found(EncodingCache(tmp_path, key="k"), "a") == {"a": [1, -1]}


def test_where_encodings_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HIERCLS_CACHE", str(tmp_path))
    assert default_cache_folder() == tmp_path
    monkeypatch.delenv("HIERCLS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert default_cache_folder() == tmp_path / "x" / "hiercls"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "me")
    assert default_cache_folder() == tmp_path / "me" / ".cache" / "hiercls"
