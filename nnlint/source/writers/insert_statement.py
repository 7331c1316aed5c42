"""The text writer of `InsertStatement`: a statement on a line of its own beside another."""

from __future__ import annotations

import textwrap

import libcst as cst

from ...fix import InsertStatement
from .changes import CannotApply
from .document import Document, parses
from .names import Names, dotted_name
from .statements import insert_beside
from .workspace import Workspace


def write_insert_statement(work: Workspace, verb: InsertStatement) -> None:
    """Write `InsertStatement`. Raises CannotApply where the place is not found or the statement stands there."""
    doc = work.document(verb.at.path)
    statement = doc.statement_at(verb.at)
    if statement is None:
        raise CannotApply(f"there is no statement in line {verb.at.line}")
    text = textwrap.dedent(verb.text).strip("\n")
    if not parses(text):
        raise CannotApply(f"`{text}` is not a statement")
    text = _respelled(work.names(doc), text)
    if _neighbour(doc, statement, verb.where) == text:
        raise CannotApply(f"`{text}` stands there already")
    insert_beside(doc, statement, text, verb.where)


def _respelled(names: Names, text: str) -> str:
    """Write `torch....` with the file's own names."""
    if names.bound.get("torch") == "torch":
        return text
    module = cst.parse_module(text)
    found: set[str] = set()

    class Torch(cst.CSTVisitor):
        def visit_Attribute(self, node: cst.Attribute) -> bool:
            try:
                name = dotted_name(node)
            except CannotApply:
                return True
            if name.startswith("torch."):
                found.add(name)
            return False

    module.visit(Torch())
    for name in sorted(found, key=len, reverse=True):
        text = text.replace(name, names.spell(name))
    return text


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
