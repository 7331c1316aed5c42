"""Changes to the length of a sequence: whether the file counts on the places of its items, and new items."""

from __future__ import annotations

import libcst as cst

from .changes import CannotApply
from .document import Document
from .items import Items
from .layers import Item, binding


def check_indexes(doc: Document, item: Item, *, removed: bool, after: bool = True) -> None:
    """Raise CannotApply where the file takes items out of the sequence by an index that would name another one."""
    if not isinstance(item.holder, (cst.Call, cst.List)):
        return
    name = binding(doc, item.holder)
    if name is None:
        return
    count = len(Items.of(doc, item.holder).entries)
    first_moved = item.index + 1 if removed or after else item.index
    for use in doc.uses(name):
        above = doc.parent(use)
        if not isinstance(above, cst.Subscript) or above.value is not use or len(above.slice) != 1:
            continue
        index = _literal_index(above.slice[0].slice)
        if index is not None and index < 0:
            moved = (removed and count + index <= item.index) or (not removed and count + index < first_moved)
        else:
            moved = index is None or index >= (item.index if removed else first_moved)
        if moved:
            raise CannotApply(f"`{doc.code(above)}` in line {doc.line(doc.start(above))} counts on the place of items")


def _literal_index(part: cst.BaseSlice) -> int | None:
    if not isinstance(part, cst.Index):
        return None
    value: cst.BaseExpression = part.value
    if isinstance(value, cst.UnaryOperation) and isinstance(value.operator, cst.Minus):
        return -int(value.expression.value) if isinstance(value.expression, cst.Integer) else None
    return int(value.value) if isinstance(value, cst.Integer) else None
