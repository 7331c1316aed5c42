"""The text writer of `DropCasts`: values stay in float32."""

from __future__ import annotations

import libcst as cst

from ...fix import DropCasts
from .changes import CannotApply
from .document import Document
from .items import Items
from .statements import drop_statement
from .workspace import Workspace

_METHODS = {"bfloat16": "bfloat16", "float16": "half"}


def write_drop_casts(work: Workspace, verb: DropCasts) -> None:
    """Write `DropCasts`: `.bfloat16()`, `.to(torch.bfloat16)`, `dtype=torch.bfloat16` go. Raises CannotApply."""
    doc = work.document(verb.at.path)
    names = work.names(doc)
    full = {f"torch.{verb.dtype}", f"torch.{_METHODS[verb.dtype]}"}
    found = False
    for call in doc.all(cst.Call):
        func = call.func
        if isinstance(func, cst.Attribute) and func.attr.value == _METHODS[verb.dtype] and not call.args:
            _drop_call(doc, call, func)
            found = True
            continue
        named = [i for i, arg in enumerate(call.args) if names.resolve(arg.value) in full]
        if not named or "autocast" in doc.code(func):
            continue
        if isinstance(func, cst.Attribute) and func.attr.value in ("to", "type") and len(call.args) == len(named):
            _drop_call(doc, call, func)
        elif isinstance(doc.parent(call), cst.Expr) and len(call.args) == len(named):
            drop_statement(doc, doc.parent(call) or call)  # torch.set_default_dtype(torch.bfloat16)
        else:
            for i in named:
                Items.of(doc, call).drop(i)
        found = True
    others = [node for node in doc.all(cst.Assign) if names.resolve(node.value) in full]
    if others or not found:
        raise CannotApply(f"it was not found where the weights become {verb.dtype}")


def _drop_call(doc: Document, call: cst.Call, func: cst.Attribute) -> None:
    """Take `.half()` off what it is called on; the whole statement where nothing is done with the result."""
    above = doc.parent(call)
    if isinstance(above, cst.Expr):
        drop_statement(doc, above)
        return
    if isinstance(above, cst.Assign) and doc.code(above.targets[0].target) == doc.code(func.value):
        drop_statement(doc, above)  # model = model.half()
        return
    doc.changes.delete(doc.outer(func.value)[1], doc.end(call))
