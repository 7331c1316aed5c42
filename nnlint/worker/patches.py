"""Stand-ins for functions of torch, put up for a while and taken down in reverse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Patches:
    """Keeps how to undo what was put up."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], object]] = []

    def put(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Replace `owner.name` by `make(original)`; nothing happens where the owner itself has no such name."""
        if name not in owner.__dict__:
            return
        original = owner.__dict__[name]
        replacement = make(original)
        replacement.__name__ = name
        replacement.__doc__ = original.__doc__
        replacement.__wrapped__ = original
        setattr(owner, name, replacement)
        self._undo.append(lambda: setattr(owner, name, original))

    def later(self, undo: Callable[[], object]) -> None:
        """Remember something else to be undone."""
        self._undo.append(undo)

    def down(self) -> None:
        """Take everything down, the last first."""
        while self._undo:
            self._undo.pop()()
