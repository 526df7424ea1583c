"""What computes batches: int8 beside float32, and the encoder compiled for very many texts."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from hiercls.encoding import runtime
from hiercls.encoding.engine import EncodingConfig, EncodingEngine
from hiercls.encoding.runtime import Runtime, can_compile
from hiercls.errors import MissingExtraError
from hiercls.model.encoder import EncoderConfig, load_encoder

CPU = torch.device("cpu")
TEXTS = [f"a{number % 6} b{number % 5} c{number} " * (number % 7) for number in range(40)]


class Rounded(torch.nn.Module):
    """Stands in for int8: a transformer whose states are rounded to some step."""

    def __init__(self, transformer: torch.nn.Module, *, step: float) -> None:
        super().__init__()
        self.transformer, self.config, self.step = transformer, transformer.config, step

    def forward(self, **given: torch.Tensor) -> SimpleNamespace:
        states = self.transformer(**given).last_hidden_state
        return SimpleNamespace(last_hidden_state=(states / self.step).round() * self.step)


def engine(folder: Path, *, precision: torch.dtype = torch.float32, **settings: int | None) -> EncodingEngine:
    encoder = load_encoder(EncoderConfig(name=str(folder), max_length=24))
    return EncodingEngine(encoder, device=CPU, precision=precision, config=EncodingConfig(**settings))


def test_int8_computes_beside_float32_and_says_once_how_near(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runtime, "Int8Transformer", lambda transformer: Rounded(transformer, step=0.05))
    exact, rounded = engine(tiny_bert), engine(tiny_bert, precision=torch.int8)
    with caplog.at_level(logging.INFO, logger="hiercls"):
        near = [rounded.encode(TEXTS), rounded.without_cache().encode(TEXTS)][1]
    assert 0 < np.abs(near - exact.encode(TEXTS)).max() < 0.2
    np.testing.assert_allclose(np.linalg.norm(near, axis=1), 4.0, rtol=1e-5)
    assert len(caplog.messages) == 1
    assert caplog.messages[0] == rounded.runtime.cost
    assert "at least 0.99" in caplog.messages[0]
    assert next(rounded.encoder.transformer.parameters()).dtype == torch.float32
    assert exact.runtime.cost is None


def test_int8_that_says_something_else_is_a_warning(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "Int8Transformer", lambda transformer: Rounded(transformer, step=3.0))
    with pytest.warns(UserWarning, match=r"cosine to float32 .* take precision='auto'"):
        engine(tiny_bert, precision=torch.int8).encode(TEXTS)


def test_int8_without_its_extra_says_what_to_install(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"hiercls\[int8\]"):
        engine(tiny_bert, precision=torch.int8).encode(["a0"])


@pytest.mark.parametrize(
    ("compile_from", "total", "expected"),
    [(20, 0, [0, 0, 1]), (20, 40, [1, 1, 1]), (41, 0, [0] * 3), (None, 40, [0] * 3)],
)
def test_an_encoder_is_compiled_only_where_many_texts_are_to_be_computed(
    compile_from: int | None, total: int, expected: list[int], tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(Runtime, "compile", lambda runtime: asked.append(1))
    texts = [f"a{number}" for number in range(27)]
    parts = [texts[start : start + 9] for start in (0, 9, 18)]
    found = []
    for _ in engine(tiny_bert, compile_from=compile_from).stream(parts, total=total):
        found.append(min(1, len(asked)))
    assert found == expected


def test_texts_that_the_cache_holds_do_not_count(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Runtime, "compile", lambda runtime: pytest.fail("nothing was to be computed"))
    engine(tiny_bert, compile_from=20).encode(["a0", "b1"] * 50)


def test_a_compiled_encoder_says_the_same_of_batches_of_any_shape(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[int, ...]] = []

    def compiled(transformer: torch.nn.Module, **settings: object) -> torch.nn.Module:
        assert settings == {"dynamic": True, "options": {"freezing": True}}
        transformer = load_encoder(EncoderConfig(name=str(tiny_bert), max_length=24)).transformer
        transformer.register_forward_pre_hook(
            lambda _, args, given: calls.append(tuple(given["input_ids"].shape)), with_kwargs=True
        )
        return transformer

    monkeypatch.setattr(torch, "compile", compiled)
    monkeypatch.setattr(runtime, "can_compile", lambda device: True)
    found = engine(tiny_bert, compile_from=1, batch_tokens=40).encode(TEXTS)
    np.testing.assert_allclose(found, engine(tiny_bert).encode(TEXTS), atol=2e-5)
    assert len(calls) > 2
    assert min(min(shape) for shape in calls) > 1


def test_where_compiling_fails_the_encoder_runs_as_it_is(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(transformer: torch.nn.Module, **settings: object) -> None:
        raise RuntimeError("no such header")

    monkeypatch.setattr(torch, "compile", failing)
    monkeypatch.setattr(runtime, "can_compile", lambda device: True)
    with pytest.warns(UserWarning, match="failed, and it runs as it is: no such header"):
        found = engine(tiny_bert, compile_from=1).encode(TEXTS)
    np.testing.assert_array_equal(found, engine(tiny_bert).encode(TEXTS))


def test_nothing_compiles_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert not can_compile(CPU)


@pytest.mark.slow
def test_int8_of_openvino_is_near_to_float32_and_says_nothing_on_standard_output(
    tiny_bert: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("nncf")
    pytest.importorskip("openvino")
    near, exact = engine(tiny_bert, precision=torch.int8).encode(TEXTS), engine(tiny_bert).encode(TEXTS)
    assert np.abs(near - exact).max() > 0
    assert (near * exact).sum(axis=1).min() / 16 > 0.99
    assert capfd.readouterr().out == ""


@pytest.mark.slow
def test_an_encoder_that_torch_compiles_says_the_same(tiny_bert: Path) -> None:
    if not can_compile(CPU):
        pytest.skip("there is no C++ compiler")
    found = engine(tiny_bert, compile_from=1, batch_tokens=40)
    np.testing.assert_allclose(found.encode(TEXTS), engine(tiny_bert).encode(TEXTS), atol=2e-5)
    assert found.runtime._compiled is not found.encoder
