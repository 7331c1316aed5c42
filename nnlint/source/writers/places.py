"""Where a statement goes: beside another, behind the loop around it, in front of all loops, behind the imports."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from ...facts import Span
from .changes import CannotApply
from .document import Document, last_name

_LOOPS = (cst.For, cst.While)
_OPEN = (cst.For, cst.While, cst.With)
"""Compound statements that may be taken as a whole for what stands in them."""
_TRAINING = ("backward", "step", "train", "fit", "learn", "optimize", "update")


def statement_for(doc: Document, at: Span, where: str, clear_of: Sequence[Span] = ()) -> tuple[cst.CSTNode, str]:
    """Return the statement beside which something goes, and the side. Raises CannotApply where there is none."""
    if where == "after_imports":
        return _last_import(doc)
    statement = doc.statement_at(at)
    if statement is None:
        raise CannotApply(f"there is no statement in line {at.line}")
    if clear_of:
        return largest(doc, statement, clear_of), where
    if where not in ("after_loop", "after_loops", "before_loops"):
        return statement, where
    loops = loops_around(doc, statement)
    if not loops:
        raise CannotApply(f"no loop stands around line {at.line}")
    if where == "after_loop":
        return loops[0], "after"
    return loops[-1], "after" if where == "after_loops" else "before"


def loops_around(doc: Document, node: cst.CSTNode) -> list[cst.CSTNode]:
    """Return the loops around a node in its function, from the inside out."""
    found: list[cst.CSTNode] = []
    for above in doc.ancestors(node):
        if isinstance(above, (cst.FunctionDef, cst.ClassDef)):
            break
        if isinstance(above, _LOOPS):
            found.append(above)
    return found


def largest(doc: Document, statement: cst.CSTNode, clear_of: Sequence[Span]) -> cst.CSTNode:
    """Return the largest loop around a statement that trains nothing and holds none of these places, else itself."""
    best = statement
    for above in doc.ancestors(statement):
        if isinstance(above, (cst.SimpleStatementLine, cst.IndentedBlock)):
            continue
        if not isinstance(above, _OPEN) or _trains(doc, above) or any(_holds(doc, above, span) for span in clear_of):
            break
        best = above
    return best


def _holds(doc: Document, node: cst.CSTNode, span: Span) -> bool:
    first, last = doc.line(doc.start(node)), doc.line(max(doc.start(node), doc.end(node) - 1))
    return span.path == doc.path and first <= span.line <= last


def _trains(doc: Document, node: cst.CSTNode) -> bool:
    """Return whether something that may train is called in a statement, as far as names tell."""
    training = [call for call in doc.all(cst.Call) if _is_training(call)]
    guilty = {f.name.value for f in doc.all(cst.FunctionDef) if any(doc.inside(call, f) for call in training)}
    calls = [c for c in doc.all(cst.Call) if doc.inside(c, node)]
    return any(_is_training(call) or last_name(call.func) in guilty for call in calls)


def _is_training(call: cst.Call) -> bool:
    return any(word in last_name(call.func).lower().split("_") for word in _TRAINING)


def _last_import(doc: Document) -> tuple[cst.CSTNode, str]:
    """Return the last import at the top of the file, in front of anything else that is done there."""
    last: cst.CSTNode | None = None
    for line in doc.module.body:
        small = line.body[0] if isinstance(line, cst.SimpleStatementLine) else None
        if isinstance(small, (cst.Import, cst.ImportFrom)):
            last = line
        elif not (isinstance(small, cst.Expr) and isinstance(small.value, cst.SimpleString)):
            break
    if last is None:
        raise CannotApply("the file does not begin with imports")
    return last, "after"


def bound_name(doc: Document, span: Span, seen_from: cst.CSTNode) -> str:
    """Return the name or attribute that the expression at `span` is bound to, as it can be read at `seen_from`.

    Raises CannotApply where it is bound to nothing, or out of sight.
    """
    statement = doc.statement_at(span)
    target: cst.BaseExpression | None = None
    if isinstance(statement, cst.Assign) and len(statement.targets) == 1:
        target = statement.targets[0].target
    elif isinstance(statement, cst.AnnAssign):
        target = statement.target
    if not isinstance(target, (cst.Name, cst.Attribute)):
        raise CannotApply(f"what line {span.line} builds has no name")
    scope, here = doc.scope(target), doc.scope(seen_from)
    if isinstance(target, cst.Name) and not isinstance(scope, cst.Module) and scope is not here:
        raise CannotApply(f"`{target.value}` is not known where it is needed")
    return doc.code(target)
