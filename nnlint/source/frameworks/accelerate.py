"""Accelerate: the loop is the user's; `accelerator.accumulate(model)` divides the loss and skips steps by itself."""

from __future__ import annotations

import ast
from typing import Any

from ...facts import Missing
from ..arguments import Arguments
from ..program import last_name
from ..reading import Handed, Reading

PACKAGES = frozenset({"accelerate"})


def read(reading: Reading) -> Handed | None:
    """Return how often the file's loop really steps; None where it does not accumulate with Accelerate."""
    program = reading.objects.program
    withs = [
        o for s in reading.sites for o in program.ancestors(s.backward) if isinstance(o, (ast.With, ast.AsyncWith))
    ]
    entered = [i.context_expr for w in withs for i in w.items]
    if not any(isinstance(e, ast.Call) and last_name(e.func) == "accumulate" for e in entered):
        return None
    built = reading.calls_of("accelerate.Accelerator")
    every: Any = Missing("the accelerator is built elsewhere")
    if len(built) == 1:
        given = Arguments(reading.objects.values, built[0], ())
        plugin = "gradient_accumulation_plugin" in given.written
        every = Missing("a plugin says it") if plugin else reading.count(given, "gradient_accumulation_steps", 1)
    return Handed({"updates": _updates(reading, every)}, loop={"accumulates": every, "divides": True})


def _updates(reading: Reading, every: Any) -> Any:
    """Return the steps in all: the last batch of each epoch makes one, whether the count is full or not."""
    found = [reading.batches.read(s) for s in reading.sites[:1]]
    batches, epochs = (found[0].updates, found[0].epochs) if found else (None, None)
    if isinstance(batches, int) and isinstance(epochs, int) and epochs and isinstance(every, int):
        return epochs * -(-(batches // epochs) // every)
    return Missing("several batches make one step")
