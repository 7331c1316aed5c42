"""The text writer of `SetArgument`: one argument of a call, changed where its value is written."""

from __future__ import annotations

from typing import Any

import libcst as cst

from ...fix import SetArgument
from .arguments import add_argument, find_argument, same_value, written
from .changes import CannotApply
from .document import Document
from .source_of import literal_source
from .workspace import Workspace


def write_set_argument(work: Workspace, verb: SetArgument) -> None:
    """Write `SetArgument`. Raises CannotApply where the call is not found or takes the argument from elsewhere."""
    doc = work.document(verb.call.path)
    call = doc.call_at(verb.call)
    if call is None:
        raise CannotApply(f"the call in line {verb.call.line} was not found")
    set_argument(doc, call, verb.name, verb.value, verb.position)


def set_argument(doc: Document, call: cst.Call, name: str, value: Any, position: int | None) -> None:
    """Make `name` of `call` be `value`: at the literal, at the one literal that a name stands for, else in the call."""
    text = written(value)
    if _set_in_groups(call, name):
        raise CannotApply(f"`{name}` is set for groups of parameters")
    arg = find_argument(call, name, position)
    if arg is None:
        if any(a.star == "**" for a in call.args):
            raise CannotApply(f"`{name}` may be among the `**` arguments of the call")
        add_argument(doc, call, f"{name}={text}")
        return
    place = literal_source(doc, arg.value) or arg.value
    if same_value(place, text):
        return
    doc.changes.replace(*doc.outer(place), text)


def _set_in_groups(call: cst.Call, name: str) -> bool:
    """Return whether the first argument is a list of dicts of which one has `name`."""
    if not call.args or not isinstance(call.args[0].value, (cst.List, cst.Tuple)):
        return False
    groups = [e.value for e in call.args[0].value.elements]
    keys = {
        key.key.evaluated_value
        for group in groups
        if isinstance(group, cst.Dict)
        for key in group.elements
        if isinstance(key, cst.DictElement) and isinstance(key.key, cst.SimpleString)
    }
    return name in keys
