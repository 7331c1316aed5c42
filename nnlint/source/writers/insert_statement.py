"""The text writer of `InsertStatement`: a statement on lines of its own beside another."""

from __future__ import annotations

import ast
import textwrap

import libcst as cst

from ...fix import InsertStatement
from .changes import CannotApply
from .document import Document, parses
from .places import bound_name, statement_for
from .spelling import respelled
from .statements import insert_beside
from .workspace import Workspace


def write_insert_statement(work: Workspace, verb: InsertStatement) -> None:
    """Write `InsertStatement`. Raises CannotApply where the place is not found or the statement stands there."""
    doc = work.document(verb.at.path)
    statement, side = statement_for(doc, verb.at, verb.where, verb.clear_of)
    text = textwrap.dedent(verb.text).strip("\n")
    if verb.names:
        text = text.format(*(bound_name(doc, span, statement) for span in verb.names))
    if not parses(text):
        raise CannotApply(f"`{text}` is not a statement")
    _check_new(doc, text)
    text = respelled(work.names(doc), text)
    if _neighbour(doc, statement, side) == text:
        raise CannotApply(f"`{text}` stands there already")
    if verb.where == "after_imports":
        text = "\n" + text
    insert_beside(doc, statement, text, side)


def _check_new(doc: Document, text: str) -> None:
    """Raise CannotApply where a name that the new statement binds is used for something else."""
    bound = {n.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    taken = sorted(bound & doc.variables())
    if taken:
        raise CannotApply(f"the name `{taken[0]}` is used for something else")


def _neighbour(doc: Document, statement: cst.CSTNode, where: str) -> str | None:
    """Return the source of the statement that stands where the new one would."""
    line = doc.parent(statement) if isinstance(statement, cst.BaseSmallStatement) else statement
    block = doc.parent(line) if line is not None else None
    if not isinstance(block, (cst.IndentedBlock, cst.Module)):
        return None
    at = next(i for i, s in enumerate(block.body) if s is line) + (1 if where == "after" else -1)
    if not 0 <= at < len(block.body):
        return None
    other = block.body[at]
    return doc.text[doc.first(other) : doc.end(other)].split("#")[0].strip()
