"""One whole input for each door, and more where a door reads several kinds: what damage starts from.

Knows how hiercls writes its files; damages nothing.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from hiercls.taxonomy import Taxonomy, shipped
from hostile.doors import MODEL_FILES, TOKEN, saved_file

ROWS = [
    {"text": "The rocket left for Venus.", "label": "ABC", "view": "one", "customer": "one"},
    {"text": 'a, "b"\nc', "label": "two:BC", "view": "", "customer": ""},
    {"text": "", "label": "A", "view": "", "customer": "two"},
]
ACME = "customer: acme\nclasses:\n  Science: X\n  Arts: [D]\n  Other: rest\n"


@cache
def wholes() -> tuple[tuple[str, bytes], ...]:
    """Whole inputs: pairs of a door and bytes."""
    return tuple(_made())


def _made() -> Iterator[tuple[str, bytes]]:
    tiny = shipped("tiny").read_bytes()
    yield "taxonomy", tiny
    yield "customer", ACME.encode()
    for delimiter, door in ((",", "csv"), ("\t", "tsv")):
        yield door, _delimited(delimiter)
    lines = [*ROWS, {"text": "x", "labels": [["one", "ABC"], "two:BC"], "complete": True, "thread": 3}]
    yield "jsonl", "\n".join(json.dumps(row) for row in lines).encode()
    yield "stream", "\n".join(json.dumps(row) for row in lines).encode()
    yield "parquet", _parquet()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "tiny.parquet")
        Taxonomy.from_yaml(shipped("tiny")).to_parquet(file)
        yield "parquet-taxonomy", file.read_bytes()
        for kind in ("logistic-regression", "rbf-svm", "gaussian-process", "laplace", "neighbours", "cache"):
            yield "head", _head(Path(folder, kind), kind)
    for place, name in enumerate(MODEL_FILES):
        yield "model", bytes([place]) + saved_file(name)
    yield "store", json.dumps({"customers": [{"customer": "acme", "yaml": ACME}]}).encode()
    yield "tokens", f"admin: {TOKEN}\ncustomers:\n  one: fedcba9876543210\n".encode()
    yield "shard", _shard()
    documents = {"documents": ["The rocket left for Venus.", ""], "at": ["one", "area"], "top_k": 2, "coverage": 0.9}
    yield "request", b"POST /predict\napplication/json\n" + json.dumps(documents).encode()
    yield "request", b"POST /predict\napplication/json\n" + json.dumps({"documents": ["a"], "explain": True}).encode()
    yield "request", b"POST /customers/check\napplication/yaml\n" + ACME.encode()
    yield "request", b"POST /customers?replace=true\napplication/yaml\n" + ACME.encode()
    yield "request", b"GET /taxonomy\n\n"


def _delimited(delimiter: str) -> bytes:
    quoted = [['"' + str(cell).replace('"', '""') + '"' for cell in row.values()] for row in ROWS]
    return "\n".join(delimiter.join(cells) for cells in (list(ROWS[0]), *quoted)).encode() + b"\n"


def _parquet() -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    file = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(ROWS), file)
    return file.getvalue()


def _head(file: Path, kind: str) -> bytes:
    from hiercls.customers import Repurposer

    features = np.random.default_rng(0).normal(size=(12, 2))
    Repurposer(kind, strength=None if kind in ("gaussian-process", "laplace") else 1.0).fit(
        features + np.repeat([[0, 0], [3, 3]], 6, axis=0), ["a"] * 6 + ["b"] * 6
    ).save(file)
    return file.read_bytes()


def _shard() -> bytes:
    from hiercls.encoding.cache import EncodingCache

    with tempfile.TemporaryDirectory() as folder:
        kept = EncodingCache(Path(folder), key="whole")
        kept.put(["a", "b"], np.ones((2, 2), dtype=np.float32))
        (file,) = kept.folder.iterdir()
        return file.read_bytes()


def rezipped(data: bytes, name: str, content: bytes) -> bytes:
    """A zip archive with one member replaced.

    Args:
        data: The archive.
        name: The member.
        content: What it holds instead.

    Returns:
        The archive.
    """
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(made, "w") as target:
        for member in source.namelist():
            target.writestr(member, content if member == name else source.read(member))
    return made.getvalue()
