"""Caches of functions that a forward fills: what they keep of a forward without values must not meet the user's own.

Model code wraps functions that make positions or anchors in `functools.lru_cache`, some of them inside of another
decorator: the tensors that such a cache holds outlive the forward that made them.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from torch import nn

_Cached = type(functools.lru_cache(lambda: None))


@contextlib.contextmanager
def forgotten(model: nn.Module) -> Iterator[None]:
    """Empty, after the block, those caches of the model's classes and files that grew in it.

    What such a cache held before is computed again when it is asked for.
    """
    before = [(cache, _size(cache)) for cache in _caches(model)]
    try:
        yield
    finally:
        for cache, size in before:
            if _size(cache) != size:
                cache.cache_clear()


def _size(cache: Any) -> tuple[int, int]:
    info = cache.cache_info()
    return info.currsize, info.misses


def _caches(model: nn.Module) -> list[Any]:
    kinds = {kind for module in model.modules() for kind in type(module).__mro__}
    homes = {kind.__module__ for kind in kinds if not kind.__module__.startswith(("torch.", "builtins"))}
    spaces = [dict(vars(kind)) for kind in kinds if kind.__module__ in homes]
    spaces += [vars(sys.modules[name]) for name in homes if name in sys.modules]
    found: dict[int, Any] = {}
    for space in spaces:
        for value in list(space.values()):
            cache = _cache_in(value)
            if cache is not None:
                found[id(cache)] = cache
    return list(found.values())


def _cache_in(value: Any) -> Any:
    """Return the cache that a function is, or that stands behind its decorators."""
    value = getattr(value, "__func__", value)
    if isinstance(value, _Cached):
        return value
    if type(value) is FunctionType and value.__closure__:
        for cell in value.__closure__:
            with contextlib.suppress(ValueError):  # an empty cell
                if isinstance(cell.cell_contents, _Cached):
                    return cell.cell_contents
    return None
