"""Whole statements: taken out with their line, or put beside another at its indentation."""

from __future__ import annotations

import re
from collections.abc import Sequence

import libcst as cst

from .changes import CannotApply
from .document import Document

Line = cst.SimpleStatementLine | cst.SimpleStatementSuite
Block = cst.Module | cst.IndentedBlock


def drop_statement(doc: Document, statement: cst.CSTNode) -> None:
    """Plan to take a statement out. The line goes with it, and an `if` that would be left without a body."""
    doc.dropped[statement] = None


def write_drops(doc: Document) -> None:
    """Hand the planned removals of statements to the document's changes."""
    gone = dict(doc.dropped)
    lines: dict[cst.CSTNode, None] = {}
    for statement in gone:
        line = doc.parent(statement) if isinstance(statement, cst.BaseSmallStatement) else statement
        if line is None:
            raise CannotApply("a statement has no line")
        siblings = line.body if isinstance(line, (cst.SimpleStatementLine, cst.SimpleStatementSuite)) else [line]
        if all(s in gone for s in siblings):
            lines[line] = None
        else:
            _drop_beside(doc, statement, [s for s in siblings if isinstance(s, cst.BaseSmallStatement)], gone)
    todo = list(lines)
    while todo:
        line = todo.pop()
        holder = doc.parent(line)
        if isinstance(line, cst.SimpleStatementSuite) or (
            isinstance(holder, cst.IndentedBlock) and all(s in lines for s in holder.body)
        ):
            owner = holder if isinstance(line, cst.SimpleStatementSuite) else doc.parent(holder) if holder else None
            if owner not in lines:
                _check_removable(doc, owner)
                assert owner is not None
                lines[owner] = None
                todo.append(owner)
    for line in lines:
        if not any(above in lines for above in doc.ancestors(line)):
            _delete_lines(doc, line)


def _drop_beside(
    doc: Document,
    statement: cst.CSTNode,
    siblings: Sequence[cst.BaseSmallStatement],
    gone: dict[cst.CSTNode, None],
) -> None:
    """Take one of several statements out of `a; b; c`."""
    i = next(k for k, s in enumerate(siblings) if s is statement)
    if i + 1 < len(siblings):
        doc.changes.delete(doc.start(statement), doc.start(siblings[i + 1]))
    else:
        while i and siblings[i - 1] in gone:
            i -= 1
        doc.changes.delete(doc.end(siblings[i - 1]), doc.end(statement))


def _check_removable(doc: Document, owner: cst.CSTNode | None) -> None:
    """Only an `if` of its own, whose test does nothing but look, may go with its body."""
    if isinstance(owner, cst.If) and owner.orelse is None and not isinstance(doc.parent(owner), cst.If):
        asked = [owner.test, *_below(owner.test)]
        if not any(isinstance(n, (cst.Call, cst.NamedExpr, cst.Await, cst.Yield)) for n in asked):
            return
    raise CannotApply("nothing would be left of the block that holds it")


def _below(node: cst.CSTNode) -> list[cst.CSTNode]:
    found = list(node.children)
    for child in node.children:
        found += _below(child)
    return found


def _delete_lines(doc: Document, line: cst.CSTNode) -> None:
    """Delete the lines of a statement; of two blank lines that would meet, one goes too."""
    start, end = doc.line_start(doc.first(line)), doc.next_line(max(doc.first(line), doc.end(line) - 1))
    blank_before = start > 0 and not doc.text[doc.line_start(start - 1) : start].strip()
    blank_after = end < len(doc.text) and not doc.text[end : doc.next_line(end)].strip()
    if blank_before and blank_after and doc.text[end : doc.next_line(end)]:
        end = doc.next_line(end)
    doc.changes.delete(start, end)


def insert_beside(doc: Document, statement: cst.CSTNode, text: str, where: str) -> None:
    """Put statements (their own indentation relative) on lines before or after `statement`, at its indentation."""
    if isinstance(statement, cst.BaseSmallStatement):
        line = doc.parent(statement)
        assert isinstance(line, (cst.SimpleStatementLine, cst.SimpleStatementSuite))
        if isinstance(line, cst.SimpleStatementSuite) or len(line.body) > 1:
            _insert_inline(doc, statement, text, where)
            return
    step = doc.module.default_indent
    rows = []
    for row in text.split("\n"):
        bare = row.lstrip(" ")
        rows.append(step * ((len(row) - len(bare)) // 4) + bare)
    _insert_rows(doc, statement, rows, where)


def insert_lines(doc: Document, statement: cst.CSTNode, text: str, indent: str, where: str) -> None:
    """Put whole lines that stand elsewhere at `indent` before or after `statement`, at its indentation."""
    rows = [row.removeprefix(indent) for row in re.split(r"\r\n|\r|\n", text)]
    _insert_rows(doc, statement, rows[:-1] if rows[-1] == "" else rows, where)


def _insert_rows(doc: Document, statement: cst.CSTNode, rows: Sequence[str], where: str) -> None:
    first = doc.first(statement)
    indent = doc.indent(first)
    written = "".join((indent + row if row else "") + doc.newline for row in rows)
    if where == "before":
        doc.changes.insert(doc.line_start(first), written)
        return
    last = max(first, doc.end(statement) - 1)
    if isinstance(statement, cst.BaseCompoundStatement):
        last = last_code(doc, statement)
    at = doc.next_line(last)
    if at == doc.line_end(last):  # the file ends here, without a line break
        doc.changes.insert(at, doc.newline + written.removesuffix(doc.newline))
    else:
        doc.changes.insert(at, written)


def last_code(doc: Document, node: cst.CSTNode) -> int:
    """Return an offset on the last line with code in a compound statement (its comments and blank lines left out)."""
    smalls = [s for s in doc.nodes if isinstance(s, cst.BaseSmallStatement) and doc.inside(s, node)]
    return max(max(doc.start(s), doc.end(s) - 1) for s in smalls)


def _insert_inline(doc: Document, statement: cst.CSTNode, text: str, where: str) -> None:
    if "\n" in text or text.startswith(("if ", "for ", "with ", "while ", "def ", "class ", "try")):
        raise CannotApply("the statement shares its line with others")
    if where == "before":
        doc.changes.insert(doc.start(statement), text + "; ")
    else:
        doc.changes.insert(doc.end(statement), "; " + text)
