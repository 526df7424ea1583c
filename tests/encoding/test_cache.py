"""Encodings on disk: hits, and what a crash, a second writer or a full disk leaves behind."""

from __future__ import annotations

import mmap
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from hiercls.encoding.cache import EncodingCache, cache_size, clear_cache, default_cache_folder
from hiercls.encoding.shards import Shard


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


def numbered(count: int) -> dict[str, list[float]]:
    return {f"text {number}": [number, -number] for number in range(count)}


def put_one_by_one(cache: EncodingCache, numbers: range) -> None:
    for number in numbers:
        cache.put([f"text {number}"], vectors(number))


def test_many_small_writes_become_few_files(tmp_path: Path) -> None:
    cache = EncodingCache(tmp_path, key="k")
    put_one_by_one(cache, range(300))
    assert len(list(tmp_path.rglob("*.safetensors"))) <= 3 * 16
    assert found(cache, *numbered(300)) == numbered(300)
    assert found(EncodingCache(tmp_path, key="k"), *numbered(301)) == numbered(300)
    assert cache_size(tmp_path).n_texts == 300


def test_what_is_written_twice_is_kept_once(tmp_path: Path) -> None:
    cache = filled(tmp_path)
    cache.put(["", "b", "a"], vectors(3, 2, 1))
    assert shard(tmp_path)
    for number in range(16):
        cache.put(["a", f"text {number}"], vectors(1, number))
    assert cache_size(tmp_path).n_texts == 3 + 17
    assert found(cache, "a", *numbered(16)) == {"a": [1, -1], **numbered(16)}


def test_who_looked_before_a_merge_still_finds_everything(tmp_path: Path) -> None:
    writer, reader = EncodingCache(tmp_path, key="k"), EncodingCache(tmp_path, key="k")
    put_one_by_one(writer, range(15))
    assert found(reader, *numbered(15)) == numbered(15)
    put_one_by_one(writer, range(15, 17))
    assert len(list(tmp_path.rglob("*.safetensors"))) == 2
    assert found(reader, *numbered(17)) == numbered(17)


def test_a_file_that_is_merged_away_while_it_is_opened_is_looked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, opening = EncodingCache(tmp_path, key="k"), Shard.open
    put_one_by_one(writer, range(15))

    def late(file: Path) -> Shard | None:
        monkeypatch.setattr(Shard, "open", opening)
        put_one_by_one(writer, range(15, 16))
        return opening(file)

    monkeypatch.setattr(Shard, "open", late)
    assert found(EncodingCache(tmp_path, key="k"), *numbered(16)) == numbered(16)


def test_files_as_they_were_written_before_are_read_and_merged(tmp_path: Path) -> None:
    cache = filled(tmp_path)
    folder = shard(tmp_path).parent
    sorted_keys = load_file(shard(tmp_path))["keys"]
    values = load_file(shard(tmp_path))["encodings"]
    unsorted = {"keys": sorted_keys[[2, 0, 1]], "encodings": values[[2, 0, 1]]}
    shard(tmp_path).unlink()
    for number in range(15):
        save_file({name: part.copy() for name, part in unsorted.items()}, folder / f"old{number}.safetensors")
    assert found(EncodingCache(tmp_path, key="k"), "", "b", "a") == {"": [3, -3], "b": [2, -2], "a": [1, -1]}
    cache.put(["d"], vectors(4))
    assert len(list(folder.iterdir())) == 1
    assert found(cache, "", "b", "a", "d") == {"": [3, -3], "b": [2, -2], "a": [1, -1], "d": [4, -4]}


def test_encodings_stay_on_disk_until_they_are_wanted(tmp_path: Path) -> None:
    filled(tmp_path)
    opened = Shard.open(shard(tmp_path))
    assert opened is not None
    for part in (opened.encodings, opened.keys):
        while isinstance(part.base, np.ndarray):
            part = part.base
        assert isinstance(part.base, mmap.mmap)


CHILD = """
import os, sys
from pathlib import Path
import numpy as np
from hiercls.encoding import cache as module
from hiercls.encoding.cache import EncodingCache

cache, before, first, step = EncodingCache(Path(sys.argv[1]), key="k"), os.fsync, int(sys.argv[2]), int(sys.argv[3])

def put(number):
    cache.put([f"text {number}"], np.array([[number, -number]], dtype=np.float32))

def crash(*args):
    os._exit(9)
"""


def in_a_process(folder: Path, code: str, *, first: int = 0, step: int = 1) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", CHILD + code, str(folder), str(first), str(step)])


@pytest.mark.parametrize(
    ("code", "kept"),
    [
        ("[put(number) for number in range(5)]; os.fsync = crash; put(5)", 5),
        ("[put(number) for number in range(15)]; module.merge_shards = crash; put(15)", 16),
        ("[put(number) for number in range(15)]; module._remove = crash; put(15)", 16),
    ],
    ids=["while writing", "before merging", "after merging, before the parts are gone"],
)
def test_a_writer_that_dies_leaves_a_readable_cache(code: str, kept: int, tmp_path: Path) -> None:
    assert in_a_process(tmp_path, code).wait() == 9
    cache = EncodingCache(tmp_path, key="k")
    assert found(cache, *numbered(30)) == numbered(kept)
    put_one_by_one(cache, range(kept, 30))
    assert found(EncodingCache(tmp_path, key="k"), *numbered(30)) == numbered(30)


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    code = "[put(first + step * turn) for turn in range(60)]"
    writers = [in_a_process(tmp_path, code, first=first, step=step) for first, step in ((0, 1), (118, -1))]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert found(EncodingCache(tmp_path, key="k"), *numbered(119)) == numbered(119)


def test_what_crashes_left_long_ago_is_taken_away(tmp_path: Path) -> None:
    cache = filled(tmp_path)
    for name, age in (("old", 2 * 24 * 3600), ("new", 0)):
        part = cache.folder / f".hiercls-{name}.part"
        part.write_text("half")
        os.utime(part, (time.time() - age,) * 2)
    put_one_by_one(cache, range(16))
    assert [part.name for part in cache.folder.glob(".*")] == [".hiercls-new.part"]


def test_the_size_counts_what_can_be_read_and_clearing_takes_all(tmp_path: Path) -> None:
    assert cache_size(tmp_path).n_texts == cache_size(tmp_path).n_bytes == 0
    clear_cache(tmp_path)
    filled(tmp_path)
    EncodingCache(tmp_path, key="K").put(["c"], vectors(4))
    found_size = cache_size(tmp_path)
    assert (found_size.n_encoders, found_size.n_texts) == (2, 4)
    assert found_size.n_bytes == sum(file.stat().st_size for file in tmp_path.rglob("*.safetensors"))
    clear_cache(tmp_path)
    assert list(tmp_path.iterdir()) == []
