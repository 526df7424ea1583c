"""What loading does behind one's back is nothing: no pickle, no network, no program, no file elsewhere, no code."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hiercls.data.newsgroups import load_newsgroups
from hiercls.errors import DataError, EncoderNotFoundError, ModelFolderError
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.model.encoder import EncoderConfig, load_encoder
from hiercls.training.config import TrainingConfig
from hiercls.training.saving import read_model

ROOT = Path(__file__).parents[2]
QUICK = TrainingConfig(epochs=1, batch_size=32)


@pytest.fixture(scope="module")
def saved(tiny, tiny_bert, tiny_documents, tmp_path_factory):
    """A model with its own encoder, as it is saved."""
    model = HierarchicalTextClassifier(tiny, encoder=tiny_bert, tune="last-1", max_length=16, training=QUICK)
    folder = tmp_path_factory.mktemp("saved") / "model"
    model.fit(*tiny_documents).save_pretrained(folder)
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    return Path(shutil.copytree(saved, tmp_path / "model"))


def watched(*arguments):
    run = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    return json.loads(run.stdout.splitlines()[-1])


def test_no_load_reads_a_pickle_asks_the_network_or_runs_a_program(saved):
    """Models with and without encoder, repurposed heads of all kinds, cache, taxonomies, documents, store, tokens."""
    assert watched("-m", "hostile.watching", str(saved)) == []


def test_the_watch_sees_what_it_should():
    code = """
import json, pickle, socket, subprocess, sys
from collections import Counter
from hostile.watching import watch
seen = watch()
pickle.loads(pickle.dumps(Counter("a")))
try:
    socket.create_connection(("127.0.0.1", 9), timeout=0.1)
except OSError:
    pass
subprocess.run(["true"])
print(json.dumps(sorted({event.split()[0] for event in seen})))
"""
    assert set(watched("-c", code)) >= {"pickle.find_class", "socket.connect", "subprocess.Popen"}


def renamed(folder, old, new):
    config = folder / "config.json"
    settings = json.loads(config.read_text())
    settings["sha256"][new] = settings["sha256"].pop(old)
    config.write_text(json.dumps(settings))


@pytest.mark.parametrize("name", ["../secret.json", "encoder/../../secret.json", "/etc/hostname"])
def test_a_folder_names_no_file_elsewhere(folder, name):
    (folder.parent / "secret.json").write_bytes((folder / "encoder" / "config.json").read_bytes())
    renamed(folder, "encoder/config.json", name)
    with pytest.raises(ModelFolderError, match="lies outside the folder"):
        read_model(folder)


@pytest.mark.parametrize(
    "name", ["config.json", "model.safetensors", "taxonomy.yaml", "encoder/config.json", "encoder"]
)
def test_no_link_leads_out_of_a_folder(folder, name):
    (folder / name).rename(folder.parent / "elsewhere")
    (folder / name).symlink_to(folder.parent / "elsewhere")
    with pytest.raises(ModelFolderError, match="lies outside the folder"):
        HierarchicalTextClassifier.from_pretrained(folder)


def test_the_links_of_the_hubs_cache_are_followed(folder, tmp_path):
    snapshot, blobs = tmp_path / "hub" / "snapshots" / "0a1b", tmp_path / "hub" / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    for number, file in enumerate(sorted(path for path in folder.rglob("*") if path.is_file())):
        (blobs / str(number)).write_bytes(file.read_bytes())
        link = snapshot / file.relative_to(folder)
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(blobs / str(number))
    assert HierarchicalTextClassifier.from_pretrained(snapshot).predict(["a1"]).shape == (1,)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_in_a_folder_is_not_waited_for(folder):
    (folder / "taxonomy.yaml").unlink()
    os.mkfifo(folder / "taxonomy.yaml")
    with pytest.raises(ModelFolderError, match="to be a file"):
        read_model(folder)


def test_settings_ask_for_no_more_memory_than_the_weights_have(folder):
    settings = json.loads((folder / "config.json").read_text())
    settings["head"] = {"kind": "cascade", "hidden": 10**11}
    (folder / "config.json").write_text(json.dumps(settings))
    with pytest.raises(ModelFolderError, match="no whole model"):
        HierarchicalTextClassifier.from_pretrained(folder)


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_code_that_comes_with_an_encoder_is_not_run(tiny_bert, tmp_path, file):
    bert = Path(shutil.copytree(tiny_bert, tmp_path / "bert"))
    code = f"open({str(tmp_path / 'ran')!r}, 'w')\n"
    for name in ("foreign.py", "foreign_tokenizer.py"):
        (bert / name).write_text(code)
    settings = json.loads((bert / file).read_text())
    settings |= {"model_type": "foreign", "tokenizer_class": "Foreign"}
    settings["auto_map"] = {
        "AutoConfig": "foreign.Config",
        "AutoModel": "foreign.Model",
        "AutoTokenizer": ["foreign_tokenizer.Foreign", None],
    }
    (bert / file).write_text(json.dumps(settings))
    with contextlib.suppress(EncoderNotFoundError):  # or it is loaded without what it brought
        load_encoder(EncoderConfig(name=str(bert), max_length=16))
    assert not (tmp_path / "ran").exists()


def test_pickled_weights_are_not_read(tiny_bert, tmp_path):
    import torch
    from safetensors.torch import load_file

    bert = Path(shutil.copytree(tiny_bert, tmp_path / "bert"))
    torch.save(load_file(bert / "model.safetensors"), bert / "pytorch_model.bin")
    (bert / "model.safetensors").unlink()
    with pytest.raises(EncoderNotFoundError, match="loading it failed"):
        load_encoder(EncoderConfig(name=str(bert), max_length=16))


def test_weights_in_parts_lie_in_the_folder(tiny_bert, tmp_path):
    bert = Path(shutil.copytree(tiny_bert, tmp_path / "bert"))
    (bert / "model.safetensors").rename(tmp_path / "elsewhere.safetensors")
    index = {"metadata": {}, "weight_map": {"embeddings.word_embeddings.weight": "../elsewhere.safetensors"}}
    (bert / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(EncoderNotFoundError, match="lies outside the folder"):
        load_encoder(EncoderConfig(name=str(bert), max_length=16))


def test_an_encoder_that_is_another_is_refused_before_it_is_read(tiny_bert, monkeypatch):
    monkeypatch.setattr("hiercls.model.encoder._load_parts", lambda folder: pytest.fail("it was read"))
    with pytest.raises(ModelFolderError, match="was trained on the encoder"):
        load_encoder(EncoderConfig(name=str(tiny_bert), max_length=16), fingerprint="0" * 64)


@pytest.mark.parametrize(("value", "is_allowed"), [("1", False), ("true", False), ("0", True), ("", True)])
def test_nothing_is_fetched_where_that_is_forbidden(monkeypatch, value, is_allowed):
    asked = []

    def snapshot_download(name, *, local_files_only=False, **_):
        asked.append(local_files_only)
        raise OSError("nothing here")

    def fetch_20newsgroups(*, download_if_missing, **_):
        asked.append(not download_if_missing)
        raise OSError("nothing here")

    monkeypatch.setenv("HIERCLS_OFFLINE", value)
    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    monkeypatch.setattr("sklearn.datasets.fetch_20newsgroups", fetch_20newsgroups)
    with pytest.raises(EncoderNotFoundError) as caught:
        load_encoder(EncoderConfig(name="somebody/some-encoder"))
    assert ("unset HIERCLS_OFFLINE" in str(caught.value)) == bool(value)
    with pytest.raises(DataError):
        load_newsgroups("test", headers="kept")
    assert asked == [True, not is_allowed, not is_allowed]
