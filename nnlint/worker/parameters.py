"""What a parameter's values at initialization tell: their spread, and which named scheme they may come from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from .holders import parameters_never_read
from .later import Later
from .schemes import default_of, schemes

SAMPLE = 1 << 20
"""Entries looked at for moments; range, zeros and constancy come from all of them."""


def describe_parameters(model: nn.Module, values: bool = True, later: Later | None = None) -> list[dict[str, Any]]:
    """Return a dict shaped as `nnlint.facts.Parameter` for each parameter, tied ones once under their first name.

    Where `later` is given, the values are copied, and what they tell is put in when it is settled.
    """
    places = list(each_parameter(model))
    reasons = [_without_values(p) if values else "values were not looked at" for _, _, _, p in places]
    if later is None:
        found = [_describe(*place, why) for place, why in zip(places, reasons)]
    else:
        kept = iter(later.copies(place[-1] for place, why in zip(places, reasons) if why is None))
        found = [_put_off(later, *p, why, next(kept) if why is None else None) for p, why in zip(places, reasons)]
    unread = parameters_never_read(model)
    for one, (path, _, name, _) in zip(found, places):  # what is put off is filled later, and keeps this
        if f"{path}.{name}".lstrip(".") in unread:
            one["read"] = False
    return found


def each_parameter(model: nn.Module) -> Iterator[tuple[str, nn.Module, str, nn.Parameter]]:
    """Yield (module path, module, name, parameter), each parameter once."""
    seen: set[int] = set()
    for path, module in model.named_modules():
        for name, parameter in module._parameters.items():
            if parameter is not None and id(parameter) not in seen:
                seen.add(id(parameter))
                yield path, module, name, parameter


def role_of(name: str) -> str:
    """Return `weight`, `bias` or `other` for a parameter's own name."""
    for role in ("weight", "bias"):
        if name.startswith(f"{role}_") or name == role or name.endswith(f"_{role}"):
            return role
    return "other"


def fans(shape: torch.Size | tuple[int, ...]) -> tuple[int, int] | None:
    """Return fan-in and fan-out as `torch.nn.init` counts them; None under two dimensions."""
    if len(shape) < 2:
        return None
    field = math.prod(shape[2:])
    return int(shape[1]) * field, int(shape[0]) * field


def _put_off(
    later: Later,
    path: str,
    module: nn.Module,
    name: str,
    parameter: nn.Parameter,
    why: str | None,
    kept: torch.Tensor | None,
) -> dict[str, Any]:
    """Return a dict that is filled when `later` is settled; at once where no values were kept."""
    if kept is None:
        return _describe(path, module, name, parameter, why)
    copy = kept.requires_grad_(parameter.requires_grad)
    found: dict[str, Any] = {}
    later.put(lambda _: found.update(_describe(path, module, name, copy, why)))
    return found


def _describe(path: str, module: nn.Module, name: str, parameter: torch.Tensor, why: str | None) -> dict[str, Any]:
    """Return the facts of a parameter; `why` says why its values tell nothing, None where they do."""
    lazy = is_lazy(parameter)
    found: dict[str, Any] = {
        "name": f"{path}.{name}" if path else name,
        "shape": [] if lazy else [int(n) for n in parameter.shape],
        "dtype": str(parameter.dtype).removeprefix("torch."),
        "layer": path,
        "role": role_of(name),
        "trainable": bool(parameter.requires_grad),
    }
    counted = None if lazy else fans(parameter.shape)
    if counted is not None:
        found["fan_in"], found["fan_out"] = counted
    if why is None:
        found.update(_statistics(parameter.detach(), default_of(module, name), counted))
    else:
        read = ("mean", "std", "low", "high", "zeros", "constant", "equal_units", "schemes")
        found.update({key: {"unknown": why} for key in read})
    return found


def _without_values(parameter: nn.Parameter) -> str | None:
    if is_lazy(parameter):
        return "the layer is lazy: it has no shape before its first batch"
    if parameter.device.type == "meta":
        return "the model is on the meta device and has no values"
    if parameter.numel() == 0:
        return "the parameter is empty"
    if parameter.is_sparse or parameter.is_quantized or not parameter.is_floating_point():
        return "the values are not plain floating point numbers"
    return None


def _statistics(
    values: torch.Tensor, default: tuple[str, float] | None, counted: tuple[int, int] | None
) -> dict[str, Any]:
    flat = values.reshape(-1)
    low, high = (float(v) for v in torch.aminmax(flat))
    if not (math.isfinite(low) and math.isfinite(high)):
        return {"schemes": []}
    step = max(1, flat.numel() // SAMPLE)
    sample = flat[::step].to(torch.float64, copy=True)  # worked on in place below
    mean = float(sample.mean())
    squares = sample.sub_(mean).square_()
    variance = float(squares.mean())
    fourth = float(squares.square_().mean())
    constant = low == high
    moments = {
        "n": sample.numel(), "mean": mean, "std": 0.0 if constant else math.sqrt(variance), "low": low, "high": high,
        "kurtosis": 0.0 if constant or variance == 0 else fourth / variance**2 - 3,
    }  # fmt: skip
    return {
        "mean": mean,
        "std": moments["std"],
        "low": low,
        "high": high,
        "zeros": 1.0 - int(torch.count_nonzero(flat)) / flat.numel(),
        "constant": constant,
        "equal_units": equal_units(values),
        "schemes": schemes(values, moments, counted, default),
    }


def equal_units(values: torch.Tensor) -> bool:
    """Whether all rows along the first axis are equal; False for a single one."""
    if values.dim() == 0 or values.shape[0] < 2:
        return False
    rows = values.reshape(values.shape[0], -1)
    return bool(torch.equal(rows[0], rows[1])) and bool((rows == rows[:1]).all())
