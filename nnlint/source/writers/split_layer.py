"""The text writer of `SplitLayer`: a layer of its own for each call of one."""

from __future__ import annotations

import re

import libcst as cst

from ...fix import SplitLayer
from .changes import CannotApply
from .layers import binding, construction, in_loop, label, own_call
from .workspace import Workspace


def write_split_layer(work: Workspace, verb: SplitLayer) -> None:
    """Write `SplitLayer`: `self.bn1` and `self.bn2` for `self.bn`. Raises CannotApply where calls share a place."""
    first = verb.nodes[0]
    if first.built is None:
        raise CannotApply(f"it is not known where {label(first)} is built")
    doc = work.document(first.built.path)
    built = construction(doc, first)
    name = binding(doc, built)
    statement = doc.statement_at(first.built)
    if name is None or not name.startswith("self.") or not isinstance(statement, cst.Assign) or in_loop(doc, built):
        raise CannotApply(f"{label(first)} is not built as an attribute of its own")
    calls = [own_call(doc, node) for node in verb.nodes]
    if None in calls or len({id(call) for call in calls}) < len(calls):
        raise CannotApply(f"one place in the source makes several of the calls of {label(first)}")
    uses = [use for use in doc.uses(name) if doc.parent(use) not in calls and use is not statement.targets[0].target]
    if uses:
        raise CannotApply(f"`{name}` is used in line {doc.line(doc.start(uses[0]))} as well")
    new = _names(name.removeprefix("self."), len(calls), {a.attr.value for a in doc.all(cst.Attribute)})
    target, indent = statement.targets[0].target, doc.indent(doc.start(statement))
    rest = doc.text[doc.outer(target)[1] : doc.outer(built)[1]]
    rows = [f"self.{one}{rest}" for one in new]
    doc.changes.replace(doc.start(target), doc.outer(built)[1], (doc.newline + indent).join(rows))
    for call, one in zip(calls, new, strict=True):
        assert call is not None
        doc.changes.replace(*doc.outer(call.func), f"self.{one}")


def _names(old: str, count: int, taken: set[str]) -> list[str]:
    """Return `bn1`, `bn2` for `bn`; for `bn1` the next ones that are free."""
    base = re.sub(r"_?\d+$", "", old) or old
    separator = "_" if "_" in old[len(base) :] else ""
    free = (f"{base}{separator}{i}" for i in range(1, 1000))
    names = [name for name in free if name == old or name not in taken]
    return names[:count]
