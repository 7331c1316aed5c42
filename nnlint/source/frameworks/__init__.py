"""Adapters for training frameworks: one file each, found by walking this folder.

An adapter has one function, `read(reading) -> Handed | None`: None where the file does not train with its framework.
A new one edits no existing file.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from ..reading import Handed, Reading


@cache
def adapters() -> tuple[str, ...]:
    """Return the names of the adapters."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def read(reading: Reading) -> Handed | None:
    """Return what the first framework that the file trains with decides; None where it trains with none."""
    roots = {name.partition(".")[0] for name in imported(reading)}
    for name in adapters():
        module = importlib.import_module(f"{__name__}.{name}")
        if roots & module.PACKAGES:
            found: Handed | None = module.read(reading)
            if found is not None:
                return found
    return None


def imported(reading: Reading) -> set[str]:
    """Return the dotted names that the file imports, wherever it does."""
    scopes = reading.objects.program.inside.values()
    return {b.name for s in scopes for bs in s.bindings.values() for b in bs if b.kind == "import"} | set(
        reading.objects.program.stars
    )
