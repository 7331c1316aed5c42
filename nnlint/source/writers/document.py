"""One source file as the writers see it: its tree, where each node stands, and the changes made so far."""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from ...facts import Span
from .changes import CannotApply, Changes

if TYPE_CHECKING:
    from .items import Items

N = TypeVar("N", bound=cst.CSTNode)
Scope = cst.FunctionDef | cst.ClassDef | cst.Lambda | cst.Module


Parsed = tuple[cst.Module, Mapping[cst.CSTNode, CodeRange], Mapping[cst.CSTNode, cst.CSTNode], tuple[cst.CSTNode, ...]]


@lru_cache(maxsize=16)
def _parsed(text: str) -> Parsed:
    """Return the tree of a text, where its nodes stand, who holds whom, and all nodes in the order of the source."""
    wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
    positions = wrapper.resolve(PositionProvider)
    parents: dict[cst.CSTNode, cst.CSTNode] = {}
    found: list[cst.CSTNode] = []
    todo: list[cst.CSTNode] = [wrapper.module]
    while todo:
        node = todo.pop()
        found.append(node)
        for child in _children(node):
            parents[child] = node
            todo.append(child)
    found.sort(key=lambda node: (positions[node].start.line, positions[node].start.column))
    return wrapper.module, positions, parents, tuple(found)


SPACE = (cst.BaseParenthesizableWhitespace, cst.TrailingWhitespace, cst.EmptyLine, cst.Newline)


