"""Outputs of layers by shape alone: abstract kernels take most of a trace's time where they are written in Python.

A rule answers NotImplemented wherever anything is unusual, so that torch itself runs and raises its own error: errors
of a failing layer guide the search for an input.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from .shape_rules import convolution, like
from .shape_rules import linear as linear_shape

LayerRule = Callable[[Any, Sequence[Any], dict[str, Any]], Any]


def layer_rule(module: nn.Module) -> LayerRule | None:
    """Return the rule for a layer whose class and hooks are torch's own, None where there is none."""
    rule = _RULES.get(type(module))
    if rule is None or module._forward_hooks or module._forward_pre_hooks:
        return None
    return rule


def _only(args: Sequence[Any], kwargs: dict[str, Any]) -> torch.Tensor | None:
    """Return the only argument where it is a tensor."""
    values = [*args, *kwargs.values()]
    return values[0] if len(values) == 1 and isinstance(values[0], torch.Tensor) else None


def _same(module: nn.Module, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    x = _only(args, kwargs)
    if x is None or not x.is_floating_point() or getattr(module, "inplace", False):
        return NotImplemented
    return like(x)


def _softmax(module: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    x = _only(args, kwargs)
    if x is None or module.dim is None or not -x.dim() <= module.dim < x.dim():
        return NotImplemented
    return _same(module, args, kwargs)


def _linear(module: nn.Linear, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    x = _only(args, kwargs)
    return NotImplemented if x is None else linear_shape((x, module.weight, module.bias), {})


def _convolution(module: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    x = _only(args, kwargs)
    if x is None or (module.padding_mode != "zeros"):
        return NotImplemented
    return convolution(x, module.weight, module.bias, module.stride, module.padding, module.dilation, module.groups)


def _batch_norm(module: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    x = _only(args, kwargs)
    if x is None or x.dim() < 2 or x.shape[1] != module.num_features or (module.training and x.shape[0] < 2):
        return NotImplemented
    module._check_input_dim(x)
    return _like_weight(module, x)


def _layer_norm(module: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    x = _only(args, kwargs)
    shape = tuple(module.normalized_shape)
    if x is None or tuple(x.shape[-len(shape) :]) != shape:
        return NotImplemented
    return _like_weight(module, x)


def _group_norm(module: nn.GroupNorm, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    x = _only(args, kwargs)
    if x is None or x.dim() < 3 or x.shape[1] != module.num_channels or x.shape[0] < 2:
        return NotImplemented
    return _like_weight(module, x)


def _like_weight(module: Any, x: torch.Tensor) -> Any:
    """Return a tensor like the input where dtypes are as one would expect."""
    if not x.is_floating_point() or (module.weight is not None and module.weight.dtype != x.dtype):
        return NotImplemented
    return like(x)


def recurrent(module: nn.RNNBase, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Shapes of an RNN, LSTM or GRU, which abstract kernels would unroll step by step."""
    x = args[0] if args else kwargs.get("input")
    ways = 2 if module.bidirectional else 1
    hidden = module.proj_size or module.hidden_size
    if isinstance(x, PackedSequence):
        values, batch = x.data, 2 if x.batch_sizes.device.type == "meta" else int(x.batch_sizes[0])
        _check_width(module, values)
        made = values.new_empty((values.shape[0], ways * hidden))
        out: Any = PackedSequence(made, x.batch_sizes, x.sorted_indices, x.unsorted_indices)
        sizes: tuple[int, ...] = (ways * module.num_layers, batch)
    elif isinstance(x, torch.Tensor):
        if x.dim() not in (2, 3):
            raise RuntimeError(f"{type(module).__name__}: Expected input to be 2D or 3D, got {x.dim()}D")
        _check_width(module, x)
        values, out = x, x.new_empty((*x.shape[:-1], ways * hidden))
        batched = x.dim() == 3
        sizes = (ways * module.num_layers, *((x.shape[0 if module.batch_first else 1],) if batched else ()))
    else:
        return NotImplemented
    h = values.new_empty((*sizes, hidden))
    if isinstance(module, nn.LSTM):
        return out, (h, values.new_empty((*sizes, module.hidden_size)))
    return out, h


def _check_width(module: nn.RNNBase, x: torch.Tensor) -> None:
    if not x.is_floating_point():
        raise RuntimeError(f"{type(module).__name__}: expected a floating point input, got {x.dtype}")
    if x.shape[-1] != module.input_size:
        raise RuntimeError(
            f"input.size(-1) must be equal to input_size. Expected {module.input_size}, got {x.shape[-1]}"
        )


_ATTENTION = inspect.signature(nn.MultiheadAttention.forward)


def _attention(module: nn.MultiheadAttention, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    try:
        bound = _ATTENTION.bind(module, *args, **kwargs)
    except TypeError:
        return NotImplemented
    bound.apply_defaults()
    given = bound.arguments
    q, k, v = given["query"], given["key"], given["value"]
    if not all(
        isinstance(t, torch.Tensor) and t.dim() == 3 and t.dtype == module.out_proj.weight.dtype for t in (q, k, v)
    ):
        return NotImplemented
    widths = (module.embed_dim, module.kdim, module.vdim)
    if tuple(t.shape[-1] for t in (q, k, v)) != widths or k.shape[:2] != v.shape[:2]:
        return NotImplemented
    batch, steps = (0, 1) if module.batch_first else (1, 0)
    if q.shape[batch] != k.shape[batch] or module.bias_k is not None or module.add_zero_attn:
        return NotImplemented
    out = q.new_empty(q.shape)
    if not given["need_weights"]:
        return out, None
    heads = () if given["average_attn_weights"] else (module.num_heads,)
    return out, q.new_empty((q.shape[batch], *heads, q.shape[steps], k.shape[steps]))


_SAME = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish, nn.Softplus, nn.Softsign,
    nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid, nn.Sigmoid, nn.Tanh, nn.Tanhshrink, nn.Softshrink, nn.Hardshrink,
    nn.LogSigmoid, nn.RReLU, nn.Dropout, nn.AlphaDropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d,
    nn.FeatureAlphaDropout,
)  # fmt: skip

_RULES: dict[type, LayerRule] = {
    **dict.fromkeys(_SAME, _same),
    nn.Softmax: _softmax,
    nn.LogSoftmax: _softmax,
    nn.Linear: _linear,
    nn.Conv1d: _convolution,
    nn.Conv2d: _convolution,
    nn.Conv3d: _convolution,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.BatchNorm3d: _batch_norm,
    nn.LayerNorm: _layer_norm,
    nn.GroupNorm: _group_norm,
    nn.LSTM: recurrent,
    nn.GRU: recurrent,
    nn.RNN: recurrent,
    nn.MultiheadAttention: _attention,
}
if hasattr(nn, "RMSNorm"):
    _RULES[nn.RMSNorm] = _layer_norm
