"""The settings of a call by PyTorch's own names: `dim`, `p`, `in_features`, `kernel_size`, as plain values."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from .operations import WITH_TRAINING, layer_op

POSITIONAL = {
    "softmax": ("input", "dim", "dtype"), "log_softmax": ("input", "dim", "dtype"), "cat": ("tensors", "dim"),
    "stack": ("tensors", "dim"), "flatten": ("input", "start_dim", "end_dim"), "transpose": ("input", "dim0", "dim1"),
    "movedim": ("input", "source", "destination"), "squeeze": ("input", "dim"), "unsqueeze": ("input", "dim"),
    "chunk": ("input", "chunks", "dim"), "split": ("input", "split_size_or_sections", "dim"),
    "unbind": ("input", "dim"), "unflatten": ("input", "dim", "sizes"), "mean": ("input", "dim", "keepdim"),
    "sum": ("input", "dim", "keepdim"), "max": ("input", "dim", "keepdim"), "min": ("input", "dim", "keepdim"),
    "amax": ("input", "dim", "keepdim"), "argmax": ("input", "dim", "keepdim"), "argmin": ("input", "dim", "keepdim"),
    "std": ("input", "dim"), "var": ("input", "dim"), "norm": ("input", "p", "dim", "keepdim"),
    "clamp": ("input", "min", "max"), "clamp_min": ("input", "min"), "masked_fill": ("input", "mask", "value"),
    "dropout": ("input", "p", "train"),
    "alpha_dropout": ("input", "p", "train"), "leaky_relu": ("input", "negative_slope"), "pow": ("input", "exponent"),
    "linear": ("input", "weight", "bias"),
    "conv1d": ("input", "weight", "bias", "stride", "padding", "dilation", "groups"),
    "conv2d": ("input", "weight", "bias", "stride", "padding", "dilation", "groups"),
    "conv3d": ("input", "weight", "bias", "stride", "padding", "dilation", "groups"),
    "conv_transpose1d": ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation"),
    "conv_transpose2d": ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation"),
    "conv_transpose3d": ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation"),
    "max_pool1d": ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode"),
    "max_pool2d": ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode"),
    "max_pool3d": ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode"),
    "avg_pool1d": ("input", "kernel_size", "stride", "padding"),
    "avg_pool2d": ("input", "kernel_size", "stride", "padding"),
    "avg_pool3d": ("input", "kernel_size", "stride", "padding"), "einsum": ("equation",),
    "scaled_dot_product_attention": ("query", "key", "value", "attn_mask", "dropout_p", "is_causal", "scale"),
    "one_hot": ("input", "num_classes"), "add": ("input", "other"), "sub": ("input", "other"),
    "mul": ("input", "other"), "div": ("input", "other"), "matmul": ("input", "other"), "cumsum": ("input", "dim"),
    "tril": ("input", "diagonal"), "triu": ("input", "diagonal"), "gather": ("input", "dim", "index"),
    "repeat_interleave": ("input", "repeats", "dim"), "topk": ("input", "k", "dim"),
}  # fmt: skip
"""Names of positional arguments where the interpreter cannot tell them (functions written in C)."""

VARIADIC = {"view": "shape", "reshape": "shape", "permute": "dims", "expand": "sizes", "repeat": "sizes"}

_EXTRA = {
    nn.MultiheadAttention: ("embed_dim", "num_heads", "dropout", "kdim", "vdim"),
    nn.RNNCellBase: ("input_size", "hidden_size"),
    nn.Dropout: ("p", "inplace"),
    nn.ReLU: ("inplace",),
    nn.GELU: ("approximate",),
    nn.modules.loss._WeightedLoss: ("reduction",),
}

_signatures: dict[int, tuple[Any, inspect.Signature | None]] = {}
_layer_fields: dict[type, tuple[str, ...]] = {}


def layer_arguments(module: nn.Module) -> dict[str, Any]:
    """Return a layer's settings by PyTorch's own names, those whose values are plain."""
    kind = type(module)
    fields = _layer_fields.get(kind)
    if fields is None:
        names: dict[str, None] = {}
        for base in reversed(kind.__mro__):
            names.update(dict.fromkeys(base.__dict__.get("__constants__", ())))
            names.update(dict.fromkeys(_EXTRA.get(base, ())))
        fields = _layer_fields[kind] = tuple(names)
    found: dict[str, Any] = {}
    for name in fields:
        value = plain(getattr(module, name, _NOTHING))
        if value is not _NOTHING:
            found[name] = value
    if "bias" in module._parameters:
        found["bias"] = module._parameters["bias"] is not None
    if isinstance(module, nn.modules.loss._Loss):
        held = module._buffers
        found.update((name, held[name] is not None) for name in ("weight", "pos_weight") if name in held)
    if layer_op(module) in WITH_TRAINING:
        found["training"] = module.training
    if isinstance(module, nn.Softmax2d):
        found["dim"] = -3
    return found


def call_arguments(func: Callable[..., Any], op: str, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a function call: what is plain among its arguments, and what its weight's shape tells."""
    named = _bind(func, op, args, kwargs)
    if op == "getitem" and len(args) > 1:
        return {"index": _index(args[1])}
    found: dict[str, Any] = {}
    for name, value in named.items():
        if name not in ("input", "self", "tensors") and not isinstance(value, torch.Tensor):
            simple = plain(value)
            if simple is not _NOTHING:
                found[name] = simple
    found.update(_from_weight(op, named))
    first = args[0] if args and isinstance(args[0], torch.Tensor) else named.get("input")
    if op in ("softmax", "log_softmax", "softmin", "gumbel_softmax") and isinstance(first, torch.Tensor):
        found.setdefault("dim", -1 if op == "gumbel_softmax" else None)
        found["axis"] = softmax_axis(found["dim"], first.dim())
    if op in ("dropout", "alpha_dropout") and "train" in found:
        found["training"] = found.pop("train")
    return found


