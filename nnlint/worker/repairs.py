"""Repair an input from what failed: the layer it reached, what that layer wants, and what the error says."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from .documented import shape_in
from .guesses import BATCH, LONG, STEPS, first_wanted, wanted_by
from .named_inputs import named_in, parameters
from .specs import Spec
from .tiers import Failure, Trace
from .transformers_inputs import is_configured, named_input, setting, single_frames

SIZES = (224, 32, 28, 64, 256, 128, 96, 299, 512, 384, 48, 84, 16, 8, 112, 227, 192, 320, 100, 50, 40, 80, 160, 36, 30,
         24, 20, 600, 448, 1024)  # fmt: skip
"""Sides of images that people use, likeliest first."""

Specs = dict[int | str, Any]


def repairs(model: nn.Module, specs: Specs, attempt: Trace) -> Iterator[Specs]:
    """Yield changed specs, likeliest first."""
    failure = attempt.failure
    keys = list(specs)
    key = keys[failure.source] if failure and failure.source is not None and failure.source < len(keys) else None
    message = str(attempt.error)
    if key is None or _RANK.search(message):
        spoken = _spoken_of(model, specs, attempt)
        key = spoken if spoken is not None else key
    key = key if key is not None else next((k for k in keys if isinstance(specs[k], Spec)), None)
    if key is None or not isinstance(specs[key], Spec):
        return
    yield from named_in(model, specs, attempt)  # what the error asks for by name comes first
    if failure is not None and failure.distance == 0 and failure.module is not None:  # it takes the input itself
        yield from (_followed(specs, key, changed) for changed in _by_layer(specs[key], failure, failure.module))
    yield from single_frames(specs)
    yield from _alone(specs, message)
    yield from _together(specs, message)
    for other in keys:
        if other != key and isinstance(specs[other], Spec):  # what cannot be followed back may be any input's fault
            yield from (_followed(specs, other, changed) for changed in _numbers_in(specs[other], message))
    for changed in _all(model, specs[key], failure, message):
        yield _followed(specs, key, changed)


def _spoken_of(model: nn.Module, specs: Specs, attempt: Trace) -> int | str | None:
    """Return the input whose name stands on the line that failed."""
    names = list(parameters(model))
    for key, spec in specs.items():
        name = key if isinstance(key, str) else names[key] if key < len(names) else ""
        if name and isinstance(spec, Spec) and any(re.search(rf"\b{name}\b", line) for line in attempt.lines[:1]):
            return key
    return None


def _followed(specs: Specs, key: int | str, changed: Spec) -> Specs:
    """Return the specs with one changed, and with it the masks that were as long as one of its axes."""
    before = specs[key].shape
    moved = {a: b for a, b in zip(before[1:], changed.shape[1:]) if a != b} if len(before) == len(changed.shape) else {}
    found = {**specs, key: changed}
    for name, spec in specs.items():
        if name != key and "mask" in str(name) and isinstance(spec, Spec) and len(spec.shape) == 2:
            found[name] = spec.sized(spec.shape[0], moved.get(spec.shape[1], spec.shape[1]))
    return found


def _all(model: nn.Module, spec: Spec, failure: Failure | None, message: str) -> Iterator[Spec]:
    if failure is not None and failure.module is not None and failure.shape is not None:
        yield from _by_layer(spec, failure, failure.module)
    yield from _by_message(model, spec, message)
    yield from _by_size(model, spec, message)
    yield from _anything(model, spec)


def _by_layer(spec: Spec, failure: Failure, layer: nn.Module) -> Iterator[Spec]:
    wants, shape = wanted_by(layer), spec.shape
    got = failure.shape or ()
    if isinstance(layer, nn.modules.conv._ConvNd) and spec.floating and (failure.distance or 0) <= 1:
        yield from _for_patches(spec, layer)
    if wants is not None and failure.distance is not None and failure.distance <= 1:
        if wants.dtype != spec.dtype or len(wants.shape) != len(shape):
            yield Spec(wants.shape, wants.dtype, wants.low, wants.high, spec.name)
        if isinstance(layer, nn.modules.conv._ConvNd) and len(shape) == len(wants.shape):
            yield spec.sized(shape[0], layer.in_channels, *shape[2:])
        if isinstance(layer, (nn.Linear, nn.LayerNorm, nn.RNNBase)) and spec.floating:
            yield spec.sized(*shape[:-1], wants.shape[-1])
    if isinstance(layer, nn.Embedding) and spec.floating:
        yield Spec((BATCH, STEPS), LONG, 0, layer.num_embeddings, spec.name)
        yield Spec((BATCH,), LONG, 0, layer.num_embeddings, spec.name)
    if not spec.floating:
        return
    if isinstance(layer, nn.Linear) and got and got[-1] != layer.in_features and layer.in_features:
        yield from _for_linear(spec, layer.in_features, got[-1], failure.distance or 0)
    if isinstance(layer, nn.modules.conv._ConvNd) and wants is not None:
        yield from _for_convolution(spec, layer, wants, got)


def _for_linear(spec: Spec, wanted: int, got: int, distance: int) -> Iterator[Spec]:
    """The width that reaches a linear layer after flattening grows with the product of the free axes."""
    shape = spec.shape
    axes = len(shape) - 2
    if axes >= 1 and distance >= 1 and got:
        side = shape[-1] * (wanted / got) ** (1 / axes)
        near = {round(side) + d for d in range(-3, 5)} | {s for s in SIZES if abs(s - side) < 0.2 * side + 4}
        for size in sorted((n for n in near if n > 0), key=lambda n: _unusual(n, side)):
            yield spec.sized(*shape[:2], *([size] * axes))
        for channels in (1, 3):
            if shape[1] != channels:
                yield spec.sized(shape[0], channels, *shape[2:])
    if axes == 3:
        for frames in (8, 16, 32):
            for size in (112, 224, 64, 32):
                yield spec.sized(*shape[:2], frames, size, size)
    if axes == 0 and got:
        yield spec.sized(shape[0], round(shape[1] * wanted / got))
    yield spec.sized(*shape[:-1], wanted)
    yield spec.sized(shape[0], wanted)
    yield spec.sized(shape[0], STEPS, wanted)


def _unusual(size: int, estimate: float) -> tuple[int, float]:
    return (0, SIZES.index(size)) if size in SIZES else (1, abs(size - estimate))


def _for_patches(spec: Spec, layer: nn.modules.conv._ConvNd) -> Iterator[Spec]:
    """A convolution may take flattened patches one by one, or a signal whose only channel has no axis."""
    shape, kernel = spec.shape, tuple(int(n) for n in layer.kernel_size)
    if len(shape) == 2 and shape[1] == layer.in_channels * math.prod(kernel):
        yield spec.sized(shape[0], layer.in_channels, *kernel)
    if len(shape) == len(kernel) + 1:
        yield spec.sized(shape[0], layer.in_channels, *shape[1:])


def _for_convolution(spec: Spec, layer: nn.modules.conv._ConvNd, wants: Spec, got: tuple[int, ...]) -> Iterator[Spec]:
    shape = spec.shape
    if len(got) == len(wants.shape) and got[1] != layer.in_channels and len(shape) >= 2 and got[1]:
        if shape[1] * layer.in_channels % got[1] == 0:
            yield spec.sized(shape[0], shape[1] * layer.in_channels // got[1], *shape[2:])
        yield spec.sized(shape[0], *shape[2:], layer.in_channels)
        yield spec.sized(shape[0], STEPS, layer.in_channels)
    yield spec.sized(wants.shape[0], *wants.shape[2:])
    yield spec.sized(wants.shape[0], 8, *wants.shape[1:])
    yield spec.sized(*wants.shape)


def _by_message(model: nn.Module, spec: Spec, message: str) -> Iterator[Spec]:
    shape = spec.shape
    view = re.search(r"shape '\[(.*?)\]' is invalid for input of size (\d+)", message)
    if view and spec.floating:
        target = [int(n) for n in view.group(1).split(",")]
        if target[0] in (-1, shape[0]) and len(target) >= 2:
            elements = 1
            for n in target[1:]:
                elements *= abs(n)
            yield spec.sized(shape[0], elements) if len(shape) == 2 else spec.sized(shape[0], *map(abs, target[1:]))
            yield spec.sized(shape[0], elements)
            if len(shape) == 4:
                yield from (spec.sized(*shape[:2], n, n) for n in SIZES)
    length = re.search(r"length (?:of )?(\d+),? but (?:found|got) (\d+)", message)
    if length and int(length.group(2)) in shape:
        yield spec.sized(*(int(length.group(1)) if n == int(length.group(2)) else n for n in shape))
    asked = shape_in(message, lambda word: setting(model.config, word) if is_configured(model) else None)
    if asked and spec.floating:
        yield spec.sized(*asked)
    sizes = [[int(n) for n in found.split(",")] for found in re.findall(r"torch\.Size\(\[([\d, ]+)\]\)", message)]
    yield from (spec.sized(shape[0], *size[1:]) for size in sizes if 4 <= len(shape) < len(size) and spec.floating)
    yield from _broadcast(spec, message)
    yield from _numbers_in(spec, message)
    axis = re.search(r"Dimension out of range \(expected to be in range of \[-(\d+), \d+\], but got (\d+)\)", message)
    if axis and int(axis.group(1)) == len(shape) and int(axis.group(2)) == len(shape):
        yield spec.sized(shape[0], 1, *shape[1:])
    rank = _RANK.search(message)
    if rank and int(rank.group(1) or 0) == len(shape):  # an axis was left on the way
        yield spec.sized(shape[0], 1, *shape[1:])
    if rank and int(rank.group(1) or rank.group(2)) == 5 and is_configured(model):
        videos = named_input("pixel_values_videos", model.config)
        yield spec.sized(*(videos.shape if videos is not None else spec.shape))
    if rank:
        yield _of_rank(model, spec, int(rank.group(1) or rank.group(2)))


_RANK = re.compile(r"not enough values to unpack \(expected (\d+), got|too many values to unpack \(expected (\d+)")
_WIDER = re.compile(
    r"dimension of length (\d+) at -(\d+)!.*?torch\.Size\(\[([\d, ]+)\]\).*?broadcastable to \[([\d, ]+)\]"
)


def _broadcast(spec: Spec, message: str) -> Iterator[Spec]:
    """What is added to an input tells the size of its last axes, or that it has one more."""
    said = _WIDER.search(message)
    if not said:
        return
    size, place, shape = int(said.group(1)), int(said.group(2)), spec.shape
    if spec.floating and place < len(shape):
        yield spec.sized(*(size if i == len(shape) - place else n for i, n in enumerate(shape)))
    if place == 1:
        yield spec.sized(*shape, size)


def _together(specs: Specs, message: str) -> Iterator[Specs]:
    """Yield specs of which several are changed by what an error says: pictures that are put beside each other, and
    steps of which each stands for a part of a picture."""
    sides = re.search(r"(\d+) ?[*x×] ?(\d+)\D+match\D+(\d+) ?[*x×] ?(\d+)", message)
    pictures = {k: s for k, s in specs.items() if isinstance(s, Spec) and s.floating and len(s.shape) == 4}
    if sides and pictures:
        got, wanted = [int(sides.group(i)) for i in (1, 2)], [int(sides.group(i)) for i in (3, 4)]
        sized = {k: s.sized(*s.shape[:2], *(n * w // g for n, w, g in zip(s.shape[2:], wanted, got) if g))
                 for k, s in pictures.items()}  # fmt: skip
        yield {**specs, **sized}
    places = re.search(r"value tensor of shape \[(\d+).*?indexing result of shape \[(\d+)", message)
    steps = {k: s for k, s in specs.items() if isinstance(s, Spec) and not s.floating and len(s.shape) == 2}
    if places and steps:
        parts, taken = int(places.group(1)), int(places.group(2))
        longer = {k: s.sized(s.shape[0], max(1, s.shape[1] * parts // max(1, taken))) for k, s in steps.items()}
        yield {**specs, **longer}


def _alone(specs: Specs, message: str) -> Iterator[Specs]:
    """Yield a single sample where a view has the axis of samples although what it views was made for one."""
    view = re.search(r"shape '\[(\d+(?:, \d+)*)\]' is invalid for input of size (\d+)", message)
    if view and math.prod(map(int, view.group(1).split(", "))) == BATCH * int(view.group(2)):
        yield {
            k: s.sized(1, *s.shape[1:]) if isinstance(s, Spec) and s.shape[0] == BATCH else s for k, s in specs.items()
        }


def _numbers_in(spec: Spec, message: str) -> Iterator[Spec]:
    """An error that names a size of the input beside another number often says what it should be."""
    shape = spec.shape
    numbers = list(dict.fromkeys(int(n) for n in re.findall(r"(?<![\w.])\d{1,5}(?![\w.]*[\d(])", message)))
    for got in [n for n in numbers if n in shape[1:]][:2]:
        for wanted in [n for n in numbers if n != got and n > 0][:3]:
            yield spec.sized(shape[0], *(wanted if n == got else n for n in shape[1:]))
            if shape[1:].count(got) > 1:
                yield from (spec.sized(*shape[:i], wanted, *shape[i + 1 :])
                            for i in range(len(shape) - 1, 0, -1) if shape[i] == got)  # fmt: skip
    if "too small" in message and spec.floating and len(shape) >= 4:
        yield from (spec.sized(*shape[:-2], shape[-2] * k, shape[-1] * k) for k in (2, 4))
    short = "can't be greater than actual input size" in message
    if short and spec.floating and len(shape) in (2, 3):  # a sound: convolutions have left too little of it
        yield from (spec.sized(*shape[:-1], shape[-1] * k) for k in (2, 4, 16))


def _of_rank(model: nn.Module, spec: Spec, rank: int) -> Spec:
    wants = first_wanted(model)
    channels = wants.shape[1] if wants is not None and len(wants.shape) > 1 else 3
    picture = wants.shape[1] if wants is not None and len(wants.shape) == 4 else 3
    shapes = {1: (BATCH,), 2: (BATCH, channels), 3: (BATCH, STEPS, channels), 4: (BATCH, picture, 224, 224),
              5: (BATCH, 8, 3, 112, 112)}  # fmt: skip
    return spec.sized(*shapes.get(rank, spec.shape))


def _by_size(model: nn.Module, spec: Spec, message: str) -> Iterator[Spec]:
    shape = spec.shape
    if spec.floating and len(shape) >= 4 and re.search(r"size|Size|shape", message or "size"):
        for side in [*_own_sizes(model), *((n, n) for n in SIZES)]:
            yield spec.sized(*shape[:-2], *side)
    if spec.floating and len(shape) == 3:
        for n in (16, 64, 96, 100, 128, 256, 512, 784, 1024, 16000):
            yield spec.sized(*shape[:-1], n)
            yield spec.sized(shape[0], n, shape[2])
    if not spec.floating and len(shape) == 2:
        yield from (spec.sized(shape[0], n) for n in (1, 8, 32, 64, 77, 128, 256, 512, 1024))
        yield spec.sized(shape[0])


def _own_sizes(model: nn.Module) -> Iterator[tuple[int, int]]:
    for module in (model, *model.children()):
        for name in ("img_size", "image_size", "input_size", "input_resolution", "resolution"):
            value = getattr(module, name, None)
            if isinstance(value, int) and 4 <= value <= 2048:
                yield value, value
            elif isinstance(value, (tuple, list)) and len(value) == 2 and all(isinstance(n, int) for n in value):
                yield int(value[0]), int(value[1])


def _anything(model: nn.Module, spec: Spec) -> Iterator[Spec]:
    """Yield the shapes of usual inputs: the last resort."""
    wants = first_wanted(model)
    if wants is None:
        return
    c = wants.shape[1] if len(wants.shape) > 1 else 1
    usual = ((3, 224, 224), (1, 28, 28), (3, 32, 32), (c,), (STEPS, c), (c, STEPS), (STEPS,), (c, 64, 64),
             (8, c, 64, 64), (3, 8, 112, 112), (784,), (100,), (16000,), (1, 16000))  # fmt: skip
    for shape in usual:
        yield Spec((BATCH, *shape), torch.float32, name=spec.name)
    yield Spec((BATCH, STEPS), LONG, 0, 10, name=spec.name)
