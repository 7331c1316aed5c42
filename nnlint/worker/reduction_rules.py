"""Outputs by shape alone of functions that join, reduce, pool and look up."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

Args = Sequence[Any]
Kwargs = dict[str, Any]
Rule = Callable[[Args, Kwargs], Any]


def _named(args: Args, kwargs: Kwargs, *names: str) -> list[Any]:
    """Return the arguments of these names, given by position or by name; None for those left out."""
    return [args[i] if i < len(args) else kwargs.get(name) for i, name in enumerate(names)]


def _plain(tensors: Any) -> bool:
    """Whether these are tensors of one dtype on one device."""
    if not isinstance(tensors, (list, tuple)) or not tensors:
        return False
    first = tensors[0]
    return isinstance(first, torch.Tensor) and all(
        isinstance(t, torch.Tensor) and t.dtype == first.dtype and t.device == first.device for t in tensors
    )


def cat(args: Args, kwargs: Kwargs) -> Any:
    """Shape of `torch.cat`."""
    tensors, dim = _named(args, kwargs, "tensors", "dim")
    if not _plain(tensors) or not isinstance(dim or 0, int):
        return NotImplemented
    shapes = [list(t.shape) for t in tensors]
    rank = len(shapes[0])
    if not rank or not -rank <= (dim or 0) < rank or any(len(s) != rank for s in shapes):
        return NotImplemented
    axis = (dim or 0) % rank
    total = sum(s[axis] for s in shapes)
    rest = [s[:axis] + s[axis + 1 :] for s in shapes]
    if any(r != rest[0] for r in rest):
        return NotImplemented
    return tensors[0].new_empty([*shapes[0][:axis], total, *shapes[0][axis + 1 :]])


def stack(args: Args, kwargs: Kwargs) -> Any:
    """Shape of `torch.stack`."""
    tensors, dim = _named(args, kwargs, "tensors", "dim")
    if not _plain(tensors) or not isinstance(dim or 0, int) or any(t.shape != tensors[0].shape for t in tensors):
        return NotImplemented
    shape = list(tensors[0].shape)
    if not -len(shape) - 1 <= (dim or 0) <= len(shape):
        return NotImplemented
    shape.insert((dim or 0) % (len(shape) + 1), len(tensors))
    return tensors[0].new_empty(shape)


def matmul(args: Args, kwargs: Kwargs) -> Any:
    """Shape of a product of two matrices, or of two batches of them of one shape."""
    if len(args) != 2 or kwargs or not _plain(list(args)) or not args[0].is_floating_point():
        return NotImplemented
    a, b = args
    if min(a.dim(), b.dim()) < 2 or a.shape[-1] != b.shape[-2]:
        return NotImplemented
    if b.dim() > 2 and a.shape[:-2] != b.shape[:-2]:
        return NotImplemented
    return a.new_empty((*a.shape[:-1], b.shape[-1]))


def _reduced(x: torch.Tensor, dim: Any, keep: bool) -> list[int] | None:
    axes = range(x.dim()) if dim is None else [dim] if isinstance(dim, int) else dim
    if not isinstance(axes, (list, tuple, range)) or not all(-x.dim() <= d < x.dim() for d in axes):
        return None
    gone = {d % x.dim() for d in axes}
    return [1 if i in gone else n for i, n in enumerate(x.shape) if keep or i not in gone]


def reduction(args: Args, kwargs: Kwargs) -> Any:
    """Shape of `mean` and `sum`."""
    x, dim, keep = _named(args, kwargs, "input", "dim", "keepdim")
    if kwargs.keys() - {"input", "dim", "keepdim"} or len(args) > 3 or not isinstance(x, torch.Tensor):
        return NotImplemented
    if not x.is_floating_point() or isinstance(dim, bool) or (len(args) > 1 and isinstance(args[1], torch.dtype)):
        return NotImplemented
    shape = _reduced(x, dim, bool(keep)) if x.dim() else None
    return NotImplemented if shape is None else x.new_empty(shape)


def position(args: Args, kwargs: Kwargs) -> Any:
    """Shape of `argmax` and `argmin`."""
    x, dim, keep = _named(args, kwargs, "input", "dim", "keepdim")
    if not isinstance(x, torch.Tensor) or not x.dim() or not (dim is None or isinstance(dim, int)):
        return NotImplemented
    shape = _reduced(x, dim, bool(keep))
    return NotImplemented if shape is None else x.new_empty(shape, dtype=torch.int64)


def _each(value: Any, axes: int) -> list[int]:
    values = list(value) if isinstance(value, (tuple, list)) else [value]
    return values * axes if len(values) == 1 else values


def pool(axes: int, *, dilated: bool) -> Rule:
    """Return the rule for max pooling (which may be dilated) or average pooling over so many axes."""
    names = ("input", "kernel_size", "stride", "padding", *(("dilation",) if dilated else ()), "ceil_mode")

    def apply(args: Args, kwargs: Kwargs) -> Any:
        given = dict(zip(names, _named(args, kwargs, *names)))
        x = given["input"]
        if not isinstance(x, torch.Tensor) or not x.is_floating_point() or kwargs.get("return_indices"):
            return NotImplemented
        if x.dim() not in (axes + 1, axes + 2) or given["kernel_size"] is None or len(args) > len(names):
            return NotImplemented
        kernel = _each(given["kernel_size"], axes)
        stride = _each(given["stride"], axes) if given["stride"] not in (None, [], ()) else kernel
        padding, dilation = _each(given["padding"] or 0, axes), _each(given.get("dilation") or 1, axes)
        sizes = []
        for n, k, s, p, d in zip(x.shape[-axes:], kernel, stride, padding, dilation):
            span = n + 2 * p - d * (k - 1) - 1
            out = (-(-span // s) if given["ceil_mode"] else span // s) + 1
            if given["ceil_mode"] and (out - 1) * s >= n + p:
                out -= 1
            sizes.append(out)
            if out < 1 or p * 2 > k:
                return NotImplemented
        return x.new_empty((*x.shape[:-axes], *sizes))

    return apply


def adaptive(axes: int) -> Rule:
    """Return the rule for adaptive pooling over so many axes."""

    def apply(args: Args, kwargs: Kwargs) -> Any:
        x, size = _named(args, kwargs, "input", "output_size")
        if not isinstance(x, torch.Tensor) or x.dim() not in (axes + 1, axes + 2) or size is None:
            return NotImplemented
        if kwargs.get("return_indices") or len(args) > 2 or not x.is_floating_point():
            return NotImplemented
        wanted = _each(size, axes)
        sizes = [n if w is None else w for n, w in zip(x.shape[-axes:], wanted)]
        return x.new_empty((*x.shape[:-axes], *sizes)) if len(wanted) == axes else NotImplemented

    return apply


def embedding(args: Args, kwargs: Kwargs) -> Any:
    """Shape of `F.embedding`."""
    ids, weight = _named(args, kwargs, "input", "weight")
    maximum = args[3] if len(args) > 3 else kwargs.get("max_norm")
    if not isinstance(ids, torch.Tensor) or ids.dtype not in (torch.int64, torch.int32) or maximum is not None:
        return NotImplemented
    if not isinstance(weight, torch.Tensor) or weight.dim() != 2:
        return NotImplemented
    return weight.new_empty((*ids.shape, weight.shape[1]))


def interpolate(args: Args, kwargs: Kwargs) -> Any:
    """Shape of `F.interpolate`."""
    x, size, scale = _named(args, kwargs, "input", "size", "scale_factor")
    if not isinstance(x, torch.Tensor) or x.dim() < 3 or not x.is_floating_point():
        return NotImplemented
    axes = x.dim() - 2
    if size is not None:
        sizes = _each(size, axes)
    elif scale is not None:
        sizes = [math.floor(n * s) for n, s in zip(x.shape[2:], _each(scale, axes))]
    else:
        return NotImplemented
    if len(sizes) != axes or not all(isinstance(n, int) and n > 0 for n in sizes):
        return NotImplemented
    return x.new_empty((*x.shape[:2], *sizes))


REDUCTION_RULES: dict[str, Rule] = {
    "cat": cat,
    "stack": stack,
    "matmul": matmul,
    "mean": reduction,
    "sum": reduction,
    "argmax": position,
    "argmin": position,
    "embedding": embedding,
    "interpolate": interpolate,
    **{f"max_pool{n}d": pool(n, dilated=True) for n in (1, 2, 3)},
    **{f"avg_pool{n}d": pool(n, dilated=False) for n in (1, 2, 3)},
    **{f"adaptive_avg_pool{n}d": adaptive(n) for n in (1, 2, 3)},
    **{f"adaptive_max_pool{n}d": adaptive(n) for n in (1, 2, 3)},
}