def _children(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield what a node holds, white space left out. (`CSTNode.children` rebuilds every node: ten times slower.)"""
    for name in node.__dataclass_fields__:
        value = getattr(node, name)
        for part in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(part, cst.CSTNode) and not isinstance(part, SPACE):
                yield part


class Document:
    """A parsed file. Offsets are code points from 0 in `text`; spans count lines and columns from 1.

    Raises CannotApply where the text is not valid Python.
    """

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.changes = Changes()
        self.items: dict[cst.CSTNode, Items] = {}
        self.dropped: dict[cst.CSTNode, None] = {}
        self.abandoned: dict[str, None] = {}
        """Expressions (`self.act`, `softmax`) that lost a use: what builds them goes too when none is left."""
        self.notes: dict[object, None] = {}
        """What the writers of one fix have to remember of each other: names they gave, calls they changed."""
        try:
            self.module, self._positions, self._parents, self.nodes = _parsed(text.removeprefix("\ufeff"))
        except cst.ParserSyntaxError as error:
            raise CannotApply(f"{path} is not valid Python (line {error.raw_line})") from error
        self._mark = len(text) - len(text.removeprefix("\ufeff"))
        self._lines = [self._mark] + [m.end() for m in re.finditer(r"\r\n|\r|\n", text)]
        self.newline = self.module.default_newline

    # -- places ---------------------------------------------------------------------------------------------------

    def start(self, node: cst.CSTNode) -> int:
        """Return the offset of the first code point of `node`, parentheses around it left out."""
        position = self._positions[node].start
        return self._lines[position.line - 1] + position.column

    def end(self, node: cst.CSTNode) -> int:
        """Return the offset behind `node`, parentheses around it left out."""
        position = self._positions[node].end
        return self._lines[position.line - 1] + position.column

    def outer(self, node: cst.CSTNode) -> tuple[int, int]:
        """Return the offsets of `node` with the parentheses around it."""
        left, right = getattr(node, "lpar", ()), getattr(node, "rpar", ())
        left, right = (left, right) if isinstance(left, (tuple, list)) else ((), ())
        return self.start(left[0] if left else node), self.end(right[-1] if right else node)

    def line(self, offset: int) -> int:
        """Return the line (from 1) of an offset."""
        return bisect_right(self._lines, offset)

    def line_start(self, offset: int) -> int:
        """Return the offset at which the line of `offset` begins."""
        return self._lines[self.line(offset) - 1]

    def line_end(self, offset: int) -> int:
        """Return the offset of the line break (or of the end of the text) of the line of `offset`."""
        return self.line_start(offset) + len(
            re.split(r"\r\n|\r|\n", self.text[self.line_start(offset) :], maxsplit=1)[0]
        )

    def next_line(self, offset: int) -> int:
        """Return the offset at which the line after that of `offset` begins."""
        line = self.line(offset)
        return self._lines[line] if line < len(self._lines) else len(self.text)

    def indent(self, offset: int) -> str:
        """Return the white space at the beginning of the line of `offset`."""
        line = self.text[self.line_start(offset) : self.line_end(offset)]
        return line[: len(line) - len(line.lstrip(" \t\f"))]

    def opens_line(self, offset: int) -> bool:
        """Return whether only white space stands before `offset` on its line."""
        return not self.text[self.line_start(offset) : offset].strip()

    def closes_line(self, offset: int) -> bool:
        """Return whether nothing but a comment follows `offset` on its line."""
        rest = self.text[offset : self.line_end(offset)].strip()
        return not rest or rest.startswith("#")

    def code(self, node: cst.CSTNode) -> str:
        """Return the source of `node` with the parentheses around it."""
        start, end = self.outer(node)
        return self.text[start:end]

    # -- tree -----------------------------------------------------------------------------------------------------

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """Return the node that holds `node`; None for the module."""
        return self._parents.get(node)

    def ancestors(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """Yield what holds `node`, the nearest first."""
        while (above := self._parents.get(node)) is not None:
            yield above
            node = above

    def above(self, node: cst.CSTNode, kind: type[N]) -> N | None:
        """Return the nearest holder of `node` of one kind."""
        return next((above for above in self.ancestors(node) if isinstance(above, kind)), None)

    def all(self, kind: type[N]) -> list[N]:
        """Return every node of one kind, in the order of the source."""
        return [node for node in self.nodes if isinstance(node, kind)]

    def inside(self, node: cst.CSTNode, holder: cst.CSTNode) -> bool:
        """Return whether `node` stands somewhere in `holder`."""
        return any(above is holder for above in self.ancestors(node))

    def scope(self, node: cst.CSTNode) -> Scope:
        """Return the function, class or module whose names `node` sees first."""
        return next(above for above in self.ancestors(node) if isinstance(above, Scope))

    def uses(self, expression: str, within: cst.CSTNode | None = None) -> list[cst.BaseExpression]:
        """Return where a name (`act`) or attribute (`self.act`) is read or written, bindings included.

        For `self.act` every attribute of that name counts, on whatever object.
        """
        last = expression.rpartition(".")[2]
        kind: type[cst.Name] | type[cst.Attribute] = cst.Attribute if "." in expression else cst.Name
        found: list[cst.BaseExpression] = []
        for node in self.all(kind):
            if within is not None and not self.inside(node, within):
                continue
            if (isinstance(node, cst.Attribute) and node.attr.value == last) or (
                isinstance(node, cst.Name) and node.value == last and not self._is_label(node)
            ):
                found.append(node)
        return found

    def variables(self) -> set[str]:
        """Return every name that stands for a variable somewhere in the file."""
        return {node.value for node in self.all(cst.Name) if not self._is_label(node)}

    def _is_label(self, node: cst.Name) -> bool:
        """Return whether a name is an attribute's, a keyword's or an import's, and so no variable."""
        above = self.parent(node)
        if isinstance(above, cst.Attribute) and above.attr is node:
            return True
        if isinstance(above, cst.Arg):
            return above.keyword is node
        while isinstance(above, cst.Attribute):
            above = self.parent(above)
        return isinstance(above, (cst.ImportAlias, cst.AsName, cst.ImportFrom))

    # -- spans ----------------------------------------------------------------------------------------------------

    def call_at(self, span: Span, fits: frozenset[str] = frozenset()) -> cst.Call | None:
        """Return the call at `span`; where columns are unknown, the only one on its line whose name is in `fits`."""
        if span.end_line is not None and span.end_column is not None:
            if not 0 < span.end_line <= len(self._lines):
                return None
            end = self._lines[span.end_line - 1] + span.end_column - 1
            start = self._lines[span.line - 1] + (span.column or 1) - 1
            # A call's closing parenthesis is its own, so the end alone tells calls apart. (The start does not: for
            # `a.b(x).c(y)` over several lines Python names the line of `.c`.)
            calls = (call for call in self.all(cst.Call) if self.end(call) == end)
            return next((c for c in calls if span.column is None or self.start(c) <= start < self.end(c.func)), None)
        on_line = [c for c in self.all(cst.Call) if self._positions[c].start.line <= span.line <= self._name_line(c)]
        named = [call for call in on_line if last_name(call.func) in fits] or (on_line if not fits else [])
        return named[0] if len(named) == 1 else None

    def _name_line(self, call: cst.Call) -> int:
        return self.line(self.end(call.func))

    def statement_at(self, span: Span) -> cst.CSTNode | None:
        """Return the innermost statement (a simple one or a whole compound one) that begins at or holds `span`."""
        if not 0 < span.line <= len(self._lines):
            return None
        at = self._lines[span.line - 1]
        at += span.column - 1 if span.column else len(self.indent(at))
        best: cst.CSTNode | None = None
        for node in self.nodes:
            if isinstance(node, (cst.BaseSmallStatement, cst.BaseCompoundStatement)):
                start, end = self.first(node), self.end(node)
                if start <= at < max(end, start + 1):
                    best = node
        return best

    def first(self, statement: cst.CSTNode) -> int:
        """Return where a statement begins, its decorators included."""
        decorators = getattr(statement, "decorators", ())
        return self.start(decorators[0] if decorators else statement)


def last_name(expression: cst.CSTNode) -> str:
    """Return the last name of `nn.Softmax` or `relu`; "" for anything else."""
    if isinstance(expression, cst.Attribute):
        return expression.attr.value
    return expression.value if isinstance(expression, cst.Name) else ""


def parses(text: str, mode: str = "exec") -> bool:
    """Return whether `text` is valid Python by itself."""
    try:
        ast.parse(text, mode=mode)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True
