"""Outputs of functions by shape alone, where the abstract kernel is slow (written in Python), missing or wrong.

A rule answers NotImplemented wherever anything is unusual, so that torch itself runs and raises its own error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

Args = Sequence[Any]
Kwargs = dict[str, Any]
Rule = Callable[[Args, Kwargs], Any]


def _floating(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def like(x: torch.Tensor, dtype: torch.dtype | None = None) -> torch.Tensor:
    """Return a tensor as an operation on each value of `x` gives it: dense, its axes in memory in the order of `x`.

    (`torch.empty_like` does the same, but without values it goes through a kernel that imports sympy.)
    """
    dtype = dtype or x.dtype
    if x.is_contiguous() or 0 in x.stride():
        return x.new_empty(x.shape, dtype=dtype)
    strides, step = [0] * x.dim(), 1
    for axis in sorted(range(x.dim()), key=lambda i: (x.stride(i), -i)):
        strides[axis] = step
        step *= x.shape[axis]
    return torch.empty_strided(x.shape, strides, dtype=dtype, device=x.device)


def same(args: Args, kwargs: Kwargs) -> Any:
    """Shape of a function that works on each value alone; every other argument is a number."""
    if len(args) < 1 or not _floating(args[0]):
        return NotImplemented
    if any(isinstance(v, (torch.Tensor, torch.dtype)) for v in (*args[1:], *kwargs.values())):
        return NotImplemented
    return like(args[0])


def along(args: Args, kwargs: Kwargs) -> Any:
    """Shape of a softmax: as the input, where the axis exists."""
    dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
    if not args or not isinstance(args[0], torch.Tensor) or not isinstance(dim, int):
        return NotImplemented
    rank = args[0].dim()
    return same(args, kwargs) if -rank <= dim < rank else NotImplemented


def linear(args: Args, kwargs: Kwargs) -> Any:
    """Shape of `F.linear(x, weight, bias)`."""
    if len(args) < 2 or not all(isinstance(t, torch.Tensor) for t in args[:2]):
        return NotImplemented
    x, weight = args[0], args[1]
    bias = args[2] if len(args) > 2 else kwargs.get("bias")
    if weight.dim() != 2 or not x.dim() or x.shape[-1] != weight.shape[1] or x.dtype != weight.dtype:
        return NotImplemented
    if bias is not None and (bias.dtype != weight.dtype or tuple(bias.shape) != (weight.shape[0],)):
        return NotImplemented
    return x.new_empty((*x.shape[:-1], weight.shape[0]))


def broadcast(a: Sequence[int], b: Sequence[int]) -> tuple[int, ...] | None:
    """Return the shape that two shapes broadcast to, None where they do not."""
    if a == b:
        return tuple(a)
    longer, shorter = (a, b) if len(a) >= len(b) else (b, a)
    out = list(longer)
    for i in range(1, len(shorter) + 1):
        if shorter[-i] != longer[-i]:
            if shorter[-i] != 1 and longer[-i] != 1:
                return None
            out[-i] = shorter[-i] if longer[-i] == 1 else longer[-i]
    return tuple(out)


def pair(args: Args, kwargs: Kwargs) -> Any:
    """Shape of an operation on two values: tensors of one floating dtype, or such a tensor and a number."""
    if len(args) != 2 or kwargs:
        return NotImplemented
    a, b = args
    if _floating(a) and isinstance(b, (int, float)):
        return like(a)
    if _floating(b) and isinstance(a, (int, float)):
        return like(b)
    if not (_floating(a) and _floating(b) and a.dtype == b.dtype and a.device == b.device):
        return NotImplemented
    if a.shape == b.shape:
        return like(a)
    shape = broadcast(a.shape, b.shape)
    return NotImplemented if shape is None else a.new_empty(shape)


def comparison(args: Args, kwargs: Kwargs) -> Any:
    """Shape of a comparison."""
    if len(args) != 2 or kwargs or not isinstance(args[0], torch.Tensor):
        return NotImplemented
    a, b = args
    if isinstance(b, (int, float)):
        return like(a, dtype=torch.bool)
    if not isinstance(b, torch.Tensor) or a.device != b.device:
        return NotImplemented
    shape = broadcast(a.shape, b.shape)
    return NotImplemented if shape is None else a.new_empty(shape, dtype=torch.bool)


def in_place(args: Args, kwargs: Kwargs) -> Any:
    """What is written into is itself, where the other value's shape fits in."""
    if not args or kwargs or not _floating(args[0]) or args[0].requires_grad:
        return NotImplemented
    for other in args[1:]:
        if isinstance(other, torch.Tensor):
            if not _floating(other) or broadcast(args[0].shape, other.shape) != tuple(args[0].shape):
                return NotImplemented
        elif not isinstance(other, (int, float)):
            return NotImplemented
    return args[0]


