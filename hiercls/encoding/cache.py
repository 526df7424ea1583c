"""Encodings kept on disk by content: the same text under the same encoder is encoded once.

Knows hashes and files; knows no encoder and no label.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save


def default_cache_folder() -> Path:
    """Where encodings are kept: ``$HIERCLS_CACHE``, else ``hiercls`` under the user's cache folder."""
    chosen = os.environ.get("HIERCLS_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hiercls"


class EncodingCache:
    """A folder of shards, each written aside and renamed, so that neither a crash nor a second writer spoils it.

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
        self._shards: dict[str, np.ndarray] = {}
        self._places: dict[bytes, tuple[str, int]] = {}

    def get(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The encodings that are there.

        Args:
            texts: The texts asked for.

        Returns:
            The encodings found, shape (n_found, width), in the order of the texts; and True for each text found, shape
            (n_texts,).
        """
        self._load_new_shards()
        places = [self._places.get(_key(text)) for text in texts]
        found = np.array([place is not None for place in places], dtype=bool)
        rows = [self._shards[place[0]][place[1]] for place in places if place is not None]
        return np.array(rows, dtype=np.float32), found

    def put(self, texts: Sequence[str], encodings: np.ndarray) -> None:
        """Add encodings as one new shard.

        Args:
            texts: The texts, each once.
            encodings: Shape (n_texts, width), float32.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        keys = np.frombuffer(b"".join(_key(text) for text in texts), dtype=np.uint8).reshape(len(texts), -1)
        name = uuid.uuid4().hex
        aside = self.folder / f"{name}.part"
        with aside.open("wb") as stream:
            stream.write(save({"keys": keys.copy(), "encodings": np.ascontiguousarray(encodings, dtype=np.float32)}))
            stream.flush()
            os.fsync(stream.fileno())
        aside.rename(self.folder / f"{name}.safetensors")

    def _load_new_shards(self) -> None:
        """Read the shards that came since the last look; one that is damaged is passed over."""
        for file in sorted(self.folder.glob("*.safetensors")):
            if file.name in self._shards:
                continue
            try:
                with safe_open(file, framework="numpy") as shard:
                    keys, encodings = shard.get_tensor("keys"), shard.get_tensor("encodings")
            except (SafetensorError, OSError):
                continue
            self._shards[file.name] = encodings
            for row in range(len(keys)):
                self._places[keys[row].tobytes()] = (file.name, row)


def _key(text: str) -> bytes:
    """16 bytes that stand for a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]
