"""Long texts as windows: what is read of them, and which windows are whose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hiercls.encoding.engine import EncodingConfig, EncodingEngine
from hiercls.errors import ConfigError
from hiercls.model.encoder import EncoderConfig, load_encoder
from hiercls.model.inputs import WindowInputs
from hiercls.model.tokens import States, Tokens
from hiercls.model.windows import Windows, cut

LONG = " ".join(f"{letter}{number}" for letter in "abcdef" for number in range(6))  # 36 words, each a token


@given(st.integers(0, 60), st.integers(1, 9), st.integers(1, 5), st.booleans())
def test_a_cut_holds_what_is_read_in_order_in_as_few_even_windows_as_can_be(
    length: int, capacity: int, n_windows: int, tail: bool
) -> None:
    content = np.arange(length)
    windows = cut(content, capacity=capacity, n_windows=n_windows, tail=tail)
    limit = capacity * n_windows
    n_tail = limit // 2 if tail else 0
    read = content if length <= limit else np.r_[: limit - n_tail, length - n_tail : length]
    assert np.concatenate(windows).tolist() == read.tolist()
    sizes = [len(window) for window in windows]
    assert max(sizes) <= capacity
    assert max(sizes) - min(sizes) <= 1
    assert len(windows) == max(1, -(-len(read) // capacity))


def slow(folder: Path, text: str, *, pooling: str, windows: int, tail: bool) -> np.ndarray:
    """Window by window through the bare transformer, then pooled: the reference."""
    encoder = load_encoder(EncoderConfig(name=str(folder), max_length=12))
    ids = encoder.tokenizer(text, add_special_tokens=False)["input_ids"]
    if len(ids) > 10 * windows:
        half = 5 * windows
        ids = ids[:half] + ids[-half:] if tail else ids[: 10 * windows]
    n_parts = max(1, -(-len(ids) // 10))
    total = np.zeros(16)
    for part in np.array_split(np.array(ids, dtype=int), n_parts):
        given_ids = torch.tensor([[2, *part.tolist(), 3]])
        with torch.inference_mode():
            states = encoder.transformer(input_ids=given_ids).last_hidden_state[0].numpy()
        total += states[0] if pooling == "cls" else states.sum(axis=0)
    return 4.0 * total / np.linalg.norm(total)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize(("windows", "truncation"), [(1, "head-tail"), (2, "head"), (3, "head-tail"), (9, "head")])
def test_window_pooling_equals_the_slow_reference(tiny_bert: Path, pooling: Any, windows: int, truncation: Any) -> None:
    config = EncoderConfig(name=str(tiny_bert), pooling=pooling, max_length=12, windows=windows, truncation=truncation)
    texts = [LONG, "", "a0 b1", " ".join(LONG.split()[:13]), " ".join(LONG.split()[:10])]
    engine = EncodingEngine(
        load_encoder(config), device=torch.device("cpu"), config=EncodingConfig(batch_tokens=30, window=2)
    )
    found = engine.encode(texts)
    for row, text in zip(found, texts, strict=True):
        expected = slow(tiny_bert, text, pooling=pooling, windows=windows, tail=truncation == "head-tail")
        np.testing.assert_allclose(row, expected, atol=2e-5)


def test_training_reads_the_same_vector_as_the_engine(tiny_bert: Path) -> None:
    encoder = load_encoder(EncoderConfig(name=str(tiny_bert), max_length=12, windows=3))
    texts = ["a0 b1", LONG, "c2"]
    inputs = WindowInputs(encoder.tokenize(texts), encoder.pad_id)
    assert len(inputs) == 3
    assert inputs.lengths.tolist() == [4, 36, 3]
    tokens = inputs.take(np.array([2, 1])).batch(np.array([1, 0, 1]))
    assert isinstance(tokens, Tokens)
    assert tokens.owners.tolist() == [0, 0, 0, 1, 2, 2, 2]
    with torch.inference_mode():
        found = encoder(tokens).numpy()
    expected = EncodingEngine(encoder, device=torch.device("cpu")).encode([LONG, "c2", LONG])
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_the_progress_of_a_text_is_its_last_window_s(tiny_bert: Path) -> None:
    config = EncoderConfig(name=str(tiny_bert), max_length=12, windows=4)
    engine = EncodingEngine(load_encoder(config), device=torch.device("cpu"), config=EncodingConfig(batch_tokens=12))
    steps: list[int] = []
    list(engine.stream([[LONG, "a0", ""]], advance=steps.append))
    assert sum(steps) == 3
    assert steps[:4] == [0, 0, 0, 0]  # what the cache had, and the first three of four windows


def test_states_are_padded_with_nothing() -> None:
    windows = Windows([np.ones((1, 2), dtype=np.float16), np.ones((3, 2), dtype=np.float16)], np.array([0, 1]))
    states = WindowInputs(windows, None).batch(np.array([1, 0]))
    assert isinstance(states, States)
    assert states.values.dtype == torch.float32
    assert states.mask.tolist() == [[1, 1, 1], [1, 0, 0]]
    assert states.values.sum(dim=(1, 2)).tolist() == [6.0, 2.0]
    assert {tensor.device.type for tensor in (states.to("meta").values, states.to("meta").owners)} == {"meta"}


@pytest.mark.parametrize(
    ("settings", "said"), [({"windows": 0}, "windows >= 1, got 0"), ({"truncation": "tail"}, "got 'tail'")]
)
def test_settings_are_checked_at_birth(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        EncoderConfig(**settings)
