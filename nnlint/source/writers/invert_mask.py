"""The text writer of `InvertMask`: a mask of true and false the other way round."""

from __future__ import annotations

import libcst as cst

from ...fix import InvertMask
from .changes import CannotApply
from .document import Document, last_name
from .layers import binding
from .workspace import Workspace

_KEYWORDS = ("key_padding_mask", "src_key_padding_mask", "attn_mask", "mask", "src_mask", "attention_mask")
_POSITIONS = {"scaled_dot_product_attention": 3}
_OPPOSITE = {cst.Equal: "!=", cst.NotEqual: "==", cst.LessThan: ">=", cst.GreaterThan: "<=",
             cst.LessThanEqual: ">", cst.GreaterThanEqual: "<"}  # fmt: skip


def write_invert_mask(work: Workspace, verb: InvertMask) -> None:
    """Write `InvertMask`: where the mask is made, else where it is handed over. Raises CannotApply."""
    doc = work.document(verb.call.path)
    call = doc.call_at(verb.call)
    if call is None:
        raise CannotApply(f"the call in line {verb.call.line} was not found")
    mask = _mask(doc, call)
    if isinstance(mask, cst.Name) and (made := _made(doc, mask)) is not None:
        mask = made
    _invert(doc, mask)


def _mask(doc: Document, call: cst.Call) -> cst.BaseExpression:
    """Return what is handed over as the mask of padding; the only argument that can be it."""
    for keyword in _KEYWORDS:
        for arg in call.args:
            if arg.keyword is not None and arg.keyword.value == keyword:
                return arg.value
    at = _POSITIONS.get(last_name(call.func))
    if at is not None and at < len(call.args) and call.args[at].keyword is None:
        return call.args[at].value
    raise CannotApply(f"the call in line {doc.line(doc.start(call))} names no mask")


def _made(doc: Document, name: cst.Name) -> cst.BaseExpression | None:
    """Return the comparison that a name is bound to in the same function, where nothing else reads it."""
    scope = doc.scope(name)
    uses = [use for use in doc.uses(name.value, scope) if use is not name]
    if len(uses) != 1:
        return None
    assign = doc.parent(doc.parent(uses[0]) or uses[0])
    if not isinstance(assign, cst.Assign) or binding(doc, assign.value) != name.value:
        return None
    return assign.value if _comparisons(doc, assign.value) else None


def _comparisons(doc: Document, value: cst.BaseExpression) -> list[cst.BaseExpression]:
    """Return the comparisons (or inversions) that a mask is made of, views of it left out."""
    while isinstance(value, (cst.Subscript, cst.Call)):
        if isinstance(value, cst.Subscript):
            value = value.value
        elif isinstance(value.func, cst.Attribute) and value.func.attr.value in VIEWS:
            value = value.func.value
        elif isinstance(value.func, cst.Attribute) and value.func.attr.value in NAMED:
            return [value]
        else:
            return []
    if isinstance(value, cst.UnaryOperation) and isinstance(value.operator, cst.BitInvert):
        return [value]
    if isinstance(value, cst.Comparison) and len(value.comparisons) == 1:
        return [value] if type(value.comparisons[0].operator) in _OPPOSITE else []
    return []


VIEWS = ("unsqueeze", "squeeze", "view", "reshape", "expand", "bool", "to", "transpose", "contiguous")
NAMED = {"eq": "ne", "ne": "eq", "gt": "le", "le": "gt", "lt": "ge", "ge": "lt"}
"""Comparisons that are methods of a tensor, with their opposites."""


def _invert(doc: Document, mask: cst.BaseExpression) -> None:
    found = _comparisons(doc, mask)
    if not found:
        closed = isinstance(mask, (cst.Name, cst.Attribute, cst.Call, cst.Subscript)) or bool(mask.lpar)
        if not isinstance(mask, (cst.Name, cst.Attribute)):
            raise CannotApply("it cannot be told how the mask is made")
        doc.changes.wrap(*doc.outer(mask), "~" if closed else "~(", "" if closed else ")")
        return
    one = found[0]
    if isinstance(one, cst.UnaryOperation):
        doc.changes.delete(doc.start(one), doc.outer(one.expression)[0])
    elif isinstance(one, cst.Call):
        assert isinstance(one.func, cst.Attribute)
        name = one.func.attr
        doc.changes.replace(doc.start(name), doc.end(name), NAMED[name.value])
    else:
        assert isinstance(one, cst.Comparison)
        operator = one.comparisons[0].operator
        start = doc.outer(one.left)[1]
        end = doc.outer(one.comparisons[0].comparator)[0]
        doc.changes.replace(start, end, f" {_OPPOSITE[type(operator)]} ")
