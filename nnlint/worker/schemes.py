"""Which named initialization a parameter's values may come from.

The answer is the set of schemes that the values cannot be told apart from, likeliest first. A scheme is left out only
where its values would hardly ever look like these (one time in ten thousand); under `ENOUGH` values only constants
and orthogonal matrices, which are exact, are named.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

ENOUGH = 512
"""Values from which on a distribution is named."""

SURE = 4.5
"""Standard errors by which a spread may be off."""

GAINS = (1.0, math.sqrt(2.0), 5.0 / 3.0)
"""What `torch.nn.init.calculate_gain` says for linear, ReLU and tanh: Glorot's schemes take one."""

Moments = dict[str, Any]


def default_of(module: nn.Module, name: str) -> tuple[str, float] | None:
    """Return how torch itself fills this parameter: ("uniform", bound), ("normal", std) or ("constant", value)."""
    if isinstance(module, (nn.Linear, nn.Bilinear, nn.modules.conv._ConvNd)):
        weight = module._parameters.get("weight")
        if weight is None or weight.dim() < 2:
            return None
        if type(module).__name__ == "NonDynamicallyQuantizableLinear" and name == "bias":
            return "constant", 0.0
        inputs = weight.shape[1] if isinstance(module, nn.Bilinear) else math.prod(weight.shape[1:])
        return ("uniform", 1 / math.sqrt(inputs)) if inputs else None
    if isinstance(module, (nn.RNNBase, nn.RNNCellBase)):
        return "uniform", 1 / math.sqrt(module.hidden_size)
    if isinstance(module, (nn.Embedding, nn.EmbeddingBag)):
        return "normal", 1.0
    if isinstance(module, nn.MultiheadAttention):
        if name.endswith("bias"):
            return "constant", 0.0
        weight = module._parameters.get(name)
        if weight is not None and weight.dim() == 2:
            return "uniform", math.sqrt(6 / (weight.shape[0] + weight.shape[1]))
    if isinstance(module, (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)) or _is_rms(module):
        return "constant", 1.0 if name == "weight" else 0.0
    if isinstance(module, nn.PReLU):
        return "constant", 0.25
    return None


def _is_rms(module: nn.Module) -> bool:
    return type(module).__name__ == "RMSNorm"


def schemes(
    values: torch.Tensor, moments: Moments, counted: tuple[int, int] | None, default: tuple[str, float] | None
) -> list[str]:
    """Return the names, likeliest first."""
    if moments["low"] == moments["high"]:
        return _constant(moments["low"], default)
    if is_orthogonal(values):
        return ["orthogonal"]
    if moments["n"] < ENOUGH:
        return []
    if _looks_uniform(moments):
        return _uniform(moments, counted, default)
    if _looks_normal(moments):
        return _normal(moments, counted, default)
    return []


def _constant(value: float, default: tuple[str, float] | None) -> list[str]:
    named = {0.0: "zeros", 1.0: "ones"}.get(value, "constant")
    return ["pytorch_default", named] if default == ("constant", value) else [named]


def _looks_uniform(moments: Moments) -> bool:
    """Uniform values have excess kurtosis -1.2 and none beyond the square root of three standard deviations."""
    furthest = max(moments["high"] - moments["mean"], moments["mean"] - moments["low"]) / moments["std"]
    error = SURE * math.sqrt(0.8 / moments["n"])
    return bool(abs(moments["kurtosis"] + 1.2) < error + 0.02 and furthest < math.sqrt(3) * (1 + error))


def _looks_normal(moments: Moments) -> bool:
    """Normal values have excess kurtosis 0; cut off at two standard deviations, -0.63."""
    error = SURE * math.sqrt(24 / moments["n"])
    return bool(-0.68 - error < moments["kurtosis"] < error)


def _uniform(moments: Moments, counted: tuple[int, int] | None, default: tuple[str, float] | None) -> list[str]:
    reach = max(abs(moments["low"]), abs(moments["high"]))
    slack = 1e-5  # float32 rounding of the bound
    found = []
    if default is not None and default[0] == "uniform" and _reaches(reach, default[1], moments["n"], slack):
        found.append("pytorch_default")
    if counted is not None:
        for name, bounds in _bounds(*counted).items():
            if any(_reaches(reach, bound, moments["n"], slack) for bound in bounds):
                found.append(name)
    return [*found, "uniform"]


def _reaches(reach: float, bound: float, n: int, slack: float) -> bool:
    """Whether the largest of n uniform values may be that close to the bound."""
    return bound * (1 - 10 / n - slack) <= reach <= bound * (1 + slack)


def _bounds(fan_in: int, fan_out: int) -> dict[str, list[float]]:
    return {
        name: [math.sqrt(3.0) * s for s in spreads] for name, spreads in _spreads(fan_in, fan_out, "uniform").items()
    }


def _spreads(fan_in: int, fan_out: int, family: str) -> dict[str, list[float]]:
    if not fan_in or not fan_out:
        return {}
    glorot = math.sqrt(2 / (fan_in + fan_out))
    return {
        f"he_{family}": [math.sqrt(2 / fan_in), math.sqrt(2 / fan_out)],
        f"lecun_{family}": [math.sqrt(1 / fan_in)],
        f"glorot_{family}": [gain * glorot for gain in GAINS],
    }


def _normal(moments: Moments, counted: tuple[int, int] | None, default: tuple[str, float] | None) -> list[str]:
    n, std = moments["n"], moments["std"]
    error = SURE * math.sqrt((2 + moments["kurtosis"]) / (4 * n))
    # Cut off at two of its own standard deviations, nothing lies beyond 2.27 of those that are left; of 512 normal
    # values one in three thousand samples stays within 2.42.
    if max(abs(moments["low"]), abs(moments["high"])) < 2.42 * std:
        return ["truncated_normal"]
    if abs(moments["mean"]) > SURE * std / math.sqrt(n):
        return ["normal"]
    found = []
    if default is not None and default[0] == "normal" and abs(std / default[1] - 1) < error:
        found.append("pytorch_default")
    if counted is not None:
        for name, spreads in _spreads(*counted, "normal").items():
            if any(abs(std / spread - 1) < error for spread in spreads):
                found.append(name)
    return [*found, "normal"]


def is_orthogonal(values: torch.Tensor) -> bool:
    """Whether rows (or columns, where there are fewer of them) are orthogonal and of one length."""
    if values.dim() < 2 or values.numel() > 1 << 24:
        return False
    matrix = values.reshape(values.shape[0], -1)
    if matrix.shape[0] > matrix.shape[1]:
        matrix = matrix.t()
    if matrix.shape[0] < 2 or matrix.shape[1] < 2:
        return False
    few = matrix[:32].to(torch.float64)
    product = few @ few.t()
    length = product.diagonal()
    scale = float(length.mean())
    if scale == 0 or float((length / scale - 1).abs().max()) > 1e-3:
        return False
    return float((product - torch.diag(length)).abs().max()) < 1e-3 * scale
