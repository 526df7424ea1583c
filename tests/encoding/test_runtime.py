"""What computes batches: int8 beside float32, and the encoder compiled for very many texts."""

from __future__ import annotations

import copy
import importlib.util
import logging
import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from hiercls.encoding import runtime
from hiercls.encoding.cache import EncodingCache
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


class Unsendable(Rounded):
    """One that no other process can be sent, as compiled ones are."""

    def __reduce_ex__(self, protocol: object) -> str:
        raise TypeError("cannot be sent")


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is torch's compiler alone, and what it makes is faster."""
    monkeypatch.setattr(Runtime, "_compilers", lambda runtime: {"torch": runtime._compiled})
    monkeypatch.setattr(runtime, "_seconds", lambda ways, tokens: {"nothing": 2.0, "torch": 1.0})


def engine(folder: Path, *, precision: torch.dtype = torch.float32, **settings: int | None) -> EncodingEngine:
    encoder = load_encoder(EncoderConfig(name=str(folder), max_length=24))
    return EncodingEngine(encoder, device=CPU, precision=precision, config=EncodingConfig(**settings))


@pytest.fixture
def rounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Int8 is there, and rounds states to steps of .05."""
    monkeypatch.setattr(runtime, "check_installed", lambda: None)
    monkeypatch.setattr(runtime, "OpenVinoTransformer", lambda transformer, **_: Rounded(transformer, step=0.05))


@pytest.mark.usefixtures("rounded")
def test_int8_computes_beside_float32_and_says_once_how_near(tiny_bert: Path, caplog: pytest.LogCaptureFixture) -> None:
    exact, fast = engine(tiny_bert), engine(tiny_bert, precision=torch.int8)
    with caplog.at_level(logging.INFO, logger="hiercls"):
        near = [fast.encode(TEXTS), fast.without_cache().encode(TEXTS)][1]
    assert 0 < np.abs(near - exact.encode(TEXTS)).max() < 0.2
    np.testing.assert_allclose(np.linalg.norm(near, axis=1), 4.0, rtol=1e-5)
    assert len(caplog.messages) == 1
    assert caplog.messages[0] == fast.runtime.cost
    assert "on 32 windows of texts 1.0000, at least 0.99" in caplog.messages[0]
    assert next(fast.encoder.transformer.parameters()).dtype == torch.float32
    assert exact.runtime.cost is None
    one = engine(tiny_bert, precision=torch.int8)
    one.encode(["a0"])
    assert "on 1 windows of texts" in str(one.runtime.cost)


@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize("twin", [copy.deepcopy, lambda engine: pickle.loads(pickle.dumps(engine))])
def test_an_engine_can_be_copied_and_sent_whatever_was_made_of_its_encoder(
    twin: Callable[[EncodingEngine], EncodingEngine], tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "compile", lambda transformer, **settings: Unsendable(transformer, step=1e-6))
    monkeypatch.setattr(runtime, "check_installed", lambda: None)
    monkeypatch.setattr(runtime, "OpenVinoTransformer", lambda transformer, **_: Unsendable(transformer, step=0.05))
    for made in (engine(tiny_bert, compile_from=1), engine(tiny_bert, precision=torch.int8)):
        expected = made.encode(TEXTS)
        np.testing.assert_array_equal(twin(made).encode(TEXTS), expected)


def test_threads_that_ask_at_once_make_int8_once(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def slowly(transformer: torch.nn.Module, **_: torch.dtype) -> Rounded:
        made.append(1)
        time.sleep(0.05)
        return Rounded(transformer, step=0.05)

    monkeypatch.setattr(runtime, "check_installed", lambda: None)
    monkeypatch.setattr(runtime, "OpenVinoTransformer", slowly)
    fast = engine(tiny_bert, precision=torch.int8)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: fast.encode(TEXTS), range(4)))
    assert made == [1]
    assert all(np.array_equal(found[0], other) for other in found)


@pytest.mark.usefixtures("rounded")
@pytest.mark.parametrize("step", [3.0, float("nan")])
def test_int8_that_says_something_else_is_a_warning(
    step: float, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "OpenVinoTransformer", lambda transformer, **_: Rounded(transformer, step=step))
    with pytest.warns(UserWarning, match=r"cosine to float32 .* take precision='auto'"):
        engine(tiny_bert, precision=torch.int8).encode(TEXTS)


def test_int8_without_its_extra_says_what_to_install_before_any_work(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda module: None)
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"hiercls\[int8\]"):
        Runtime(load_encoder(EncoderConfig(name=str(tiny_bert), max_length=24)), device=CPU, precision=torch.int8)


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


def test_texts_that_the_cache_holds_do_not_count(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(Runtime, "compile", lambda runtime: asked.append(1))
    texts = [f"a{number}" for number in range(60)]
    cached = engine(tiny_bert, compile_from=30, window=10)
    cached.cache = EncodingCache(tmp_path, key="some")
    for start in (0, 20):
        cached.encode(texts[start : start + 20])
    cached.encode(texts)  # 20 of 60 are new, and come last
    assert not asked
    cached.encode([f"b{text}" for text in texts])
    assert asked


@pytest.mark.usefixtures("compiler")
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
    many = engine(tiny_bert, compile_from=1, batch_tokens=40)
    many.encoder.trained_in = torch.bfloat16  # as that of a tuned encoder is, which answers in float32 all the same
    np.testing.assert_allclose(many.encode(TEXTS), engine(tiny_bert).encode(TEXTS), atol=2e-5)
    assert len(calls) > 2
    assert many.runtime.compiled_by == "torch"
    assert pickle.loads(pickle.dumps(many)).runtime.compiled_by is None
    assert min(min(shape) for shape in calls) > 1


@pytest.mark.usefixtures("compiler")
def test_an_encoder_that_is_slower_compiled_stays_as_it_is(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made: list[int] = []

    def compiled(transformer: torch.nn.Module, **settings: object) -> torch.nn.Module:
        made.append(1)
        return Rounded(transformer, step=1.0)

    monkeypatch.setattr(torch, "compile", compiled)
    monkeypatch.setattr(runtime, "_seconds", lambda ways, tokens: {"nothing": 1.0, "torch": 2.0})
    slower = engine(tiny_bert, compile_from=1)
    with caplog.at_level(logging.INFO, logger="hiercls"):
        found = [slower.encode(TEXTS), slower.encode(TEXTS)][1]
    np.testing.assert_array_equal(found, engine(tiny_bert).encode(TEXTS))
    assert made == [1]
    assert slower.runtime.compiled_by is None
    assert caplog.messages[-1] == "compiled by torch it is 0.50 times as fast as before"


def test_ways_are_timed_in_turn(tiny_bert: Path) -> None:
    asked: list[str] = []
    made = engine(tiny_bert).runtime
    ways = {name: lambda tokens, name=name: asked.append(name) or time.sleep(0.01) for name in ("one", "other")}
    seconds = runtime._seconds(ways, made._example())
    assert asked == ["one", "other"] * runtime.N_TIMED
    assert min(seconds.values()) >= 0.01


@pytest.mark.usefixtures("compiler")
def test_where_compiling_fails_the_encoder_runs_as_it_is(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(transformer: torch.nn.Module, **settings: object) -> None:
        raise RuntimeError("no such header")

    monkeypatch.setattr(torch, "compile", failing)
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
    assert capfd.readouterr() == ("", "")


WATCHED = """
import sys
from pathlib import Path
log = Path(sys.argv[2])
sys.addaudithook(lambda event, given: event.startswith("socket.") and log.open("a").write(f"{event} {given}\\n"))
import torch
from hiercls.encoding.engine import EncodingEngine
from hiercls.model.encoder import EncoderConfig, load_encoder
encoder = load_encoder(EncoderConfig(name=sys.argv[1], max_length=24))
EncodingEngine(encoder, device=torch.device("cpu"), precision=torch.int8).encode(["a0", "b1"])
"""


@pytest.mark.slow
def test_int8_tells_nobody(tiny_bert: Path, tmp_path: Path) -> None:
    pytest.importorskip("nncf")
    pytest.importorskip("openvino")
    log = tmp_path / "log.txt"
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | {"HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", WATCHED, tiny_bert, log], check=True, env=environment)
    time.sleep(3)  # what tells does so in a process of its own
    assert not log.exists(), log.read_text()
    assert not (tmp_path / "intel").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "make"), [("torch", Runtime._compiled), ("OpenVINO", Runtime._converted)])
def test_an_encoder_that_is_compiled_says_the_same(
    name: str, make: Callable[[Runtime], object], tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "torch" and not can_compile(CPU):
        pytest.skip("there is no C++ compiler")
    if name == "OpenVINO":
        pytest.importorskip("openvino")
    monkeypatch.setattr(Runtime, "_compilers", lambda runtime: {name: lambda: make(runtime)})
    monkeypatch.setattr(runtime, "_seconds", lambda ways, tokens: {"nothing": 2.0, name: 1.0})
    found = engine(tiny_bert, compile_from=1, batch_tokens=40)
    np.testing.assert_allclose(found.encode(TEXTS), engine(tiny_bert).encode(TEXTS), atol=2e-5)
    assert found.runtime._made not in (None, found.encoder)


def test_the_fastest_of_what_compiles_is_kept(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = {"slow": 1.0, "fast": 0.5}
    monkeypatch.setattr(
        Runtime,
        "_compilers",
        lambda runtime: {
            name: lambda step=step: runtime.encoder.with_transformer(
                Rounded(runtime.encoder.transformer, step=step), runtime.encoder.pooling
            )
            for name, step in steps.items()
        },
    )
    monkeypatch.setattr(runtime, "_seconds", lambda ways, tokens: {"nothing": 2.0, "slow": 1.5, "fast": 1.0})
    found = engine(tiny_bert, compile_from=1)
    found.encode(TEXTS)
    assert found.runtime._made.transformer.step == 0.5


class Padded(Rounded):
    """One that says nothing of padded windows, as some graphs of some encoders do."""

    def forward(self, **given: torch.Tensor) -> SimpleNamespace:
        states = self.transformer(**given).last_hidden_state
        padded = (given["attention_mask"] == 0).any(dim=1)
        return SimpleNamespace(last_hidden_state=states.masked_fill(padded[:, None, None], torch.nan))


def test_what_fails_at_padding_is_not_kept(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "OpenVinoTransformer", lambda transformer, **_: Padded(transformer, step=1e-6))
    monkeypatch.setattr(Runtime, "_compilers", lambda runtime: {"OpenVINO": runtime._converted})
    with pytest.warns(UserWarning, match="its encodings are others: cosine nan"):
        found = engine(tiny_bert, compile_from=1).encode(TEXTS)
    assert np.isfinite(found).all()


@pytest.mark.usefixtures("compiler")
def test_what_fails_at_its_first_whole_batch_is_not_kept(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail_at_many(module: torch.nn.Module, args: object, given: dict[str, torch.Tensor]) -> None:
        if len(given["input_ids"]) > 8:
            raise RuntimeError("no room")

    def compiled(transformer: torch.nn.Module, **settings: object) -> torch.nn.Module:
        made = Rounded(transformer, step=1.0)
        made.register_forward_pre_hook(fail_at_many, with_kwargs=True)
        return made

    monkeypatch.setattr(torch, "compile", compiled)
    with pytest.warns(UserWarning, match="failed, and it runs as it is: no room"):
        found = engine(tiny_bert, compile_from=1).encode(TEXTS)
    np.testing.assert_array_equal(found, engine(tiny_bert).encode(TEXTS))


def test_what_says_something_else_is_not_kept(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "OpenVinoTransformer", lambda transformer, **_: Rounded(transformer, step=9.0))
    monkeypatch.setattr(Runtime, "_compilers", lambda runtime: {"OpenVINO": runtime._converted})
    with pytest.warns(UserWarning, match="by OpenVINO failed, and it runs as it is: its encodings are others"):
        found = engine(tiny_bert, compile_from=1).encode(TEXTS)
    np.testing.assert_array_equal(found, engine(tiny_bert).encode(TEXTS))
