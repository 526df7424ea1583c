"""Quicker kernels on a CPU: they give what torch gives, or stand aside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from hiercls.encoding import kernels
from hiercls.encoding.kernels import CpuKernels, LinearKernels, attend_by_text
from hiercls.model.encoder import EncoderConfig, load_encoder
from hiercls.model.tokens import Tokens

WINDOWS = [np.arange(5, 5 + length, dtype=np.int32) for length in (7, 7, 6, 2)]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which kernels are used, as they are."""
    found: list[str] = []

    def spy(name):
        real = getattr(kernels, name)
        monkeypatch.setattr(kernels, name, lambda *args, **given: found.append(name) or real(*args, **given))

    spy("_product")
    spy("attend_by_text")
    return found


def parted(module: nn.Module) -> CpuKernels:
    """Kernels of a processor on which attention goes by text."""
    found = CpuKernels(module)
    found._scores_by_text = True
    return found


@pytest.mark.parametrize("number_format", [torch.float32, torch.bfloat16])
def test_an_encoder_says_the_same_with_them(number_format: torch.dtype, tiny_bert: Path, calls: list[str]) -> None:
    encoder = load_encoder(EncoderConfig(name=str(tiny_bert), max_length=24)).to(number_format)
    tokens = Tokens.pad(WINDOWS, pad_id=encoder.pad_id)
    with torch.inference_mode():
        expected, quicker = encoder.pool(tokens), parted(encoder.transformer)
        calls.clear()
        with quicker:
            found = encoder.pool(tokens)
    n_layers = encoder.transformer.config.num_hidden_layers
    assert calls.count("_product") == sum(isinstance(one, nn.Linear) for one in encoder.transformer.modules())
    assert calls.count("attend_by_text") == (n_layers if number_format is torch.bfloat16 else 0)
    torch.testing.assert_close(found, expected, atol=1e-5 if number_format is torch.float32 else 0.1, rtol=0)
    nearness = functional.cosine_similarity(found, expected)
    assert nearness.min() > (1 - 1e-6 if number_format is torch.float32 else 0.999)


