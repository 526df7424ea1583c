"""The engine: texts in order in, encodings in order out, whatever the batches."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hiercls.encoding.cache import EncodingCache
from hiercls.encoding.engine import EncodingConfig, EncodingEngine
from hiercls.errors import ConfigError
from hiercls.model.encoder import EncoderConfig, TextEncoder, load_encoder
from hiercls.model.tokens import Tokens
from hiercls.model.windows import length_batches

CPU = torch.device("cpu")


class Watched(EncodingEngine):
    """An engine that notes the batches that its encoder is given."""

    def watch(self) -> list[tuple[int, int]]:
        shapes: list[tuple[int, int]] = []
        self.encoder.transformer.register_forward_pre_hook(
            lambda _, args, given: shapes.append(tuple(given["input_ids"].shape)), with_kwargs=True
        )
        return shapes


@pytest.fixture
def encoder(tiny_bert: Path) -> TextEncoder:
    return load_encoder(EncoderConfig(name=str(tiny_bert), max_length=24))


@pytest.fixture(scope="module")
def texts() -> list[str]:
    random = np.random.default_rng(3)
    words = [f"{letter}{number}" for letter in "abcdef" for number in range(6)]
    return [" ".join(random.choice(words, size=size)) for size in random.integers(0, 30, size=60)]


def one_by_one(encoder: TextEncoder, texts: list[str]) -> np.ndarray:
    """Each text alone in its batch: no padding anywhere."""
    with torch.inference_mode():
        alone = [encoder(Tokens.pad(encoder.tokenize([text]).sequences, pad_id=0)).numpy() for text in texts]
    return np.concatenate(alone)


@pytest.mark.parametrize(
    "settings", [{}, {"batch_tokens": 40}, {"window": 7}, {"batch_tokens": 1, "window": 1}], ids=str
)
def test_texts_come_back_in_order_as_if_encoded_one_by_one(
    settings: dict[str, int], encoder: TextEncoder, texts: list[str]
) -> None:
    engine = EncodingEngine(encoder, device=CPU, config=EncodingConfig(**settings))
    found = engine.encode(texts)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, one_by_one(encoder, texts), atol=2e-5)


def test_bfloat16_is_near_and_answers_in_float32(tiny_bert: Path, texts: list[str]) -> None:
    one, other = (load_encoder(EncoderConfig(name=str(tiny_bert), max_length=24)) for _ in range(2))
    exact = EncodingEngine(one, device=CPU).encode(texts)
    near = EncodingEngine(other, device=CPU, precision=torch.bfloat16).encode(texts)
    assert near.dtype == np.float32
    assert 0 < np.abs(exact - near).max() < 0.2
    np.testing.assert_allclose(np.linalg.norm(near, axis=1), 4.0, rtol=1e-5)


def test_a_text_that_comes_twice_in_a_window_is_computed_once(encoder: TextEncoder) -> None:
    engine = Watched(encoder, device=CPU)
    shapes = engine.watch()
    found = engine.encode(["a0", "b1", "a0", "a0", "b1"])
    assert sum(rows for rows, _ in shapes) == 2
    assert (found[0] == found[2]).all()
    assert (found[1] == found[4]).all()
    assert not np.allclose(found[0], found[1])


def test_the_bar_counts_every_text_once(
    encoder: TextEncoder, texts: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = EncodingCache(tmp_path, key="bar")
    engine = EncodingEngine(encoder, device=CPU, config=EncodingConfig(window=8, batch_tokens=50), cache=cache)
    n_texts = 2 * len(texts)
    for _ in ("computed", "from the cache"):
        engine.encode([*texts, *texts], progress=True)
        assert f"| {n_texts}/{n_texts} " in capsys.readouterr().err


def test_no_text_and_empty_texts(encoder: TextEncoder) -> None:
    engine = EncodingEngine(encoder, device=CPU)
    assert engine.encode([]).shape == (0, 16)
    assert list(engine.stream(iter([]))) == []
    np.testing.assert_allclose(engine.encode(["", "a0", ""]), one_by_one(encoder, ["", "a0", ""]), atol=1e-5)
    assert np.isfinite(engine.encode([""])).all()


def test_a_batch_keeps_to_its_budget_of_tokens(encoder: TextEncoder, texts: list[str]) -> None:
    engine = Watched(encoder, device=CPU, config=EncodingConfig(batch_tokens=50))
    shapes = engine.watch()
    engine.encode(texts)
    assert all(rows * length <= 50 for rows, length in shapes)
    assert sum(rows for rows, _ in shapes) == len(set(texts))
    assert len(shapes) < len(set(texts))


def test_a_stream_takes_one_window_ahead_and_keeps_the_order(encoder: TextEncoder, texts: list[str]) -> None:
    engine = EncodingEngine(encoder, device=CPU)
    taken = 0

    def endless() -> Iterator[list[str]]:
        nonlocal taken
        while True:
            taken += 1
            yield [texts[(8 * taken + step) % len(texts)] for step in range(8)]

    stream = engine.stream(endless())
    for number in range(1, 4):
        expected = one_by_one(encoder, [texts[(8 * number + step) % len(texts)] for step in range(8)])
        np.testing.assert_allclose(next(stream), expected, atol=2e-5)
        assert taken == number + 1
    stream.close()


def test_the_next_window_is_tokenized_beside_the_computing(encoder: TextEncoder, texts: list[str]) -> None:
    engine, tokenize = EncodingEngine(encoder, device=CPU), encoder.tokenize
    threads: list[str] = []
    tokenized = [threading.Event() for _ in range(3)]

    def watched(window: list[str]) -> list[np.ndarray]:
        threads.append(threading.current_thread().name)
        found = tokenize(window)
        tokenized[len(threads) - 1].set()
        return found

    encoder.tokenize = watched  # type: ignore[method-assign]
    stream = engine.stream([texts[:8], texts[8:16], texts[16:24]])
    next(stream)
    assert tokenized[1].wait(timeout=30), "the second window waits until it is asked for"
    list(stream)
    assert [name.startswith("hiercls-tokens") for name in threads] == [False, True, True]  # the first is awaited


def test_an_error_while_tokenizing_reaches_the_caller(encoder: TextEncoder) -> None:
    def fail(texts: list[str]) -> list[np.ndarray]:
        raise ZeroDivisionError

    encoder.tokenize = fail  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        EncodingEngine(encoder, device=CPU).encode(["a0"])


def test_little_of_a_batch_is_padding(encoder: TextEncoder) -> None:
    random = np.random.default_rng(0)
    lengths = np.exp(random.normal(4.3, 0.9, size=4096)).astype(int).clip(3, 256)  # about as 20 Newsgroups
    defaults = EncodingConfig()
    batches = list(length_batches(lengths.tolist(), batch_tokens=defaults.batch_tokens_on(CPU)))
    padded = sum(int(lengths[batch].max()) * len(batch) for batch in batches)
    assert lengths.sum() / padded > 0.95


def test_an_engine_s_encoder_is_frozen(encoder: TextEncoder) -> None:
    encoder.train()
    engine = EncodingEngine(encoder, device=CPU)
    assert not engine.encoder.training
    assert not any(parameter.requires_grad for parameter in engine.encoder.parameters())


def test_a_second_engine_only_reads(tiny_bert: Path, encoder: TextEncoder, texts: list[str], tmp_path: Path) -> None:
    first = EncodingEngine(encoder, device=CPU, cache=EncodingCache(tmp_path, key="k"))
    expected = first.encode(texts[:40])
    again = load_encoder(EncoderConfig(name=str(tiny_bert), max_length=24))
    second = Watched(again, device=CPU, cache=EncodingCache(tmp_path, key="k"))
    shapes = second.watch()
    assert (second.encode(texts[:40][::-1]) == expected[::-1]).all()
    assert shapes == []
    found = second.encode(texts)
    assert sum(rows for rows, _ in shapes) == len(set(texts) - set(texts[:40]))
    np.testing.assert_allclose(found, one_by_one(encoder, texts), atol=2e-5)
    assert (second.encode(texts) == found).all()


def test_the_process_s_random_state_is_left_alone(encoder: TextEncoder) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()
    EncodingEngine(encoder, device=CPU).encode(["a0", "b1"])
    assert torch.get_rng_state().equal(before[0])
    assert np.random.get_state()[1].tolist() == before[1]


@settings(derandomize=True, max_examples=60, deadline=None)
@given(lengths=st.lists(st.integers(0, 30), max_size=40), budget=st.integers(1, 80))
def test_length_batches_divide_all_texts_by_a_budget(lengths: list[int], budget: int) -> None:
    batches = [batch.tolist() for batch in length_batches(lengths, batch_tokens=budget)]
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    order = [lengths[row] for batch in batches for row in batch]
    assert order == sorted(lengths, reverse=True)
    for batch in batches:
        longest = max(lengths[row] for row in batch)
        assert len(batch) == 1 or len(batch) * max(1, longest) <= budget


@pytest.mark.parametrize("settings", [{"batch_tokens": 0}, {"window": 0}])
def test_settings_are_checked_at_birth(settings: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="positive"):
        EncodingConfig(**settings)
