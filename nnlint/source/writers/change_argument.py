"""The text writer of `ChangeArgument`: something around one argument of a call."""

from __future__ import annotations

import libcst as cst

from ...fix import ChangeArgument
from .arguments import find_argument
from .changes import CannotApply
from .workspace import Workspace

_CLOSED = (cst.Name, cst.Call, cst.Attribute, cst.Subscript)
"""What needs no parentheses in front of `.method()`."""


def write_change_argument(work: Workspace, verb: ChangeArgument) -> None:
    """Write `ChangeArgument`. Raises CannotApply where the call or the argument is not found."""
    doc = work.document(verb.call.path)
    call = doc.call_at(verb.call)
    arg = find_argument(call, verb.name, verb.position) if call is not None else None
    if arg is None or arg.star:
        raise CannotApply(f"the argument `{verb.name}` of the call in line {verb.call.line} was not found")
    before, _, after = verb.text.partition("{}")
    start, end = doc.outer(arg.value)
    if doc.text[end - len(after) : end] == after and doc.text[start : start + len(before)] == before:
        raise CannotApply(f"`{verb.name}` is written so already")
    closed = isinstance(arg.value, _CLOSED) or bool(arg.value.lpar)
    if not closed and after and after[0] not in "),":
        before, after = before + "(", ")" + after
    doc.changes.wrap(start, end, before, after)
