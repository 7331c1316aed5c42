"""Hear of every call of a module: `nn.Module.__call__` is patched while somebody listens.

The patch is process-wide, so it passes straight through on every thread on which nobody listens.
"""

from __future__ import annotations

import threading
from typing import Any, Protocol

from torch import nn


class Listener(Protocol):
    """Stands in for a module's call."""

    def module_call(self, module: nn.Module, args: Any, kwargs: dict[str, Any], original: Any) -> Any:
        """Return what the call gives; `original(module, *args, **kwargs)` makes it."""


_lock = threading.Lock()
_listening: dict[int, list[Listener]] = {}
_original: Any = None


def listen(listener: Listener) -> int:
    """Let a listener stand in for calls on this thread; returns what `stop` needs."""
    global _original
    thread = threading.get_ident()
    with _lock:
        if not _listening:
            _original = nn.Module.__call__
            nn.Module.__call__ = _call  # type: ignore[method-assign]
        _listening.setdefault(thread, []).append(listener)
    return thread


def stop(listener: Listener, thread: int) -> None:
    """End what `listen` began; the last one takes the patch away."""
    with _lock:
        own = _listening[thread]
        own.remove(listener)
        if not own:
            del _listening[thread]
        if not _listening and nn.Module.__call__ is _call:
            nn.Module.__call__ = _original  # type: ignore[method-assign]


def _call(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
    own = _listening.get(threading.get_ident())
    if not own:
        return _original(self, *args, **kwargs)
    return own[-1].module_call(self, args, kwargs, _original)
