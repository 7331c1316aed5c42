"""The text writer of `WrapStatement`: a statement under a `with`, its lines one step further in."""

from __future__ import annotations

import libcst as cst

from ...fix import WrapStatement
from .changes import AHEAD, CannotApply
from .document import Document, parses
from .places import largest
from .spelling import respelled
from .statements import last_code
from .workspace import Workspace

_STRINGS = (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString)


def write_wrap_statement(work: Workspace, verb: WrapStatement) -> None:
    """Write `WrapStatement`. Raises CannotApply where the place is not found or cannot be moved to the right."""
    doc = work.document(verb.at.path)
    statement = doc.statement_at(verb.at)
    if statement is None:
        raise CannotApply(f"there is no statement in line {verb.at.line}")
    if not parses(f"{verb.header}\n    pass"):
        raise CannotApply(f"`{verb.header}` opens no block")
    whole = largest(doc, statement, verb.clear_of)
    _check(doc, whole)
    first = doc.first(whole)
    last = last_code(doc, whole) if isinstance(whole, cst.BaseCompoundStatement) else max(first, doc.end(whole) - 1)
    indent, step = doc.indent(first), doc.module.default_indent
    header = respelled(work.names(doc), f"{verb.header}\n    pass").removesuffix("\n    pass")
    at = doc.line_start(first)
    doc.changes.insert(at, indent + header + doc.newline + step, AHEAD)
    while (at := doc.next_line(at)) <= last and at < len(doc.text):
        if doc.text[at : doc.line_end(at)].strip():
            doc.changes.insert(at, step, AHEAD)


def _check(doc: Document, statement: cst.CSTNode) -> None:
    """Raise CannotApply where lines cannot be moved to the right without changing what they mean."""
    if isinstance(statement, cst.BaseSmallStatement):
        line = doc.parent(statement)
        if not isinstance(line, cst.SimpleStatementLine) or len(line.body) > 1:
            raise CannotApply("the statement shares its line with others")
    if isinstance(statement, (cst.FunctionDef, cst.ClassDef)):
        raise CannotApply("it is a definition")
    for kind in _STRINGS:
        for text in doc.all(kind):
            if doc.inside(text, statement) and doc.line(doc.start(text)) != doc.line(doc.end(text)):
                raise CannotApply("it holds a text of several lines")
