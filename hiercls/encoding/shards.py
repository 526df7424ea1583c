"""One file of encodings: sorted by key, mapped into memory, never changed once it is there.

A file is in safetensors' format: ``keys``, 16 bytes a text, and ``encodings``. Knows keys and rows; knows no text, no
encoder, and not where the files of a cache come and go.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hiercls.files import replacing

KEY_SIZE = 16
"""Bytes of a text's key."""

CHUNK = 8192
"""Rows that are copied at a time when files are merged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A file of encodings, of which eight bytes a text are held in memory.

    Args:
        starts: The first halves of the keys, sorted, shape (n_texts,), uint64.
        order: The row of each of them; None where the file is sorted itself.
        keys: Both halves as they stand in the file, shape (n_texts, 2), uint64, mapped.
        encodings: Shape (n_texts, width), float32, mapped.
    """

    starts: np.ndarray
    order: np.ndarray | None
    keys: np.ndarray
    encodings: np.ndarray

    @classmethod
    def open(cls, file: Path) -> Shard | None:
        """Map a file.

        Args:
            file: The file.

        Returns:
            The shard; None where the file is damaged, gone, or no such file.
        """
        try:
            content = np.asarray(np.memmap(file, dtype=np.uint8, mode="r"))
            begin = 8 + int.from_bytes(content[:8].tobytes(), "little")
            header = json.loads(content[8:begin].tobytes())
            tensors = {name: _tensor(content[begin:], header[name]) for name in ("keys", "encodings")}
        except (OSError, ValueError, KeyError, TypeError):
            return None
        keys, encodings = tensors["keys"], tensors["encodings"]
        if keys.dtype != np.uint8 or encodings.ndim != 2 or keys.shape != (len(encodings), KEY_SIZE):
            return None
        halves = keys.view("<u8")
        starts = np.ascontiguousarray(halves[:, 0])
        order = None if (starts[1:] >= starts[:-1]).all() else np.argsort(starts, kind="stable")
        return cls(starts=starts if order is None else starts[order], order=order, keys=halves, encodings=encodings)

    def __len__(self) -> int:
        """Number of texts."""
        return len(self.starts)

    def find(self, keys: np.ndarray) -> np.ndarray:
        """Where texts stand.

        Args:
            keys: Both halves of each text's key, shape (n_wanted, 2), uint64.

        Returns:
            The row of each, −1 for those that are not there, shape (n_wanted,).
        """
        if not len(self):
            return np.full(len(keys), -1, dtype=np.int64)
        places = np.searchsorted(self.starts, keys[:, 0]).clip(max=len(self) - 1)
        rows = places if self.order is None else self.order[places]
        return np.where((self.keys[rows] == keys).all(axis=1), rows, -1)


def write_shard(folder: Path, keys: np.ndarray, encodings: np.ndarray) -> None:
    """Write encodings as a file of their own, named by their keys.

    Args:
        folder: Where to; made where it is not there.
        keys: Both halves of each text's key, shape (n_texts, 2), uint64.
        encodings: Shape (n_texts, width), float32.

    Raises:
        OSError: If the file cannot be written.
    """
    order = np.argsort(keys[:, 0], kind="stable")
    _write(folder / _name(keys[order]), keys[order], iter([encodings[order]]), width=encodings.shape[1])


def merge_shards(folder: Path, shards: Sequence[Shard]) -> Path:
    """Write what several files hold as one, a text that is in several of them once.

    Args:
        folder: Where to.
        shards: The files, of one width.

    Returns:
        The file; where it was there already, it is left as it is.

    Raises:
        OSError: If the file cannot be written.
    """
    keys = np.concatenate([shard.keys for shard in shards])
    owners = np.repeat(np.arange(len(shards)), [len(shard) for shard in shards])
    rows = np.concatenate([np.arange(len(shard)) for shard in shards])
    kept = np.unique(keys[:, 0], return_index=True)[1]
    keys, owners, rows = keys[kept], owners[kept], rows[kept]
    width = shards[0].encodings.shape[1]

    def chunks() -> Iterator[np.ndarray]:
        for start in range(0, len(keys), CHUNK):
            part = slice(start, start + CHUNK)
            chunk = np.empty((len(keys[part]), width), dtype=np.float32)
            for owner, shard in enumerate(shards):
                chunk[owners[part] == owner] = shard.encodings[rows[part][owners[part] == owner]]
            yield chunk

    file = folder / _name(keys)
    if not file.exists():
        _write(file, keys, chunks(), width=width)
    return file


def _name(keys: np.ndarray) -> str:
    """A file's name by its sorted keys: who writes the same texts writes the same file."""
    return f"{hashlib.sha256(keys.tobytes()).hexdigest()[:32]}.safetensors"


def _write(file: Path, keys: np.ndarray, chunks: Iterator[np.ndarray], *, width: int) -> None:
    """Write safetensors' format chunk by chunk: the length of the header, the header, the tensors."""
    n_keys, n_encodings = len(keys) * KEY_SIZE, len(keys) * width * 4
    header = {
        "keys": {"dtype": "U8", "shape": [len(keys), KEY_SIZE], "data_offsets": [0, n_keys]},
        "encodings": {"dtype": "F32", "shape": [len(keys), width], "data_offsets": [n_keys, n_keys + n_encodings]},
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with replacing(file) as aside, aside.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text + keys.astype("<u8").tobytes())
        for chunk in chunks:
            stream.write(np.ascontiguousarray(chunk, dtype="<f4").data)


def _tensor(content: np.ndarray, entry: dict[str, Any]) -> np.ndarray:
    """One tensor of a mapped file; ValueError where its bytes are not all there."""
    start, end = entry["data_offsets"]
    tensor: np.ndarray = content[start:end].view({"U8": "u1", "F32": "<f4"}[entry["dtype"]]).reshape(entry["shape"])
    return tensor
