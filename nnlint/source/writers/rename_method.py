"""The text writer of `RenameMethod`: another name for a method or attribute, where it is made and where it is used."""

from __future__ import annotations

import libcst as cst

from ...fix import RenameMethod
from .changes import CannotApply
from .document import Document
from .workspace import Workspace


def write_rename_method(work: Workspace, verb: RenameMethod) -> None:
    """Write `RenameMethod`. Raises CannotApply where the name is taken, or a use may mean PyTorch's own method."""
    doc = work.document(verb.at.path)
    taken = {use.attr.value for use in doc.all(cst.Attribute)} | {f.name.value for f in doc.all(cst.FunctionDef)}
    if verb.new in taken:
        raise CannotApply(f"the name `{verb.new}` is used for something else")
    method = next((f for f in doc.all(cst.FunctionDef) if _stands_at(doc, f.name, verb)), None)
    uses = [use for use in doc.all(cst.Attribute) if use.attr.value == verb.old]
    if method is None:
        _rename_value(doc, verb, uses)
        return
    _rename(doc, method.name, verb.new)
    for use in uses:
        call = doc.parent(use)
        if isinstance(call, cst.Call) and call.func is use:
            if _means(doc, call, method, verb):
                _rename(doc, use.attr, verb.new)
        elif doc.code(use.value) != "super()":
            raise CannotApply(f"line {doc.line(doc.start(use))} hands `{verb.old}` on")


def _stands_at(doc: Document, name: cst.Name, verb: RenameMethod) -> bool:
    line_start = doc.line_start(doc.start(name))
    same_line = doc.line(doc.start(name)) == verb.at.line
    return name.value == verb.old and same_line and verb.at.column in (None, doc.start(name) - line_start + 1)


def _means(doc: Document, call: cst.Call, method: cst.FunctionDef, verb: RenameMethod) -> bool:
    """Return whether a call is of the user's method: it hands over what that takes and what PyTorch's does not."""
    if isinstance(call.func, cst.Attribute) and doc.code(call.func.value) == "super()":
        return False
    needed = [p for p in method.params.params[1:] if p.default is None]
    if not needed:
        raise CannotApply(f"a call of `{verb.old}` may mean either method")
    if not call.args:
        return False  # `model.train()`: what the user's method lacks arguments for
    first = call.args[0]
    if first.star or (len(call.args) == 1 and isinstance(first.value, cst.Name) and first.value.value in _MODES):
        if first.star:
            raise CannotApply(f"line {doc.line(doc.start(call))} hands over `*args`")
        return False
    return True


_MODES = ("True", "False", "mode")


def _rename_value(doc: Document, verb: RenameMethod, uses: list[cst.Attribute]) -> None:
    """Rename an attribute that holds a value: wherever it is not called."""
    named = [use for use in uses if not (isinstance(call := doc.parent(use), cst.Call) and call.func is use)]
    body = [
        target
        for target in doc.all(cst.AssignTarget)
        if isinstance(target.target, cst.Name) and isinstance(doc.scope(target), cst.ClassDef)
    ]
    found = False
    for target in body:
        if isinstance(target.target, cst.Name) and target.target.value == verb.old:
            found = True
            _rename(doc, target.target, verb.new)
    own = [use for use in named if doc.code(use.value) == "self"]
    if not own and not found:
        raise CannotApply(f"where `{verb.old}` is made was not found")
    for use in named:
        _rename(doc, use.attr, verb.new)


def _rename(doc: Document, name: cst.Name, new: str) -> None:
    doc.changes.replace(doc.start(name), doc.end(name), new)
