"""The doors: every way in which bytes that somebody else wrote enter hiercls.

A door takes bytes, lets hiercls read them as it would a file, and checks the answer. What hiercls refuses it refuses by
a ``HierclsError``, which a door lets pass to whoever knocks; any other error is a fault of hiercls. Knows hiercls; not
where the bytes come from.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from hiercls.data.reading import read, read_stream
from hiercls.taxonomy import Taxonomy, shipped
from hiercls.taxonomy.labels import resolve
from hiercls.taxonomy.multilabels import resolve_multilabels

Door = Callable[[bytes], object]
"""Lets bytes in: returns where they are answered, raises a HierclsError where they are refused."""

MODEL_FILES = ("config.json", "taxonomy.yaml", "model.safetensors", "vocabulary.json")
"""The files of a model's folder; the first byte that comes to its door says which of them the others replace."""
TOKEN = "0123456789abcdef"


@cache
def _tiny() -> Taxonomy:
    return Taxonomy.from_yaml(shipped("tiny"))


@cache
def _scratch() -> Path:
    """A folder in memory, where there is one; the operating system empties it."""
    shared = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="hiercls-hostile-", dir=shared if shared.is_dir() else None))


def _written(name: str, data: bytes) -> Path:
    path = _scratch() / name
    path.write_bytes(data)
    return path


def taxonomy(data: bytes) -> object:
    """A taxonomy's YAML; one that is read is written and read again as the same."""
    found = Taxonomy.from_yaml(_written("taxonomy.yaml", data))
    again = Taxonomy.from_yaml(found.to_yaml())
    assert again == found, "a taxonomy is not itself after writing"
    return found


def customer(data: bytes) -> object:
    """A customer's YAML beside the tiny world."""
    return _tiny().with_customer(_written("customer.yaml", data))


def parquet_taxonomy(data: bytes) -> object:
    """A taxonomy in Parquet."""
    return Taxonomy.from_parquet(_written("taxonomy.parquet", data))


def _rows(name: str) -> Door:
    def door(data: bytes) -> object:
        table = read(_written(name, data))
        for row in table.rows:
            row.text.encode()
        assert all(reject.problems for reject in table.rejects), "a reject without a problem"
        labels(json.dumps([[row.text, row.labels, row.customer] for row in table.rows]).encode())
        return table

    door.__doc__ = f"Documents as {name}; what is read has labels looked up."
    return door


csv, tsv, jsonl, parquet = (_rows(f"documents.{kind}") for kind in ("csv", "tsv", "jsonl", "parquet"))


def stream(data: bytes) -> object:
    """Documents on standard input."""
    return read_stream(io.BytesIO(data))


def labels(data: bytes) -> object:
    """Labels as a JSON list of ``[text, [[view, name], …], customer]``; every row is resolved or has a problem."""
    from hiercls.data.rows import Row

    rows = []
    for text, pairs, owner in json.loads(data):
        rows.append(Row(text=text, labels=tuple((view, name) for view, name in pairs), customer=owner))
    for resolution in (resolve(_tiny(), rows), resolve_multilabels(_tiny(), rows)):
        assert len(resolution.labels) == len(resolution.kept) <= len(rows), "rows are lost"
        assert bool(resolution.problems) == (len(resolution.kept) < len(rows)), "a row is dropped in silence"
    return rows


@cache
def _saved() -> Path:
    """A small model on words as it is saved, with everything that such a folder may hold."""
    from hiercls.estimator import HierarchicalTextClassifier

    documents = read(shipped("tiny").with_suffix(".jsonl")).rows
    model = HierarchicalTextClassifier(shipped("tiny"), encoder=None, random_state=0).fit_rows(documents)
    model.calibrate_rows(documents).conformalize_rows(documents)
    model.add_customer("{customer: four, classes: {Science: X, Other: rest}}", prior={"A": 0.5, "D": 0.5})
    folder = _scratch() / "saved"
    model.save_pretrained(folder)
    return folder


def saved_file(name: str) -> bytes:
    """A file of the model that ``model`` damages."""
    return (_saved() / name).read_bytes()


