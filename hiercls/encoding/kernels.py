"""What makes an encoder's layers quicker on a CPU: weights laid out once, attention in parts that caches hold.

Knows tensors and processors; knows no text and no batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from hiercls.encoding.precision import agrees, cpu_has

N_SCORED = 256
"""Tokens whose attention scores are computed together: what all heads make of them stays in a core's cache."""

LOG2_E, LEAST = math.log2(math.e), 1e-30
"""Scores' base is 2, whose powers are the cheaper; the least sum of a token's shares that is far from underflow."""


_NONE = (torch.empty(0), -1, torch.empty(0))
"""What stands for a weight that was not laid out: of no version."""


class CpuKernels(TorchFunctionMode):
    """While it is entered, a module's linear layers and attention are computed by other kernels, to the same results.

    A linear layer's weights are laid out anew by oneDNN, once, instead of in every product (bfloat16), or are
    multiplied by oneDNN in the place of MKL, which is slow on processors of other makers (float32). Attention in
    bfloat16 is computed text by text, on processors that have products in it but no tiles.

    Args:
        module: What computes; weights that change later are multiplied as torch does.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        weights = [one.weight for one in module.modules() if isinstance(one, nn.Linear)]
        laid_out = ((weight, _laid_out(weight)) for weight in weights)
        self._packed = {
            id(weight): (weight, weight._version, packed) for weight, packed in laid_out if packed is not None
        }
        has_products, has_tiles = cpu_has("_is_avx512_bf16_supported"), cpu_has("_is_amx_tile_supported")
        self._scores_by_text = has_products and not has_tiles

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func is functional.linear and not kwargs:
            weight, version, packed = self._packed.get(id(args[1]), _NONE)
            if weight._version == version and args[0].dtype is weight.dtype:
                return _product(args[0], packed, args[2] if len(args) > 2 else None)
        if func is functional.scaled_dot_product_attention and self._scores_by_text and _is_plain(args, kwargs or {}):
            query, key, value = args
            given = kwargs or {}
            return attend_by_text(query, key, value, given.get("attn_mask"), scale=given.get("scale"))
        return func(*args, **(kwargs or {}))


class LinearKernels(TorchFunctionMode):
    """While it is entered, linear layers in float32 on a CPU are computed by oneDNN, gradients too.

    torch itself multiplies these by MKL, which is slow on processors of other makers.
    """

    def __init__(self) -> None:
        super().__init__()
        weight = torch.randn(8, 16, generator=torch.Generator().manual_seed(0))
        self._is_right = _laid_out(weight) is not None

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func is functional.linear and not kwargs and self._is_right and all(map(_is_matrix, args[:2])):
            return _LinearByOneDnn.apply(*args)  # type: ignore[no-untyped-call]
        return func(*args, **(kwargs or {}))


class _LinearByOneDnn(torch.autograd.Function):
    """``z = x Wᵀ + b``: the gradients are ``G W``, ``Gᵀ x`` and the sum of G over the rows."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        return _product(inputs, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        return (
            _product(gradient, weight.T, None) if wanted[0] else None,
            _product(gradient.T, inputs.T, None) if wanted[1] else None,
            gradient.sum(dim=0) if len(wanted) > 2 and wanted[2] else None,
        )


