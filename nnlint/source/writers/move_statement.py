"""The text writer of `MoveStatement`: a statement with its comment, taken to another place."""

from __future__ import annotations

import libcst as cst

from ...fix import MoveStatement
from .changes import CannotApply
from .document import Document
from .places import loops_around, statement_for
from .statements import drop_statement, insert_lines
from .workspace import Workspace


def write_move_statement(work: Workspace, verb: MoveStatement) -> None:
    """Write `MoveStatement`. Raises CannotApply where either place is not found, or names would be out of sight."""
    doc = work.document(verb.at.path)
    moved = doc.statement_at(verb.statement) if verb.statement.path == verb.at.path else None
    if not isinstance(moved, cst.BaseSmallStatement):
        raise CannotApply(f"line {verb.statement.line} holds no statement that can be moved")
    line = doc.parent(moved)
    if not isinstance(line, cst.SimpleStatementLine) or len(line.body) > 1:
        raise CannotApply("the statement shares its line with others")
    target, side = statement_for(doc, verb.at, verb.where)
    if target is moved:
        raise CannotApply("the statement stands there already")
    if doc.scope(moved) is not doc.scope(target):
        raise CannotApply("the statement would leave its function")
    if verb.where == "before_loops":
        outer = loops_around(doc, moved)[-1]
        _check_free(doc, moved, outer)
        if _stands_before(doc, moved, outer):
            drop_statement(doc, moved)
            return
    start, end = doc.line_start(doc.first(line)), doc.next_line(max(doc.first(line), doc.end(line) - 1))
    insert_lines(doc, target, doc.text[start:end], doc.indent(doc.first(line)), side)
    drop_statement(doc, moved)


def _check_free(doc: Document, moved: cst.CSTNode, loop: cst.CSTNode) -> None:
    """Raise CannotApply where a statement reads what the loop binds."""
    read = {n.value for n in doc.all(cst.Name) if doc.inside(n, moved)}
    bound = {
        n.value
        for n in doc.all(cst.Name)
        if doc.inside(n, loop) and not doc.inside(n, moved) and n.value in read and _binds(doc, n)
    }
    if bound:
        raise CannotApply(f"it reads `{min(bound)}`, which the loop sets")


def _stands_before(doc: Document, moved: cst.CSTNode, loop: cst.CSTNode) -> bool:
    """Return whether the same statement stands ahead of a loop already, and nothing between sets what it reads."""
    block = doc.parent(loop)
    body = list(block.body) if isinstance(block, (cst.Module, cst.IndentedBlock)) else []
    ahead = body[: body.index(loop)] if loop in body else []  # type: ignore[arg-type]
    line = doc.parent(moved) if isinstance(moved, cst.BaseSmallStatement) else moved
    text = doc.code(line).strip() if line is not None else ""
    same = [at for at, one in enumerate(ahead) if doc.code(one).strip() == text]
    if not same:
        return False
    try:
        for one in ahead[same[-1] + 1 :]:
            _check_free(doc, moved, one)
    except CannotApply:
        return False
    return True


def _binds(doc: Document, name: cst.Name) -> bool:
    node: cst.CSTNode = name
    above = doc.parent(node)
    while isinstance(above, (cst.Element, cst.StarredElement, cst.Tuple, cst.List)):
        node, above = above, doc.parent(above)
    targets = (cst.AssignTarget, cst.For, cst.CompFor, cst.AnnAssign, cst.AugAssign, cst.NamedExpr)
    return (isinstance(above, targets) and above.target is node) or isinstance(above, cst.AsName)
