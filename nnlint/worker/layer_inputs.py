"""What a layer of torch.nn takes where it is the whole model: losses with their targets included."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from .specs import Spec

BATCH, CLASSES, STEPS = 2, 5, 16
LONG = torch.int64
Inputs = dict[int | str, Any]

SIDES = {1: (16,), 2: (16, 16), 3: (8, 16, 16)}
"""The axes of space by how many there are."""

_ROWS = (BATCH, CLASSES)
_SCORES = Spec(_ROWS)
_CLASS = Spec((BATCH,), LONG, 0, CLASSES)
_SIGNS = Spec(_ROWS, low=1, high=2)
_POSITIVE = Spec(_ROWS, low=1, high=2)


def layer_inputs(layer: nn.Module) -> Inputs | None:
    """Return an input for a layer of torch.nn, None where its class says nothing about it."""
    made = _TAKES.get(type(layer).__name__)
    specs = made(layer) if made is not None else _by_axes(layer)
    return None if specs is None else dict(enumerate(specs))


def axes_of(layer: nn.Module) -> int | None:
    """Return the number of axes of space that the class's name ends with (`AvgPool2d`), None without one."""
    name = type(layer).__name__
    return int(name[-2]) if name[-2:] in ("1d", "2d", "3d") else None


def _by_axes(layer: nn.Module) -> list[Spec] | None:
    axes = axes_of(layer)
    if axes is None:
        return None
    channels = getattr(layer, "num_features", 0) or getattr(layer, "in_channels", 0) or 8
    specs = [Spec((BATCH, channels, *SIDES[axes]))]
    if type(layer).__name__.startswith("MaxUnpool"):
        specs.append(Spec((BATCH, channels, *SIDES[axes]), LONG, 0, 16))
    return specs


def _pixels(layer: Any) -> list[Spec]:
    return [Spec((BATCH, 8, 16, 16))]


def _fold(layer: Any) -> list[Spec]:
    def each(value: Any) -> tuple[int, ...]:
        return tuple(value) if isinstance(value, (tuple, list)) else (value, value)

    size, kernel, step = each(layer.output_size), each(layer.kernel_size), each(layer.stride)
    padding, dilation = each(layer.padding), each(layer.dilation)
    places = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in zip(size, kernel, step, padding, dilation)]
    return [Spec((BATCH, 3 * math.prod(kernel), math.prod(places)))]


def _unflatten(layer: Any) -> list[Spec] | None:
    sizes = layer.unflattened_size
    if not all(isinstance(n, int) for n in sizes) or not isinstance(layer.dim, int):
        return None
    shape = [BATCH] + [8] * max(1, layer.dim, -layer.dim)
    shape[layer.dim] = math.prod(abs(n) for n in sizes)
    return [Spec(tuple(shape))]


def _bilinear(layer: Any) -> list[Spec]:
    return [Spec((BATCH, layer.in1_features)), Spec((BATCH, layer.in2_features))]


def _normalized(layer: Any) -> list[Spec]:
    return [Spec((BATCH, STEPS, *layer.normalized_shape))]


def _ctc(layer: Any) -> list[Spec]:
    lengths = Spec((BATCH,), LONG, STEPS, STEPS + 1)
    return [Spec((STEPS, BATCH, CLASSES)), Spec((BATCH, 4), LONG, 1, CLASSES), lengths, Spec((BATCH,), LONG, 4, 5)]


def _adaptive(layer: Any) -> list[Spec]:
    return [Spec((BATCH, layer.in_features)), Spec((BATCH,), LONG, 0, layer.n_classes)]


def _linear_loss(layer: Any) -> list[Spec] | None:
    width, classes = getattr(layer, "in_features", None), getattr(layer, "out_features", None)
    if not isinstance(width, int) or not isinstance(classes, int):
        weight = next(layer.parameters(), None)
        if weight is None or weight.dim() != 2:
            return None
        classes, width = weight.shape
    return [Spec((BATCH, width)), Spec((BATCH,), LONG, 0, classes)]


def _given(*specs: Spec) -> Callable[[Any], list[Spec]]:
    return lambda layer: list(specs)


_TAKES: dict[str, Callable[[Any], list[Spec] | None]] = {
    **dict.fromkeys(("PixelShuffle", "PixelUnshuffle", "ChannelShuffle", "Unfold", "Upsample", "LocalResponseNorm",
                     "UpsamplingNearest2d", "UpsamplingBilinear2d"), _pixels),
    **dict.fromkeys(("CrossEntropyLoss", "NLLLoss", "MultiMarginLoss"), _given(_SCORES, _CLASS)),
    **dict.fromkeys(("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss", "KLDivLoss", "PoissonNLLLoss"),
                    _given(_SCORES, _SCORES)),
    **dict.fromkeys(("SoftMarginLoss", "HingeEmbeddingLoss", "BCEWithLogitsLoss", "MultiLabelSoftMarginLoss"),
                    _given(_SCORES, _SIGNS)),
    **dict.fromkeys(("TripletMarginLoss", "TripletMarginWithDistanceLoss"), _given(_SCORES, _SCORES, _SCORES)),
    "NLLLoss2d": _given(Spec((BATCH, CLASSES, 16, 16)), Spec((BATCH, 16, 16), LONG, 0, CLASSES)),
    "MultiLabelMarginLoss": _given(_SCORES, Spec(_ROWS, LONG, 0, CLASSES)),
    "GaussianNLLLoss": _given(_SCORES, _SCORES, _POSITIVE),
    "MarginRankingLoss": _given(Spec((BATCH,)), Spec((BATCH,)), Spec((BATCH,), low=1, high=2)),
    "CosineEmbeddingLoss": _given(_SCORES, _SCORES, Spec((BATCH,), low=1, high=2)),
    "CTCLoss": _ctc, "AdaptiveLogSoftmaxWithLoss": _adaptive, "LinearCrossEntropyLoss": _linear_loss,
    "Fold": _fold, "Unflatten": _unflatten, "Bilinear": _bilinear, "LayerNorm": _normalized, "RMSNorm": _normalized,
    "GroupNorm": lambda layer: [Spec((BATCH, layer.num_channels, 16, 16))],
}  # fmt: skip
