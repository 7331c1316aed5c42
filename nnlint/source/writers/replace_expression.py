"""The text writer of `ReplaceExpression`: another expression in the place of one, made of its parts."""

from __future__ import annotations

import re

import libcst as cst

from ...facts import Span
from ...fix import ReplaceExpression
from .changes import CannotApply
from .document import Document, parses
from .spelling import respelled
from .workspace import Workspace

_CLOSED = (cst.Name, cst.Call, cst.Attribute, cst.Subscript, cst.Integer, cst.Float, cst.SimpleString, cst.List,
           cst.ListComp, cst.Dict, cst.DictComp)  # fmt: skip
"""What needs no parentheses in front of `.method()`."""


def write_replace_expression(work: Workspace, verb: ReplaceExpression) -> None:
    """Write `ReplaceExpression`. Raises CannotApply where the place is not found or the text stands there."""
    doc = work.document(verb.at.path)
    node = expression_at(doc, verb.at)
    if node is None:
        raise CannotApply(f"the expression in line {verb.at.line} was not found")
    start, end = doc.outer(node)
    parts = {name: _part(doc, node, name) for name in set(re.findall(r"\{(\w+)\}", verb.text))}
    text = re.sub(r"\{(\w+)\}", lambda found: parts[found[1]], verb.text)
    if not parses(f"({text})", "eval"):
        raise CannotApply(f"`{text}` is not an expression")
    if doc.text[start:end] == text:
        raise CannotApply(f"`{text}` stands there already")
    if "#" in doc.text[start:end] and "\n" in doc.text[start:end] and "#" not in text:
        raise CannotApply("a comment would be lost")
    doc.changes.replace(start, end, respelled(work.names(doc), text))


def expression_at(doc: Document, span: Span) -> cst.BaseExpression | None:
    """Return the expression that stands exactly at `span`; a call also by its end alone."""
    if span.column is None or span.end_line is None or span.end_column is None:
        return doc.call_at(span)
    for node in doc.nodes:
        if not isinstance(node, cst.BaseExpression):
            continue
        for start, end in ((doc.start(node), doc.end(node)), doc.outer(node)):
            if (doc.line(start), doc.line(end)) == (span.line, span.end_line) and (
                start - doc.line_start(start) + 1 == span.column and end - doc.line_start(end) + 1 == span.end_column
            ):
                return node
    return doc.call_at(span)


def _part(doc: Document, node: cst.BaseExpression, name: str) -> str:
    """Return the source of a part of an expression, in parentheses where it does not hold together by itself."""
    if name == "self":
        return _closed(doc, node)
    if name == "owner" and isinstance(node, cst.Subscript):
        return _closed(doc, node.value)
    if name.startswith("input") and name[5:].isdigit():
        return _parameter(doc, node, int(name[5:]))
    if isinstance(node, cst.Call):
        if name == "args":
            return doc.text[doc.text.index("(", doc.outer(node.func)[1]) + 1 : doc.end(node) - 1]
        if name == "owner" and isinstance(node.func, cst.Attribute):
            return _closed(doc, node.func.value)
        if name.isdigit() and int(name) < len(node.args) and not any(a.star or a.keyword for a in node.args[:1]):
            return doc.code(node.args[int(name)].value)
    raise CannotApply(f"the expression has no part `{name}`")


def _parameter(doc: Document, node: cst.BaseExpression, index: int) -> str:
    """Return the name of an argument of the method that `node` stands in, where it still is what was handed over."""
    scope = doc.scope(node)
    taken = scope.params.params[1:] if isinstance(scope, cst.FunctionDef) else ()
    if index >= len(taken) or doc.above(node, cst.ClassDef) is None:
        raise CannotApply("the model's input is not known there")
    name = taken[index].name.value
    for use in doc.uses(name, scope):
        if isinstance(doc.parent(use), (cst.AssignTarget, cst.AugAssign, cst.For, cst.Element)):
            holder = doc.parent(use)
            if not isinstance(holder, cst.Element) or isinstance(
                doc.parent(doc.parent(holder) or holder), cst.AssignTarget
            ):
                raise CannotApply(f"`{name}` is something else by then")
    return name


def _closed(doc: Document, node: cst.BaseExpression) -> str:
    bare = not isinstance(node, _CLOSED) and not getattr(node, "lpar", ())
    return f"({doc.code(node)})" if bare else doc.code(node)
