"""Read the call by which the user constructed an object, from inside its `__init__`."""

from __future__ import annotations

import dis
import inspect
from types import FrameType
from typing import Any

from .sites import kind_of, span_of, user_frame


def construction(frame: FrameType | None, made: Any) -> tuple[dict[str, Any] | None, list[str] | None]:
    """Return the span of the user's call that constructs `made`, and the names of the arguments written out there.

    `frame` is one of the object's own `__init__`. The names are None where they cannot be told (`**settings`, a
    library made the call). The object's own first argument is left out.
    """
    while frame is not None and frame.f_code.co_name == "__init__" and _first(frame) is made:
        frame = frame.f_back
    span = span_of(user_frame(frame))
    if frame is None or kind_of(frame.f_code) != "user":
        return span, None
    return span, _written(frame, made)


def _first(frame: FrameType) -> Any:
    code = frame.f_code
    return frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None


def _written(frame: FrameType, made: Any) -> list[str] | None:
    """Return the arguments of the call that `frame` is making, by the names of the constructor's parameters."""
    instructions = list(dis.get_instructions(frame.f_code))
    at = next((n for n, i in enumerate(instructions) if i.offset == frame.f_lasti), None)
    if at is None:
        return None
    call, names = instructions[at], ()
    if call.opname not in ("CALL", "CALL_KW", "CALL_FUNCTION", "CALL_FUNCTION_KW"):
        return None
    for before in instructions[max(0, at - 2) : at]:
        if before.opname == "KW_NAMES":
            names = before.argval if isinstance(before.argval, tuple) else frame.f_code.co_consts[before.arg or 0]
        elif before.opname == "LOAD_CONST" and call.opname in ("CALL_KW", "CALL_FUNCTION_KW"):
            names = before.argval
    count = (call.arg or 0) - len(names)
    try:
        parameters = list(inspect.signature(type(made).__init__).parameters)[1:]
    except (TypeError, ValueError):
        return None
    if count > len(parameters):
        return None
    return [name for name in (*parameters[:count], *names) if name != "params"]
