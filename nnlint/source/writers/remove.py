"""The text writer of `Remove`: the input of a layer or function takes the place of its output."""

from __future__ import annotations

import libcst as cst

from ...facts import Node
from ...facts.graph import RECURRENT
from ...fix import Remove
from .changes import CannotApply
from .document import Document, parses
from .items import Items
from .layers import Item, construction, in_loop, input_of, item_of, label, own_call
from .sequence import check_indexes
from .statements import drop_statement
from .workspace import Workspace

TUPLES = RECURRENT | {"multihead_attention"}


def write_remove(work: Workspace, verb: Remove) -> None:
    """Write `Remove`. Raises CannotApply where the source has no clean form for it."""
    node = verb.node
    if node.op in TUPLES:
        raise CannotApply(f"{label(node)} returns a tuple, its input is no substitute")
    if node.call is not None:
        doc = work.document(node.call.path)
        call = own_call(doc, node)
        if call is not None:
            work.check_alone(node, "call", covered_by=Remove)
            unwrap(doc, call, input_of(work.names(doc), node, call))
            _abandon(doc, call.func)
            return
    if node.kind != "layer" or node.built is None:
        raise CannotApply(f"the call of {label(node)} was not found in the source")
    doc = work.document(node.built.path)
    work.check_alone(node, "built", covered_by=Remove)
    _remove_item(work, doc, node)


def _remove_item(work: Workspace, doc: Document, node: Node) -> None:
    built = construction(doc, node)
    item = item_of(doc, work.names(doc), built)
    if item is None:
        raise CannotApply(f"{label(node)} is built where nnlint cannot take it out")
    if in_loop(doc, item.entry) and not work.knows:
        raise CannotApply(f"{label(node)} is built in a loop that builds other layers too")
    drop_item(doc, item)
    if item.entry is not built:
        _abandon(doc, item.entry)


def drop_item(doc: Document, item: Item) -> None:
    """Take an entry out of its sequence."""
    if item.statement is not None:
        drop_statement(doc, item.statement)
        return
    assert item.holder is not None
    check_indexes(doc, item, removed=True)
    Items.of(doc, item.holder).drop(item.index)


def _abandon(doc: Document, expression: cst.BaseExpression) -> None:
    if isinstance(expression, (cst.Name, cst.Attribute)):
        doc.abandoned[doc.code(expression)] = None


def unwrap(doc: Document, call: cst.Call, kept: cst.BaseExpression) -> None:
    """Put an expression that stands in `call` in the call's place; a statement that would say `x = x` goes."""
    above = doc.parent(call)
    statement = doc.parent(above) if isinstance(above, cst.AssignTarget) else above
    if isinstance(statement, cst.Expr):
        drop_statement(doc, statement)
        return
    same = isinstance(statement, cst.Assign) and [doc.code(t.target) for t in statement.targets] == [doc.code(kept)]
    if same and isinstance(statement, cst.Assign):
        drop_statement(doc, statement)
        return
    start, end = doc.start(call), doc.end(call)
    kept_start, kept_end = doc.outer(kept)
    text = doc.text[kept_start:kept_end]
    if _needs_parentheses(doc, call, kept) or (not call.lpar and not parses(text.strip(), "eval")):
        doc.changes.wrap(kept_start, kept_end, "(", ")")
    doc.changes.delete(start, kept_start)
    doc.changes.delete(kept_end, end)


CLOSED = (cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.List, cst.Dict, cst.Set, cst.SimpleString, cst.Integer)
FREE = (cst.Assign, cst.AnnAssign, cst.AugAssign, cst.Return, cst.Expr, cst.Arg, cst.Element, cst.Index)


def _needs_parentheses(doc: Document, call: cst.Call, kept: cst.BaseExpression) -> bool:
    """Return whether what stands around `call` binds tighter than the operators of `kept`."""
    if isinstance(kept, CLOSED) or list(getattr(kept, "lpar", None) or ()) or call.lpar:
        return False
    if isinstance(kept, (cst.Tuple, cst.NamedExpr, cst.Yield, cst.GeneratorExp, cst.Lambda)):
        return True
    above = doc.parent(call)
    return not isinstance(above, FREE) or (isinstance(above, cst.Arg) and bool(above.star))
