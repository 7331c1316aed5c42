"""Shapes in words, `(batch_size, num_frames, num_channels, height, width)`: of a forward's docstring or an error."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from .specs import Spec

BATCH, STEPS, FRAMES, SIDE = 2, 16, 8, 224
_ENTRY = re.compile(r"^\s*(\w+) \(`torch\.(\w*)Tensor` of shape `\(([^()`]+)\)`(.*)\):", re.MULTILINE)
_SAID = re.compile(r"shape:? [`'\"]*[(\[]([^()\[\]]*[a-z]\w+[^()\[\]]*)[)\]]")
Setting = Callable[[str], Any]
"""What a model's configuration says about a word, None for nothing."""


def required_by_docs(model: nn.Module, setting: Setting) -> dict[str, Spec]:
    """Return the inputs that forward's docstring gives a shape and does not call optional; none if one is unclear."""
    found: dict[str, Spec] = {}
    for name, kind, words, rest in _ENTRY.findall(getattr(model.forward, "__doc__", None) or ""):
        if "optional" in rest:
            continue
        shape = shape_of(words, setting)
        if shape is None:
            return {}
        dtype = torch.int64 if kind == "Long" else torch.bool if kind == "Bool" else torch.float32
        found[name] = Spec(shape, dtype, 0, 10 if kind == "Long" else 2, name)
    return found


def shape_in(message: str, setting: Setting) -> tuple[int, ...] | None:
    """Return the shape that an error asks for in words, None where it names none."""
    said = _SAID.search(message)
    return shape_of(said.group(1), setting) if said else None


def shape_of(words: str, setting: Setting) -> tuple[int, ...] | None:
    """Return the sizes for the words between the brackets, None where one of them says nothing."""
    sizes = [_size(word.strip(), setting) for word in words.split(",") if word.strip()]
    known = tuple(size for size in sizes if size is not None)
    return known if known and len(known) == len(sizes) else None


def _size(word: str, setting: Setting) -> int | None:
    if word.isdigit():
        return int(word)
    if "batch" in word:
        return BATCH
    own = setting(word) if word.isidentifier() else None
    if isinstance(own, int) and not isinstance(own, bool) and own > 0:
        return own
    lower = word.lower()
    if re.search(r"length|steps|seq", lower):
        return STEPS
    if "channels" in lower:
        return 3
    if "frames" in lower:
        return FRAMES
    if re.fullmatch(r"height|width|h|w|\w*size", lower) and not lower.startswith("hidden"):
        side = setting("image_size")
        return side if isinstance(side, int) else SIDE
    return None
