"""Encodings kept on disk by content: the same text under the same encoder is encoded once.

Knows hashes and files; knows no encoder and no label.
"""

from __future__ import annotations

import hashlib
import os
import uuid
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from hiercls.files import replacing

_KEY_SIZE = 16


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
        self._width: int | None = None

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
        """Add encodings as one new shard; a folder that cannot be written is a warning.

        Args:
            texts: The texts, each once.
            encodings: Shape (n_texts, width), float32.
        """
        keys = np.frombuffer(b"".join(_key(text) for text in texts), dtype=np.uint8).reshape(len(texts), -1)
        content = save({"keys": keys.copy(), "encodings": np.ascontiguousarray(encodings, dtype=np.float32)})
        try:
            with replacing(self.folder / f"{uuid.uuid4().hex}.safetensors") as aside:
                aside.write_bytes(content)
        except OSError as error:
            warnings.warn(
                f"cannot keep encodings in {self.folder} ({error}); they are computed again next time; "
                "set HIERCLS_CACHE to a folder that can be written",
                stacklevel=2,
            )

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
            if _is_shard(keys, encodings) and self._width in {None, encodings.shape[1]}:
                self._width = encodings.shape[1]
                self._shards[file.name] = encodings
                self._places.update((key.tobytes(), (file.name, row)) for row, key in enumerate(keys))


def _is_shard(keys: np.ndarray, encodings: np.ndarray) -> bool:
    """Whether there is one key of the right size for each encoding."""
    return keys.dtype == np.uint8 and encodings.ndim == 2 and keys.shape == (len(encodings), _KEY_SIZE)


def _key(text: str) -> bytes:
    """A few bytes that stand for a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:_KEY_SIZE]
