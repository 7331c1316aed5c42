"""Weights that are averaged along the way: `torch.optim.swa_utils.AveragedModel`, and what keeps its norms right."""

from __future__ import annotations

import ast
from typing import Any

from ..facts import Averaging, Missing
from .objects import Objects
from .program import last_name

_MAKERS = ("swa", "ema", "average")


def read_averaging(objects: Objects) -> Any:
    """Return the averaged model that a file builds, None for none; Missing where there may be one from elsewhere."""
    program = objects.program
    built = [c for c in program.calls if program.qualified(c.func) == "torch.optim.swa_utils.AveragedModel"]
    if not built:
        hints = [name for name in program.calls_by_name if any(word in name.lower() for word in _MAKERS)]
        return Missing(f"`{hints[0]}` may average the weights") if hints else None
    if len(built) > 1:
        return Missing("several models are averaged")
    call = built[0]
    buffers = next((k.value for k in call.keywords if k.arg == "use_buffers"), None)
    if buffers is None and len(call.args) > 4:
        buffers = call.args[4]
    updates: Any = any(True for c in program.calls if last_name(c.func) == "update_bn")
    if not updates and buffers is not None:
        value = objects.values.maybe(buffers, None)
        updates = value if isinstance(value, bool) else Missing("`use_buffers` is not known")
    return Averaging(span=program.span(call), model=_text(call), updates_norms=updates)


def _text(call: ast.Call) -> str | None:
    given = call.args[0] if call.args else next((k.value for k in call.keywords if k.arg == "model"), None)
    return ast.unparse(given) if given is not None else None
