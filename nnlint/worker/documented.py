"""Shapes in words, `(batch_size, num_frames, num_channels, height, width)`: of a forward's docstring or an error."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from .specs import Spec

BATCH, STEPS, FRAMES, SIDE = 2, 16, 8, 224
_ENTRY = re.compile(r"^\s*(\w+) \(`(?:torch\.)?(\w*?)(?:Tensor)?` of shape `[(\[]([^`]+)[)\]]`(.*)\):", re.MULTILINE)
_SAID = re.compile(r"shape:? [`'\"]*[(\[]([^()\[\]]*[a-z]\w+[^()\[\]]*)[)\]]")
_COUNTS = re.compile(r"length|steps|seq|patches|tokens|^(num|max|total|number)_")
_LENGTH = re.compile(r"len\((?:self\.)?(?:config\.)?(\w+)\)")
Setting = Callable[[str], Any]
"""What a model's configuration says about a word, None for nothing."""


def documented(model: nn.Module, setting: Setting) -> dict[str, tuple[Spec | None, bool]]:
    """Return the inputs that forward's docstring gives a shape (None for an unclear one) and whether it wants them."""
    found: dict[str, tuple[Spec | None, bool]] = {}
    for name, kind, words, rest in _ENTRY.findall(getattr(model.forward, "__doc__", None) or ""):
        shape = shape_of(words, setting)
        whole = kind in ("Long", "Int")
        dtype = torch.int64 if whole else torch.bool if kind == "Bool" else torch.float32
        low, high = (1, 2) if whole and shape is not None and len(shape) == 1 else (0, 10 if whole else 2)
        found[name] = (Spec(shape, dtype, low, high, name) if shape is not None else None, "optional" not in rest)
    return found


def required_by_docs(model: nn.Module, setting: Setting) -> dict[str, Spec]:
    """Return the inputs that forward's docstring gives a shape and does not call optional; none if one is unclear."""
    wanted = {name: spec for name, (spec, required) in documented(model, setting).items() if required}
    known = {name: spec for name, spec in wanted.items() if spec is not None}
    return known if len(known) == len(wanted) else {}


def shape_in(message: str, setting: Setting) -> tuple[int, ...] | None:
    """Return the shape that an error asks for in words, None where it names none."""
    said = _SAID.search(message)
    return shape_of(said.group(1), setting) if said else None


def shape_of(words: str, setting: Setting) -> tuple[int, ...] | None:
    """Return the sizes for the words between the brackets, None where one of them says nothing."""
    parts = [word.strip() for word in words.split(",") if word.strip()]
    sizes = [_sum(word, setting, last=i == len(parts) - 1) for i, word in enumerate(parts)]
    known = tuple(size for size in sizes if size is not None)
    return known if known and len(known) == len(sizes) else None


def _sum(words: str, setting: Setting, last: bool) -> int | None:
    """Return the size that a word or a sum of products of words stands for."""
    if "batch" in words and "*" not in words:
        return BATCH
    addends = []
    for addend in re.sub(r"(?<=\w) \([^)]*\)", "", words).split("+"):
        factors = [_size(word.strip(), setting, last) for word in addend.split("*")]
        known = [n for n in factors if n is not None]
        if len(known) < len(factors):
            return None
        addends.append(math.prod(known))
    return sum(addends)


def _size(word: str, setting: Setting, last: bool) -> int | None:
    if word.isdigit():
        return int(word)
    listed = _LENGTH.fullmatch(word)
    if listed:
        held = setting(listed.group(1))
        return len(held) or None if isinstance(held, (list, tuple)) else None
    word = word.removeprefix("self.").removeprefix("config.")
    if "batch" in word:
        return BATCH
    own = setting(word) if word.isidentifier() else None
    if isinstance(own, int) and not isinstance(own, bool) and own > 0:
        return own
    if isinstance(own, (list, tuple)) and len(own) == 2 and all(isinstance(n, int) for n in own):
        return int(own[1 if last else 0])
    return _usual(word.lower(), setting, last)


def _usual(lower: str, setting: Setting, last: bool) -> int | None:
    """Return the size of a word that is none of the configuration's settings."""
    if lower in ("dim", "embed_dim", "hidden_dim", "hidden_size"):
        width = setting("hidden_size") or setting("d_model")
        return width if isinstance(width, int) else None
    if re.search(r"length|steps|seq", lower):
        return STEPS
    if "channels" in lower:
        return 3
    if "frames" in lower:
        return FRAMES
    if re.fullmatch(r"height|width|h|w|\w*size", lower) and not lower.startswith("hidden"):
        side = setting("image_size")
        if isinstance(side, (list, tuple)) and len(side) == 2:
            side = side[1 if lower in ("width", "w") or (last and lower not in ("height", "h")) else 0]
        return side if isinstance(side, int) else SIDE
    of_count = setting(f"num_{lower}") if lower.isidentifier() else None
    if isinstance(of_count, int) and of_count > 0:
        return of_count
    return STEPS if _COUNTS.search(lower) else None