def attend_by_text(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, *, scale: float | None) -> Tensor:
    """Attention softmax(s·q kᵀ + mask) v, a text or a few short ones at a time.

    Args:
        query: Shape (n_texts, n_heads, n_tokens, width).
        key: The same shape.
        value: The same shape.
        mask: What is added to the scores, or where they count (bool); broadcast to
            (n_texts, n_heads, n_tokens, n_tokens). Where it forbids all, all count alike.
        scale: s; None: 1 / √width.

    Returns:
        The same shape.

    Example:
        >>> one = torch.ones(1, 1, 2, 4)
        >>> attend_by_text(one, one, one, None, scale=None)[0, 0, 0].tolist()
        [1.0, 1.0, 1.0, 1.0]

    Source:
        Vaswani et al., Attention Is All You Need, NIPS 2017, section 3.2.1.
    """
    n_texts, n_heads, n_tokens, width = query.shape
    found = query.new_empty(n_texts, n_tokens, n_heads, width).transpose(1, 2)
    query = query * ((width**-0.5 if scale is None else scale) * LOG2_E)
    value = functional.pad(value, (0, 1), value=1.0)  # one more column, in which the shares are summed
    step = max(1, N_SCORED // n_tokens)
    for start in range(0, n_texts, step):
        part = slice(start, start + step)
        q, k, v = (one[part].flatten(0, 1) for one in (query, key, value))
        scores = torch.bmm(q, k.transpose(1, 2)).view(-1, n_heads, n_tokens, n_tokens)
        if mask is not None:
            _add_mask(scores, mask.expand(n_texts, -1, -1, -1)[part])
        attended = _normalised(torch.bmm(scores.exp2().flatten(0, 1), v))
        if attended is None:  # out of the numbers' range, as the largest score is not taken off first
            shares = (scores * (1 / LOG2_E)).softmax(dim=-1).flatten(0, 1)
            attended = torch.bmm(shares, v)[..., :width]
        found[part] = attended.view(-1, n_heads, n_tokens, width)
    return found


def _normalised(sums: Tensor) -> Tensor | None:
    """Sums of values by shares, over the shares' own, which come last; None where one is out of range."""
    attended, total = sums[..., :-1] / sums[..., -1:], sums[..., -1]
    least, most = total.aminmax()
    return attended if LEAST < least <= most < torch.inf and attended.sum().isfinite() else None


def _add_mask(scores: Tensor, mask: Tensor) -> None:
    """Add a mask to scores of base 2, or put the least number where it is false."""
    least = torch.finfo(scores.dtype).min
    if mask.dtype is not torch.bool:
        scores += (mask * LOG2_E).clamp(least, -least)
        return
    everywhere = mask.flatten(0, 2).all(dim=0)
    if not everywhere.all():
        first = int(everywhere.int().argmin())  # padding comes last, mostly
        scores[..., first:].masked_fill_(~mask[..., first:], least)


def _is_plain(tensors: Sequence[Tensor], given: Mapping[str, Any]) -> bool:
    """Whether it is attention in bfloat16 of texts to themselves, with nothing but a mask of four axes and a scale."""
    mask, shapes = given.get("attn_mask"), {tensor.shape for tensor in tensors}
    is_other = any(given.get(name) for name in ("dropout_p", "is_causal", "enable_gqa"))
    is_same = len(tensors) == 3 and len(shapes) == 1 and tensors[0].dim() == 4
    return is_same and not is_other and tensors[0].dtype is torch.bfloat16 and (mask is None or mask.dim() == 4)


def _is_matrix(tensor: Tensor) -> bool:
    """Whether it has two axes and something in it, in float32 on a CPU."""
    return tensor.dim() == 2 and tensor.numel() > 0 and tensor.dtype is torch.float32 and tensor.device.type == "cpu"


def _laid_out(weight: Tensor) -> Tensor | None:
    """A weight as oneDNN wants it; None where that cannot be had, or does not give what torch gives."""
    if weight.device.type != "cpu" or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return None
    some = torch.randn(4, weight.shape[1], generator=torch.Generator().manual_seed(0)).to(weight.dtype)
    try:
        packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), None)
        found = _product(some, packed, None)
    except (RuntimeError, AttributeError, TypeError):  # torch's own operators, which another torch may lack
        return None
    return packed if agrees(found, functional.linear(some, weight.detach())) else None


def _product(inputs: Tensor, packed: Tensor, bias: Tensor | None) -> Tensor:
    """Inputs times a weight that was laid out, plus a bias."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(inputs, packed, bias, "none", [], "")
    return product