IN_PLACE = frozenset({"add", "sub", "mul", "div", "relu", "sigmoid", "tanh", "clamp", "exp", "neg", "sqrt"})
"""Operations whose written-in-place form is answered by `in_place`: no value is there to be changed."""


def masked_fill(args: Args, kwargs: Kwargs) -> Any:
    """Shape of a tensor with a mask filled with a number."""
    if len(args) != 3 or kwargs or not isinstance(args[2], (int, float)):
        return NotImplemented
    x, mask = args[0], args[1]
    if not _floating(x) or not isinstance(mask, torch.Tensor) or mask.dtype is not torch.bool:
        return NotImplemented
    return like(x) if broadcast(x.shape, mask.shape) == tuple(x.shape) else NotImplemented


def attention(args: Args, kwargs: Kwargs) -> Any:
    """Shape of scaled dot product attention."""
    if len(args) < 3 or not all(_floating(t) for t in args[:3]) or kwargs.get("enable_gqa"):
        return NotImplemented
    q, k, v = args[:3]
    if not q.dim() == k.dim() == v.dim() >= 2 or q.dtype != k.dtype or k.dtype != v.dtype:
        return NotImplemented
    if q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2] or not q.shape[:-2] == k.shape[:-2] == v.shape[:-2]:
        return NotImplemented
    mask = args[3] if len(args) > 3 else kwargs.get("attn_mask")
    if mask is not None:
        scores = (*q.shape[:-1], k.shape[-2])
        if not isinstance(mask, torch.Tensor) or broadcast(mask.shape, scores) != scores:
            return NotImplemented
    return q.new_empty((*q.shape[:-1], v.shape[-1]))


def layer_norm(args: Args, kwargs: Kwargs) -> Any:
    """Shape of layer and RMS normalization."""
    shape = args[1] if len(args) > 1 else kwargs.get("normalized_shape")
    if not args or not _floating(args[0]) or not isinstance(shape, (tuple, list)):
        return NotImplemented
    x, weights = args[0], [v for v in (*args[2:], *kwargs.values()) if isinstance(v, torch.Tensor)]
    if tuple(x.shape[-len(shape) :]) != tuple(shape) or any(w.dtype != x.dtype for w in weights):
        return NotImplemented
    return like(x)


def normalize(args: Args, kwargs: Kwargs) -> Any:
    """Shape of `F.normalize`."""
    return NotImplemented if kwargs.get("out") is not None else same(args, {})


