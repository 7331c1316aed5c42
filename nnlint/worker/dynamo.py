"""Keep a first abstract forward from importing PyTorch's compiler.

The first meta kernel that is written in Python goes through `torch._compile._disable_dynamo`, which imports
`torch._dynamo` (800 modules, a second). Each wrapped function may carry its answer in `__dynamo_disable`: while the
block runs, they all say "call me as I am". Private to torch: where it is not found as expected nothing is done.
"""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterator
from types import FunctionType
from typing import Any

_MARK = "__dynamo_disable"
_found: list[Any] | None = None


@contextlib.contextmanager
def without_compiler() -> Iterator[None]:
    """Run a block in which functions that torch keeps from its compiler do not import it first."""
    if "torch._dynamo" in sys.modules:
        yield
        return
    marked = [fn for fn in wrapped() if _MARK not in vars(fn)]
    for fn in marked:
        setattr(fn, _MARK, fn)
    try:
        yield
    finally:
        for fn in marked:
            if vars(fn).get(_MARK) is fn:
                delattr(fn, _MARK)


def wrapped() -> list[Any]:
    """Return the functions that torch wraps with `_disable_dynamo`, as far as they are loaded."""
    global _found
    if _found is None:
        _found = [fn for fn in map(_inner, gc.get_objects()) if fn is not None]
    return _found


def _inner(value: Any) -> Any:
    if type(value) is not FunctionType or value.__code__.co_name != "inner" or not value.__closure__:
        return None
    if not value.__code__.co_filename.replace("\\", "/").endswith("torch/_compile.py"):
        return None
    names = value.__code__.co_freevars
    if "fn" not in names:
        return None
    fn = value.__closure__[names.index("fn")].cell_contents
    return fn if isinstance(fn, FunctionType) else None
