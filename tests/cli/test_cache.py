"""The size of the cache, and clearing it."""

from __future__ import annotations

import json

import numpy as np
from typer.testing import CliRunner

from hiercls.cli import build
from hiercls.encoding.cache import EncodingCache


def run(*arguments: str):
    return CliRunner().invoke(build(), ["cache", *arguments])


def test_the_cache_is_measured_and_cleared(tmp_path, monkeypatch):
    monkeypatch.setenv("HIERCLS_CACHE", str(tmp_path))
    EncodingCache(tmp_path, key="k").put(["a", "b"], np.ones((2, 3), dtype=np.float32))
    assert f"{tmp_path}: 2 encodings of 1 encoder, 0.0 MB" in run("size").stdout
    found = json.loads(run("size", "--json").stdout)
    assert (found["n_texts"], found["n_encoders"]) == (2, 1)
    assert "deleted 2 encodings" in run("clear").stderr
    assert json.loads(run("size", "--json").stdout) == {
        "folder": str(tmp_path),
        "n_encoders": 0,
        "n_texts": 0,
        "n_bytes": 0,
    }
