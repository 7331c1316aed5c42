"""Tensors inside of what people pass around: tuples, dictionaries, dataclasses, objects."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

_PLAIN = (str, bytes, int, float, bool, complex, torch.dtype, torch.device, torch.Size, type, nn.Module)
_DEEPEST = 12
_DTYPES: dict[torch.dtype, str] = {}


def each_tensor(value: Any, depth: int = 0) -> Iterator[torch.Tensor]:
    """Yield every tensor in `value` in order: containers, dataclasses and plain objects are looked into."""
    if isinstance(value, torch.Tensor):
        yield value
    elif value is None or isinstance(value, _PLAIN) or depth > _DEEPEST:
        return
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from each_tensor(item, depth + 1)
    elif isinstance(value, dict):
        for item in value.values():
            yield from each_tensor(item, depth + 1)
    elif isinstance(value, slice):
        yield from each_tensor((value.start, value.stop, value.step), depth + 1)
    elif hasattr(value, "__dict__") and not callable(value) and not isinstance(value, types.ModuleType):
        yield from each_tensor(list(vars(value).values()), depth + 1)


def describe_tensor(tensor: torch.Tensor) -> dict[str, Any]:
    """Return shape and dtype as `{"shape": [2, 10], "dtype": "float32"}`."""
    return {"shape": [int(n) for n in tensor.shape], "dtype": name_of(tensor.dtype)}


def name_of(dtype: torch.dtype) -> str:
    """Return `float32` for `torch.float32`."""
    name = _DTYPES.get(dtype)
    if name is None:
        name = _DTYPES[dtype] = str(dtype).removeprefix("torch.")
    return name


def map_tensors(value: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """Return `value` with every tensor in its tuples, lists and dictionaries changed; the rest as it is."""
    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, dict):
        changed = {key: map_tensors(item, change) for key, item in value.items()}
        try:
            return changed if type(value) is dict else type(value)(changed)
        except TypeError:
            return changed
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(map_tensors(item, change) for item in value))
    if isinstance(value, (list, tuple)):
        return type(value)(map_tensors(item, change) for item in value)
    return value
