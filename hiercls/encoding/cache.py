"""Encodings kept on disk by content: the same text under the same encoder is encoded once.

Knows hashes and folders; knows no encoder and no label.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hiercls.encoding.shards import KEY_SIZE, Shard, merge_shards, write_shard

FAN_IN = 16
"""So many files of like size become one, each time 16 times as large: n texts lie in about 16 · log16 n files."""

LARGE = 65_536
"""Files with so many texts are left as they are."""

_N_LOOKS = 3
_STALE_SECONDS = 24 * 60 * 60


def default_cache_folder() -> Path:
    """Where encodings are kept: ``$HIERCLS_CACHE``, else ``hiercls`` under the user's cache folder."""
    chosen = os.environ.get("HIERCLS_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hiercls"


class EncodingCache:
    """A folder of files that are written aside and renamed, and never changed after that.

    So neither a crash nor a second writer spoils it, and no lock is needed; whoever finds many small files merges them.
    Encodings are read from mapped files: memory holds eight bytes a text.

    Args:
        folder: Where the cache lives.
        key: What else than the text decides an encoding: encoder, pooling, length, precision.

    Example:
        >>> import tempfile
        >>> cache = EncodingCache(Path(tempfile.mkdtemp()), key="demo")
        >>> cache.put(["a"], np.ones((1, 2), dtype=np.float32))
        >>> cache.get(["b", "a"])
        (array([[1., 1.]], dtype=float32), array([False,  True]))
    """

    def __init__(self, folder: Path, *, key: str) -> None:
        self.folder = folder / "encodings" / hashlib.sha256(key.encode()).hexdigest()[:32]
        self._shards: dict[str, Shard] = {}

    def get(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The encodings that are there.

        Args:
            texts: The texts asked for.

        Returns:
            The encodings found, shape (n_found, width), in the order of the texts; and True for each text found, shape
            (n_texts,).
        """
        self._look()
        shards, keys = self._shards.values(), _keys(texts)
        found = np.zeros(len(texts), dtype=bool)
        width = next((shard.encodings.shape[1] for shard in shards), 0)
        encodings = np.empty((len(texts), width), dtype=np.float32)
        for shard in shards:
            if found.all():
                break
            left = np.flatnonzero(~found)
            rows = shard.find(keys[left])
            here = left[rows >= 0]
            encodings[here] = shard.encodings[rows[rows >= 0]]
            found[here] = True
        return encodings if found.all() else encodings[found], found

    def put(self, texts: Sequence[str], encodings: np.ndarray) -> None:
        """Add encodings; a folder that cannot be written is a warning.

        Args:
            texts: The texts, each once.
            encodings: Shape (n_texts, width), float32.
        """
        try:
            write_shard(self.folder, _keys(texts), encodings)
            self._merge()
        except OSError as error:
            warnings.warn(
                f"cannot keep encodings in {self.folder} ({error}); they are computed again next time; "
                "set HIERCLS_CACHE to a folder that can be written",
                stacklevel=2,
            )

    def _look(self) -> None:
        """Map the files that came since the last look; one that is damaged, or of another width, is passed over.

        A file that is gone before it is mapped was merged by somebody else, so its texts are in a newer one.
        """
        for _ in range(_N_LOOKS):
            names = _shard_names(self.folder)
            if names == list(self._shards):
                return
            opened = {name: self._shards.get(name) or Shard.open(self.folder / name) for name in names}
            if all(shard is not None or (self.folder / name).exists() for name, shard in opened.items()):
                break
        shards = {name: shard for name, shard in opened.items() if shard is not None}
        before = [*self._shards.values(), *shards.values()]
        self._shards = {
            name: shard for name, shard in shards.items() if shard.encodings.shape[1] == before[0].encodings.shape[1]
        }

    def _merge(self) -> None:
        """Make one file of many that are of like size, and take away what crashes left."""
        self._look()
        tiers: defaultdict[int, list[str]] = defaultdict(list)
        for name, shard in self._shards.items():
            if len(shard) < LARGE:
                tiers[(len(shard).bit_length() - 1) // (FAN_IN.bit_length() - 1)].append(name)
        for names in tiers.values():
            if len(names) < FAN_IN:
                continue
            merged = merge_shards(self.folder, [self._shards[name] for name in names])
            self._shards = {name: shard for name, shard in self._shards.items() if name not in names}
            _remove([self.folder / name for name in names if name != merged.name])
            _remove(self.folder.glob(".hiercls-*.part"), older_than=_STALE_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSize:
    """What a cache holds.

    Args:
        n_encoders: Encoders, each with its own pooling, length and precision.
        n_texts: Encodings.
        n_bytes: Size on disk.
    """

    n_encoders: int
    n_texts: int
    n_bytes: int


def cache_size(folder: Path) -> CacheSize:
    """What the cache in a folder holds.

    Args:
        folder: Where the cache lives.

    Returns:
        The size; 0 where there is no cache.
    """
    files = [file for file in (folder / "encodings").glob("*/*") if file.is_file()]
    shards = [(file, Shard.open(file)) for file in files if file.suffix == ".safetensors"]
    return CacheSize(
        n_encoders=len({file.parent for file, shard in shards if shard is not None}),
        n_texts=sum(len(shard) for _, shard in shards if shard is not None),
        n_bytes=sum(file.stat().st_size for file in files),
    )


def clear_cache(folder: Path) -> None:
    """Delete all encodings in a folder; programs that are reading them go on.

    Args:
        folder: Where the cache lives.

    Raises:
        OSError: If they cannot be deleted.
    """
    if (folder / "encodings").exists():
        shutil.rmtree(folder / "encodings")


def _shard_names(folder: Path) -> list[str]:
    """The names of a folder's files of encodings, sorted; none where there is no folder."""
    try:
        return sorted(name for name in os.listdir(folder) if name.endswith(".safetensors"))
    except OSError:
        return []


def _remove(files: Iterable[Path], *, older_than: float = -np.inf) -> None:
    """Delete files of some age in seconds; those that are gone, or held by another program on Windows, are left."""
    for file in files:
        with suppress(OSError):
            if time.time() - file.stat().st_mtime > older_than:
                file.unlink()


def _keys(texts: Sequence[str]) -> np.ndarray:
    """A few bytes that stand for each text, shape (n_texts, 2), uint64."""
    digests = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:KEY_SIZE] for text in texts)
    return np.frombuffer(b"".join(digests), dtype="<u8").reshape(len(texts), 2)