def convolution(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """Shape of `F.conv1d`, `F.conv2d` and `F.conv3d`."""
    axes = weight.dim() - 2
    if not _floating(x) or x.dim() != axes + 2 or x.dtype != weight.dtype or x.shape[1] != weight.shape[1] * groups:
        return NotImplemented
    if not groups or weight.shape[0] % groups or (bias is not None and tuple(bias.shape) != (weight.shape[0],)):
        return NotImplemented
    strides, dilations = _each(stride, axes), _each(dilation, axes)
    if padding == "same":
        sizes = list(x.shape[2:])
    else:
        paddings = _each(0 if padding == "valid" else padding, axes)
        sizes = [
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, p, d, k, s in zip(x.shape[2:], paddings, dilations, weight.shape[2:], strides)
        ]
    if min(sizes, default=1) < 1:
        return NotImplemented
    return x.new_empty((x.shape[0], weight.shape[0], *sizes))


def _each(value: Any, axes: int) -> tuple[int, ...]:
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    return values * axes if len(values) == 1 else values


def contiguous(args: Args, kwargs: Kwargs) -> Any:
    """A contiguous tensor is itself."""
    if len(args) != 1 or kwargs or args[0].is_contiguous():
        return NotImplemented
    return args[0].new_empty(args[0].shape)


def triangle(args: Args, kwargs: Kwargs) -> Any:
    """Shape of `tril` and `triu`."""
    return like(args[0]) if args and isinstance(args[0], torch.Tensor) else NotImplemented


def grouped_matmul(args: Args, kwargs: Kwargs) -> Any:
    """Shape of a grouped matrix product, whose abstract kernel wants bfloat16."""
    a, b = args[0], args[1]
    return a.new_empty((a.shape[0], b.shape[2])) if a.dim() == 2 and b.dim() == 3 else NotImplemented


def _bound(rule: Callable[..., Any]) -> Rule:
    """Let a rule have named arguments; it does not apply where they do not fit."""

    def apply(args: Args, kwargs: Kwargs) -> Any:
        if len(args) < 2 or not all(isinstance(t, torch.Tensor) for t in args[:2]) or kwargs.get("input") is not None:
            return NotImplemented
        return rule(*args, **kwargs)

    return apply


_SAME = (
    "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "softsign", "hardtanh",
    "hardswish", "hardsigmoid", "sigmoid", "tanh", "tanhshrink", "softshrink", "hardshrink", "logsigmoid", "exp", "log",
    "sqrt", "rsqrt", "abs", "neg", "sin", "cos", "erf", "reciprocal", "square", "clamp", "dropout", "alpha_dropout",
    "dropout1d", "dropout2d", "dropout3d", "nan_to_num", "cumsum",
)  # fmt: skip


def arange(args: Args, kwargs: Kwargs) -> Any:
    """Shape of `torch.arange(start, end, step)` on the meta device, whose kernel imports sympy."""
    if str(kwargs.get("device")) != "meta" or not 1 <= len(args) <= 3 or not all(type(n) in (int, float) for n in args):
        return NotImplemented
    if set(kwargs) - {"device", "dtype"}:
        return NotImplemented
    start, end, step = (0, args[0], 1) if len(args) == 1 else (*args, 1)[:3]
    if not step or (end - start) / step < 0:
        return NotImplemented
    whole = all(type(n) is int for n in args)
    return torch.empty(math.ceil((end - start) / step), dtype=kwargs.get("dtype") or _inferred(whole), device="meta")


def _inferred(whole: bool) -> torch.dtype:
    return torch.int64 if whole else torch.get_default_dtype()


FUNCTION_RULES: dict[str, Rule] = {
    **dict.fromkeys(_SAME, same),
    **dict.fromkeys(("softmax", "log_softmax"), along),
    **dict.fromkeys(("add", "sub", "mul", "div", "pow", "maximum", "minimum"), pair),
    **dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge"), comparison),
    **dict.fromkeys(("layer_norm", "rms_norm"), layer_norm),
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), _bound(convolution)),
    "arange": arange,
    "linear": linear,
    "masked_fill": masked_fill,
    "scaled_dot_product_attention": attention,
    "normalize": normalize,
    "contiguous": contiguous,
    "tril": triangle,
    "triu": triangle,
    "grouped_mm": grouped_matmul,
}
"""By the normalized name of the operation, for calls that write nothing in place."""