@pytest.mark.parametrize("shape", [(3, 4, 7, 8), (2, 3, kernels.N_SCORED + 9, 4), (9, 2, kernels.N_SCORED // 4, 4)])
@pytest.mark.parametrize("masked", ["no", "adding", "where", "where by head", "padding"])
def test_attention_is_that_of_the_formula(shape: tuple[int, ...], masked: str) -> None:
    random = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(shape, generator=random) for _ in range(3))
    n_texts, n_heads, n_tokens, _ = shape
    counts = torch.rand(n_texts, n_heads if "head" in masked else 1, n_tokens, n_tokens, generator=random) < 0.7
    counts |= torch.eye(n_tokens, dtype=torch.bool)
    if masked == "padding":  # of its own length for each text, as an encoder has it
        counts = (torch.arange(n_tokens) <= n_tokens - 2 - torch.arange(n_texts)[:, None])[:, None, None]
    counts[0] = True
    mask = {"no": None, "adding": torch.where(counts, 0.5, -2.0)}.get(masked, counts)
    for scale in (None, 0.3):
        expected = functional.scaled_dot_product_attention(query, key, value, mask, scale=scale)
        found = attend_by_text(query, key, value, mask, scale=scale)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("number_format", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("size", [10.0, 0.1])
@pytest.mark.parametrize("score", [200.0, 88.2, 87.0, 86.0, -66.0, -75.0, -98.0, -200.0])
def test_scores_near_and_beyond_the_range_of_powers_are_those_of_the_formula(
    score: float, size: float, masked: bool, number_format: torch.dtype
) -> None:
    """At 88 sums overflow, at 86 sums of large values do, from -69 on sums are small, at -98 powers have few digits."""
    random = torch.Generator().manual_seed(0)
    query, key = torch.zeros(2, 1, 2, 9, 4)
    query[..., 0], key[..., 0] = 2.0, score + torch.linspace(-0.5, 0.5, 9)
    value = size * (1 + torch.rand(1, 2, 9, 4, generator=random))
    mask = (torch.arange(9) < 7).expand(1, 1, 9, 9) if masked else None
    query, key, value = (one.to(number_format) for one in (query, key, value))
    exact = functional.scaled_dot_product_attention(query.double(), key.double(), value.double(), mask)
    found = attend_by_text(query, key, value, mask, scale=None)
    near = 1e-5 if number_format is torch.float32 else 0.05  # which tells scores of 86 to half a one
    torch.testing.assert_close(found.double(), exact, atol=size * near, rtol=0)


def test_a_row_that_a_mask_forbids_whole_is_no_nan() -> None:
    query = torch.randn(2, 1, 3, 4, generator=torch.Generator().manual_seed(0))
    counts = torch.ones(2, 1, 3, 3, dtype=torch.bool)
    counts[1] = False
    for mask in (counts, torch.where(counts, 0.0, torch.finfo(query.dtype).min)):
        found = attend_by_text(query, query, query, mask, scale=None)
        torch.testing.assert_close(found[1], query[1].mean(dim=1, keepdim=True).expand(1, 3, 4))


def test_weights_that_change_later_are_multiplied_as_they_are_then(calls: list[str]) -> None:
    layer, inputs = nn.Linear(8, 4).requires_grad_(False), torch.randn(3, 8)
    quicker = CpuKernels(layer)
    calls.clear()
    with quicker:
        layer(inputs)
    assert calls == ["_product"]
    layer.weight.zero_()
    with quicker:
        after = layer(inputs)
    assert calls == ["_product"]
    torch.testing.assert_close(after, layer.bias.expand(3, 4))


@pytest.mark.parametrize("fault", [RuntimeError("no such operator"), None])
def test_where_onednn_fails_or_errs_torch_computes(fault: Exception | None, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(inputs: torch.Tensor, packed: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        if fault is not None:
            raise fault
        return inputs.new_ones(len(inputs), 4)

    monkeypatch.setattr(kernels, "_product", wrong)
    layer, inputs = nn.Linear(8, 4), torch.randn(3, 8)
    with CpuKernels(layer) as quicker:
        torch.testing.assert_close(layer(inputs), inputs @ layer.weight.T + layer.bias)
    assert not quicker._packed


@pytest.mark.parametrize("case", ["causal", "float32", "to others", "a mask of two axes"])
def test_other_attention_is_left_to_torch(case: str, calls: list[str]) -> None:
    query = torch.randn(2, 2, 5, 4).to(torch.float32 if case == "float32" else torch.bfloat16)
    key = query[:, :, :3] if case == "to others" else query
    mask = torch.ones(5, 5, dtype=torch.bool).tril() if case == "a mask of two axes" else None
    with parted(nn.Linear(2, 2)):
        found = functional.scaled_dot_product_attention(query, key, key, attn_mask=mask, is_causal=case == "causal")
    assert "attend_by_text" not in calls
    assert found.shape == query.shape
    if case in ("causal", "a mask of two axes"):
        torch.testing.assert_close(found[0, 0, 0], query[0, 0, 0])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(9, 8), (2, 3, 8), (0, 8)])
def test_linear_layers_have_the_gradients_that_torch_gives(
    shape: tuple[int, ...], bias: bool, calls: list[str]
) -> None:
    first, second = nn.Linear(8, 5, bias=bias), nn.Linear(5, 3, bias=bias)
    inputs, wanted = torch.randn(shape, requires_grad=True), [*first.parameters(), *second.parameters()]

    def gradients() -> tuple[torch.Tensor, ...]:
        return torch.autograd.grad(second(first(inputs).tanh()).square().sum(), [inputs, *wanted])

    expected, quicker = gradients(), LinearKernels()
    calls.clear()
    with quicker:
        found = gradients()
    assert calls == (["_product"] * 6 if shape == (9, 8) else [])
    torch.testing.assert_close(found, expected)


def test_gradients_that_nobody_wants_are_not_computed(calls: list[str]) -> None:
    layer, quicker = nn.Linear(8, 5), LinearKernels()
    layer.bias.requires_grad_(False)
    calls.clear()
    with quicker:
        (found,) = torch.autograd.grad(layer(torch.ones(2, 8)).sum(), [layer.weight])
    assert calls == ["_product"] * 2
    torch.testing.assert_close(found, torch.full((5, 8), 2.0))


def test_linear_layers_are_left_to_torch_where_onednn_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "_laid_out", lambda weight: None)
    quicker = LinearKernels()
    monkeypatch.setattr(kernels, "_product", lambda *args: pytest.fail("oneDNN was asked"))
    layer, inputs = nn.Linear(8, 4), torch.randn(3, 8)
    with quicker:
        torch.testing.assert_close(layer(inputs), inputs @ layer.weight.T + layer.bias)


def test_second_derivatives_are_refused() -> None:
    layer, inputs = nn.Linear(8, 4), torch.randn(3, 8, requires_grad=True)
    with LinearKernels():
        (first,) = torch.autograd.grad(layer(inputs).tanh().sum(), [inputs], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.square().sum().backward()
