"""The text writers of `InsertAfter` and `InsertBefore`: an operation beside an item, or around a call."""

from __future__ import annotations

import re
from collections.abc import Set

import libcst as cst

from ...facts import Node
from ...fix import InsertAfter, InsertBefore
from .arguments import listed
from .changes import CannotApply
from .document import Document
from .items import Items
from .layers import Item, binding, construction, in_loop, input_of, item_of, label, module_op, own_call
from .names import Names
from .operations import Spelling, spelling
from .remove import TUPLES
from .sequence import check_indexes
from .statements import insert_beside
from .workspace import Workspace


def write_insert(work: Workspace, verb: InsertAfter | InsertBefore) -> None:
    """Write `InsertAfter` or `InsertBefore`. Raises CannotApply where the source has no clean form for it."""
    node = verb.node
    after = isinstance(verb, InsertAfter)
    tensors = node.gives if after else node.reads
    new = spelling(verb.op, len(tensors[0].shape) if tensors else None)
    if new is None:
        raise CannotApply(f"nnlint cannot write `{verb.op}`")
    if after and node.op in TUPLES:
        raise CannotApply(f"{label(node)} returns a tuple")
    if node.call is not None:
        doc = work.document(node.call.path)
        call = own_call(doc, node)
        if call is not None:
            work.check_alone(node, "call", covered_by=type(verb))
            inner = call if after else input_of(work.names(doc), node, call)
            _around(work, doc, call, inner, verb, new)
            return
    if node.kind != "layer" or node.built is None:
        raise CannotApply(f"the call of {label(node)} was not found in the source")
    doc = work.document(node.built.path)
    names = work.names(doc)
    item = item_of(doc, names, construction(doc, node))
    if item is None:
        raise CannotApply(f"{label(node)} is built where nnlint cannot put anything beside it")
    work.check_alone(node, "built", covered_by=type(verb))
    if in_loop(doc, item.entry) and not work.knows:
        raise CannotApply(f"{label(node)} is built in a loop that builds other layers too")
    text = f"{names.spell(f'torch.nn.{new.module}')}({', '.join(listed(verb.arguments, new))})"
    _beside(doc, item, verb.op, text, after)


# -- items ------------------------------------------------------------------------------------------------------------


def _beside(doc: Document, item: Item, op: str, text: str, after: bool) -> None:
    key = _fresh_key(doc, item.key, op) if item.key is not None else None
    if item.statement is not None:
        call = item.statement.value
        assert isinstance(call, cst.Call)
        arguments = text if key is None else f"{key}, {text}"
        if key is None and len(call.args) > 1:
            raise CannotApply("the items' names are computed")
        insert_beside(doc, item.statement, f"{doc.code(call.func)}({arguments})", "after" if after else "before")
        return
    assert item.holder is not None
    check_indexes(doc, item, removed=False, after=after)
    if isinstance(item.holder, cst.Dict):
        text = f"{key}: {text}"
    elif key is not None:
        text = f"({key}, {text})"
    Items.of(doc, item.holder).add_after(item.index - (0 if after else 1), text)


def _fresh_key(doc: Document, beside: cst.SimpleString, op: str) -> str:
    """Return a name for a new item in the manner of its neighbour's: `"relu1"` beside `"fc1"`."""
    number = re.search(r"_?\d+$", str(beside.evaluated_value))
    taken = {str(s.evaluated_value) for s in doc.all(cst.SimpleString)}
    base = re.sub(r"\dd$", "", op) + (number.group() if number else "")
    return beside.quote + _fresh(base, taken) + beside.quote


def _fresh(base: str, taken: Set[object]) -> str:
    name, i = base, 2
    while name in taken:
        name, i = f"{base}_{i}", i + 1
    return name


# -- calls ------------------------------------------------------------------------------------------------------------


def _around(
    work: Workspace,
    doc: Document,
    call: cst.Call,
    inner: cst.BaseExpression,
    verb: InsertAfter | InsertBefore,
    new: Spelling,
) -> None:
    """Put a call around `inner`: of a function, of a layer that stands in the class already, or of a new one."""
    names = work.names(doc)
    options = ""
    if new.state or not new.functions:
        before = _new_layer(work, doc, call, verb, new)
    elif (there := _existing(doc, names, call, verb)) is not None:
        before = there
    else:
        before = names.spell(*new.functions)
        options = "".join(f", {option}" for option in listed(verb.arguments, Spelling()))
    doc.changes.wrap(*doc.outer(inner), f"{before}(", f"{options})")


def _existing(doc: Document, names: Names, call: cst.Call, verb: InsertAfter | InsertBefore) -> str | None:
    """Return `self.relu` where the class builds such a layer already, with nothing but usual arguments."""
    holder = doc.above(call, cst.ClassDef)
    if holder is None or verb.arguments:
        return None
    for built in doc.all(cst.Call):
        name = binding(doc, built) or ""
        ours = name.startswith("self.") and doc.inside(built, holder) and not in_loop(doc, built)
        if ours and not built.args and module_op(names, built) == verb.op:
            return name
    return None


def _new_layer(work: Workspace, doc: Document, call: cst.Call, verb: InsertAfter | InsertBefore, new: Spelling) -> str:
    """Build a layer in `__init__` beside the one it belongs to, and return its attribute."""
    holder = doc.above(call, cst.ClassDef)
    beside = _assignment(doc, verb.node, holder)
    if holder is None or beside is None:
        raise CannotApply("the class has no `__init__` to build another layer in")
    number = re.search(r"_?\d+$", (verb.node.module or "").rpartition(".")[2] if verb.node.kind == "layer" else "")
    taken: set[object] = {use.attr.value for use in doc.all(cst.Attribute)} | {
        f.name.value for f in doc.all(cst.FunctionDef)
    }
    names = work.names(doc)
    name = _fresh(new.noun + (number.group() if number else ""), taken | doc.notes.keys())
    doc.notes[name] = None
    text = f"self.{name} = {names.spell(f'torch.nn.{new.module}')}({', '.join(listed(verb.arguments, new))})"
    after = isinstance(verb, InsertAfter) or verb.node.kind != "layer"
    insert_beside(doc, beside, text, "after" if after else "before")
    return f"self.{name}"


def _assignment(doc: Document, node: Node, holder: cst.ClassDef | None) -> cst.CSTNode | None:
    """Return the statement that builds a layer in this class; else the last one of the class's `__init__`."""
    if holder is None:
        return None
    if node.kind == "layer" and node.built is not None and node.built.path == doc.path:
        built = doc.call_at(node.built)
        if built is not None and (binding(doc, built) or "").startswith("self.") and doc.inside(built, holder):
            return doc.parent(built)
    for function in doc.all(cst.FunctionDef):
        if function.name.value == "__init__" and doc.scope(function) is holder:
            last = function.body.body[-1]
            return last.body[-1] if isinstance(last, cst.SimpleStatementLine) else last
    return None
