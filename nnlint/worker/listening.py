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


class Paused:
    """While active, a recorder records nothing. Blocks may stand inside of each other."""

    __slots__ = ("_recorder",)

    def __init__(self, recorder: Any) -> None:
        self._recorder = recorder

    def __enter__(self) -> None:
        self._recorder._inside += 1

    def __exit__(self, *_: object) -> None:
        self._recorder._inside -= 1


_lock = threading.Lock()
_listening: dict[int, list[Listener]] = {}
_original: Any = None
_staying = 0


def stay() -> None:
    """Leave the patch in place until `go`: every time that it is put there, torch's classes forget what they know."""
    global _staying
    with _lock:
        _patch()
        _staying += 1


def go() -> None:
    """End what `stay` began."""
    global _staying
    with _lock:
        _staying -= 1
        _unpatch()


def _patch() -> None:
    global _original
    if not _listening and not _staying:
        _original = nn.Module.__call__
        nn.Module.__call__ = _call  # type: ignore[method-assign]


def _unpatch() -> None:
    if not _listening and not _staying and nn.Module.__call__ is _call:
        nn.Module.__call__ = _original  # type: ignore[method-assign]


def listen(listener: Listener) -> int:
    """Let a listener stand in for calls on this thread; returns what `stop` needs."""
    thread = threading.get_ident()
    with _lock:
        _patch()
        _listening.setdefault(thread, []).append(listener)
    return thread


def stop(listener: Listener, thread: int) -> None:
    """End what `listen` began; the last one takes the patch away."""
    with _lock:
        own = _listening[thread]
        own.remove(listener)
        if not own:
            del _listening[thread]
        _unpatch()


def _call(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
    own = _listening.get(threading.get_ident())
    if not own:
        return _original(self, *args, **kwargs)
    return own[-1].module_call(self, args, kwargs, _original)
