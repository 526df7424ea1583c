"""The number format is detected, never assumed."""

from __future__ import annotations

import pytest
import torch

from hiercls.encoding import precision
from hiercls.encoding.precision import computes_rightly, fast_precision, resolve_precision
from hiercls.errors import ConfigError

CPU = torch.device("cpu")


@pytest.mark.parametrize("probe", ["_is_amx_tile_supported", "_is_avx512_bf16_supported"])
@pytest.mark.parametrize("answer", [True, False])
def test_a_cpu_says_whether_it_computes_bfloat16(probe: str, answer: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False, raising=False)
    monkeypatch.setattr(torch.cpu, probe, lambda: answer, raising=False)
    expected = torch.bfloat16 if answer else torch.float32
    assert fast_precision(CPU) == resolve_precision("auto", CPU) == expected


def test_a_torch_that_does_not_know_the_question_means_no(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    assert fast_precision(CPU) == torch.float32


@pytest.mark.parametrize(("capability", "expected"), [((7, 5), torch.float32), ((9, 0), torch.bfloat16)])
def test_a_gpu_says_its_capability(
    capability: tuple[int, int], expected: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(precision, "computes_rightly", lambda device, number_format: True)
    assert fast_precision(torch.device("cuda")) == expected


def test_what_is_given_is_taken() -> None:
    assert resolve_precision("bfloat16", CPU) == torch.bfloat16
    assert resolve_precision("float32", CPU) == torch.float32
    with pytest.raises(ConfigError, match="got 'float16'"):
        resolve_precision("float16", CPU)


def test_what_does_not_compute_rightly_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True, raising=False)
    assert fast_precision(CPU) == torch.bfloat16
    monkeypatch.setattr(precision, "computes_rightly", lambda device, number_format: False)
    assert fast_precision(CPU) == torch.float32
    assert resolve_precision("bfloat16", CPU) == torch.bfloat16


@pytest.mark.parametrize("number_format", [torch.float32, torch.bfloat16])
def test_a_product_that_agrees_is_right_and_one_that_does_not_is_wrong(
    number_format: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = computes_rightly.__wrapped__
    assert right(CPU, number_format)
    assert not right(CPU, torch.int8)
    monkeypatch.setattr(torch.Tensor, "float", lambda product: torch.full(product.shape, torch.nan))
    assert not right(CPU, number_format)


def test_a_device_that_is_not_there_computes_nothing() -> None:
    assert not computes_rightly(torch.device("cuda", 99), torch.bfloat16)