def softmax_axis(dim: int | None, rank: int) -> int:
    """Return the axis, from 0, over which a softmax really runs: torch picks one where `dim` is left out."""
    if dim is None:
        return 0 if rank in (0, 1, 3) else 1
    return dim % rank if rank else 0


def _bind(func: Callable[..., Any], op: str, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    signature = _signature(func)
    if signature is not None:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            pass
        else:
            bound.apply_defaults()
            return {name: value for name, value in bound.arguments.items() if not name.startswith("_")}
    if op in VARIADIC and len(args) > 1:
        shape = args[1] if isinstance(args[1], (tuple, list)) else args[1:]
        return {VARIADIC[op]: list(shape), **kwargs}
    return {**dict(zip(POSITIONAL.get(op, ()), args)), **kwargs}


def _signature(func: Callable[..., Any]) -> inspect.Signature | None:
    """Return the signature of a function that is written in Python, None for the rest."""
    known = _signatures.get(id(func))
    if known is None:
        signature = None
        if inspect.isfunction(func):
            try:
                signature = inspect.signature(func)
            except ValueError:  # a wrapper around a function written in C (`Tensor.__pow__`)
                signature = None
            kinds = [p.kind for p in signature.parameters.values()] if signature is not None else []
            if inspect.Parameter.VAR_POSITIONAL in kinds:
                signature = None
        known = _signatures[id(func)] = (func, signature)
    return known[1]


def _from_weight(op: str, named: dict[str, Any]) -> dict[str, Any]:
    """Return what a layer's attributes would say, read off the shape of the weight given to its functional form."""
    weight = named.get("weight")
    if not isinstance(weight, torch.Tensor):
        return {}
    shape, groups = [int(n) for n in weight.shape], named.get("groups") or 1
    if op == "linear" and len(shape) == 2:
        return {"in_features": shape[1], "out_features": shape[0], "bias": named.get("bias") is not None}
    if op.startswith("conv_transpose"):
        sizes = {"in_channels": shape[0], "out_channels": shape[1] * groups}
    elif op.startswith("conv"):
        sizes = {"in_channels": shape[1] * groups, "out_channels": shape[0]}
    elif op == "embedding":
        return {"num_embeddings": shape[0], "embedding_dim": shape[1]}
    else:
        return {}
    return {**sizes, "kernel_size": shape[2:], "groups": groups, "bias": named.get("bias") is not None}


def _index(index: Any) -> list[Any]:
    """Return an index as a list with an entry for each axis: `[":", -1]` for `x[:, -1]`."""
    return [_index_item(item) for item in (index if isinstance(index, tuple) else (index,))]


def _index_item(item: Any) -> Any:
    if isinstance(item, slice):
        parts = ["" if v is None else "?" if isinstance(v, torch.Tensor) else str(v) for v in (item.start, item.stop)]
        return ":".join(parts) + (f":{item.step}" if item.step is not None else "")
    if item is Ellipsis:
        return "..."
    if isinstance(item, torch.Tensor):
        return "mask" if item.dtype is torch.bool else "tensor"
    simple = plain(item)
    return "?" if simple is _NOTHING else simple


_NOTHING: Any = object()


def plain(value: Any) -> Any:
    """Return a JSON form of a setting, or a private marker where it has none."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, (torch.dtype, torch.device)):
        return str(value).removeprefix("torch.")
    if isinstance(value, (list, tuple)):
        items = [plain(item) for item in value[:64]]
        return _NOTHING if any(item is _NOTHING for item in items) else items
    return _NOTHING