def model(data: bytes) -> object:
    """A model's folder with one file replaced, and hashes as whoever replaced it would write them."""
    from hiercls.estimator import HierarchicalTextClassifier

    name = MODEL_FILES[data[0] % len(MODEL_FILES)] if data else MODEL_FILES[0]
    folder = _scratch() / "model"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(_saved(), folder)
    (folder / name).write_bytes(data[1:])
    rehash(folder)
    loaded = HierarchicalTextClassifier.from_pretrained(folder)
    loaded.predict_proba(["The rocket left for Venus.", ""])
    return loaded


def rehash(folder: Path) -> None:
    """Have a folder's settings name the hashes of the files that are there now, as far as the settings are readable."""
    config = folder / "config.json"
    try:
        settings = json.loads(config.read_bytes())
        names = [name for name in settings["sha256"] if (folder / name).is_file()]
        hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
        config.write_text(json.dumps({**settings, "sha256": hashes}))
    except (ValueError, TypeError, KeyError, RecursionError):
        pass


def head(data: bytes) -> object:
    """A repurposed head, linear or of any other kind."""
    from hiercls.customers import Repurposer

    return Repurposer.load(_written("head", data)).predict_proba(np.zeros((1, 2)))


def store(data: bytes) -> object:
    """The customers that were added to a server."""
    from hiercls.serving import CustomerStore, Service

    return Service(_served(), store=CustomerStore(path=_written("customers.json", data)))


def tokens(data: bytes) -> object:
    """A server's tokens."""
    from hiercls.serving import Tokens

    return Tokens.from_yaml(_written("tokens.yaml", data))


def shard(data: bytes) -> object:
    """A file of the encoding cache: it is read, or passed over."""
    from hiercls.encoding.cache import EncodingCache, cache_size

    folder = _scratch() / "cache"
    shutil.rmtree(folder, ignore_errors=True)
    kept = EncodingCache(folder, key="hostile")
    kept.put(["a"], np.ones((1, 2), dtype=np.float32))
    (kept.folder / "0.safetensors").write_bytes(data)
    encodings, found = kept.get(["a", "b"])
    assert len(encodings) == found.sum(), "encodings are lost"
    kept.put(["c"], np.ones((1, 2), dtype=np.float32))
    return cache_size(folder)


@cache
def _served():  # type: ignore[no-untyped-def]
    from hiercls.estimator import HierarchicalTextClassifier

    return HierarchicalTextClassifier.from_pretrained(_saved())


@cache
def client():  # type: ignore[no-untyped-def]
    """A client of a server around the model; it lives as long as the process."""
    from starlette.testclient import TestClient

    from hiercls.serving import Service, Tokens
    from hiercls.serving.app import build_app

    opened = TestClient(build_app(Service(_served()), tokens=Tokens(admin=TOKEN)))
    opened.__enter__()
    return opened


def request(data: bytes) -> object:
    """An HTTP request: its first line is method and path, the second its content type, the rest its body."""
    import httpx2

    from hiercls.errors import HierclsError

    line, _, rest = data.partition(b"\n")
    kind, _, body = rest.partition(b"\n")
    method, _, path = line.decode("latin-1").partition(" ")
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind.decode("latin-1")}
    try:
        response = client().request(method, path, content=body, headers=headers)
    except (httpx2.InvalidURL, UnicodeEncodeError) as error:
        raise HierclsError(f"the client would not send it: {error}") from error
    assert response.status_code < 500 or response.status_code == 503, f"{response.status_code}: {response.text[:200]}"
    if response.status_code >= 400:
        raise HierclsError(f"{response.status_code}: {response.text[:200]}")
    return response


DOORS: dict[str, Door] = {
    "taxonomy": taxonomy,
    "customer": customer,
    "parquet-taxonomy": parquet_taxonomy,
    "csv": csv,
    "tsv": tsv,
    "jsonl": jsonl,
    "parquet": parquet,
    "stream": stream,
    "labels": labels,
    "model": model,
    "head": head,
    "store": store,
    "tokens": tokens,
    "shard": shard,
    "request": request,
}
"""The doors by name."""
