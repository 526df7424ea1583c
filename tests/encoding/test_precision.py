"""The number format is detected, never assumed."""

from __future__ import annotations

import pytest
import torch

from hiercls.encoding.precision import fast_precision, resolve_precision
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
    assert fast_precision(torch.device("cuda")) == expected


def test_what_is_given_is_taken() -> None:
    assert resolve_precision("bfloat16", CPU) == torch.bfloat16
    assert resolve_precision("float32", CPU) == torch.float32
    with pytest.raises(ConfigError, match="got 'float16'"):
        resolve_precision("float16", CPU)
